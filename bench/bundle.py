"""What a browser has to fetch of the control room: as files lie there, and as they are compressed."""

import gzip
import re
from pathlib import Path

from bench.figures import Figure, unmeasured
from bench.installation import Installation
from controller.static import packaged_dashboard

GROUP = "bundle"
_NAMED = re.compile(r'(?:src|href)="/(assets/[^"]+\.(?:js|css))"')
_KB = 1000


def measure(installation: Installation, *, quick: bool) -> list[Figure]:
    """Weigh what `index.html` names and what comes with the pages; nothing depends on the machine or on `quick`."""
    del installation, quick
    root = packaged_dashboard()
    index = root / "index.html"
    if not index.is_file():
        return [unmeasured(GROUP, "control room", "it was not built here; `make dashboard` builds it")]
    first = [root / name for name in _NAMED.findall(index.read_text(encoding="utf-8"))]
    rest = [
        path for path in sorted((root / "assets").iterdir()) if path.suffix in {".js", ".css"} and path not in first
    ]
    return [
        *_rows("before any page: shell, styles and libraries", first),
        *_rows("the largest file of those", [max(first, key=_bytes)]),
        *_rows(f"pages, views and highlighter, each when it is needed: {len(rest)} files", rest),
    ]


def _rows(name: str, files: list[Path]) -> list[Figure]:
    packed = sum(len(gzip.compress(path.read_bytes(), compresslevel=9)) for path in files)
    return [
        Figure(group=GROUP, name=name, value=sum(map(_bytes, files)) / _KB, unit="kB"),
        Figure(group=GROUP, name=f"{name}: gzip", value=packed / _KB, unit="kB"),
    ]


def _bytes(path: Path) -> int:
    return path.stat().st_size
