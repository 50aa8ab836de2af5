"""What one release of a real package changed lands on the release before it, module by module, proven by its own tests.

The short form of `tests/acceptance/test_real_packages.py`: the line in this process, and of the package's tests those that
the newer release adds or changes.
"""

import subprocess
from pathlib import Path

import pytest

from pipeline.change_request import Status
from tests.acceptance.test_real_packages import SOURCES, difference, failing, played, unpacked
from tests.line.harness import LineRun

BEFORE, AFTER = "boltons-26.0.0", "boltons-26.1.0"
KEPT = ("boltons", "tests")
"""Without its manifest: what it declares is installed in the long form."""

pytestmark = pytest.mark.skipif(not SOURCES.is_dir(), reason="`make sources` fetches the releases")


@pytest.mark.thorough
async def test_what_the_next_release_changed_is_merged_byte_for_byte(line: LineRun, tmp_path: Path) -> None:
    old, new = unpacked(BEFORE, tmp_path / "old"), unpacked(AFTER, tmp_path / "new")
    changed = difference(old, new)
    tests = [path for path in changed if path.startswith("tests/")]
    sources = [path for path in changed if path.startswith("boltons/")]
    for file in (old / "tests").glob("test_*.py"):
        if f"tests/{file.name}" not in tests:
            file.unlink()
    red = failing(old, new, tests, tmp_path / "mixed")
    assert red, "the newer tests must fail on the older release"
    files = {str(file.relative_to(old)): file.read_text() for top in KEPT for file in (old / top).rglob("*.py")}
    repository = line.repository(files, name="boltons")
    line.model.play(played(old, new, tests, sources, red))
    await line.submit(title="Become the next release", body="Bring what the next release adds.")
    ended = await line.to_the_end()
    assert ended.status is Status.COMPLETED, (ended.pause_reason, ended.pause_message, ended.pause_facts)
    for path in [*tests, *sources]:
        merged = subprocess.run(
            ["git", "-C", str(repository.path), "show", f"main:{path}"], capture_output=True, check=True
        )
        assert merged.stdout == (new / path).read_bytes(), path
