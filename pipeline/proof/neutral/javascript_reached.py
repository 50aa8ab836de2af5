"""The files that a test file reaches by relative imports: one that itself uses the test library has no stand-in for it. Pure reading."""

import posixpath
import re
from collections.abc import Collection, Iterator
from pathlib import Path, PurePosixPath

from pipeline.proof.grammars import syntax_tree
from pipeline.proof.neutral.javascript_names import bound_names
from pipeline.proof.planting.planted import descendants, text_of
from pipeline.proof.untrusted_files import holds_file, read_source

_REACHED_MAX = 300
_SUFFIXES = (".js", ".mjs", ".cjs", ".ts", ".mts", ".cts", ".tsx", ".jsx")
_ASKED = re.compile(r"""(?:\bfrom|\bimport|\brequire)\s*\(?\s*['"]([^'"\n]+)['"]""")


def uses_library(folder: Path, inner: str, libraries: Collection[str], offered: Collection[str]) -> str:
    """Return the first file that a test file reaches and that calls what its runner offers; empty where none does."""
    calls = re.compile(rf"\b(?:{'|'.join(offered)})\b\s*[.(]") if offered else None
    ahead, seen = [inner], {inner}
    while ahead and len(seen) < _REACHED_MAX:
        path = ahead.pop()
        text = read_source(folder, path)
        asked = set(_ASKED.findall(text))
        if path != inner and (asked & set(libraries) or (calls and calls.search(text) and _calls(path, text, offered))):
            return path
        found = {reached for one in asked for reached in _reached(folder, path, one)}
        ahead += sorted(found - seen)
        seen |= found
    return ""


def _calls(path: str, text: str, offered: Collection[str]) -> bool:
    """Whether a file calls one of these names, and binds it nowhere; only to ask whether it is there is no call."""
    root = syntax_tree(PurePosixPath(path).suffix, text.encode("utf-8", "replace"))
    nodes = list(descendants(root))
    free = set(offered) - bound_names(nodes)
    for node in nodes:
        if node.type != "call_expression":
            continue
        called = node.child_by_field_name("function")
        while called is not None and called.type == "member_expression":
            called = called.child_by_field_name("object")
        if called is not None and called.type == "identifier" and text_of(called) in free:
            return True
    return False


def _reached(folder: Path, path: str, asked: str) -> Iterator[str]:
    if not asked.startswith("."):
        return
    bare = posixpath.normpath(posixpath.join(posixpath.dirname(path), asked))
    if bare.startswith(".."):
        return
    stem = re.sub(r"\.[mc]?jsx?$", "", bare)
    tries = (
        bare,
        *(stem + one for one in _SUFFIXES),
        *(bare + one for one in _SUFFIXES),
        *(f"{bare}/index{one}" for one in _SUFFIXES),
    )
    yield from (one for one in tries[:1] if one.endswith(_SUFFIXES) and holds_file(folder, one))
    yield from next(([one] for one in tries[1:] if holds_file(folder, one)), [])
