"""Which component of a repository uses which, as far as their manifests say.

Problem: a change of a library has to be proven by what uses it. Choice: a component uses another one where its own manifests
name a path into that one's folder, or the name that the other one's manifest gives itself. What a component uses decides its
environment too, so the manifests of that are among its own. Too many links cost time, too few a late surprise, never a proof.
"""

import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import PurePosixPath

from pipeline.ports import Stack
from pipeline.proof.json_text import parsed_object
from pipeline.proof.manifests import added_dependencies
from pipeline.proof.owners import ROOT, contains
from pipeline.repositories.stacks import Read

_PATH = re.compile(r"(?<![\w/.-])\.{1,2}/[\w./@+-]*")
_PYPROJECT_NAME = re.compile(
    r"(?ms)^\[(?:project|tool\.poetry)\]\s*$(?:(?!^\[).)*?^name\s*=\s*[\"'](?P<name>[\w.-]+)[\"']"
)
_CARGO_NAME = re.compile(r"(?ms)^\[package\]\s*$(?:(?!^\[).)*?^name\s*=\s*\"(?P<name>[\w-]+)\"")
_SETUP_NAME = re.compile(r"(?m)^\s*name\s*=\s*[\"']?(?P<name>[A-Za-z][\w.-]*)")
_GO_NAME = re.compile(r"(?m)^module\s+(?P<name>\S+)")


def linked(found: Sequence[Stack], read: Read) -> Iterator[tuple[Stack, tuple[str, ...]]]:
    """Tell which component uses which: by a path in a manifest, or by a name that another one's manifest gives itself."""
    if len(found) == 1:
        yield found[0], ()
        return
    texts = {one.root: dict(_own_manifests(one, read)) for one in found}
    names = {name: root for root, manifests in texts.items() for name in _names(manifests)}
    uses = {one.root: _used_by(one, found, texts[one.root], names) for one in found}
    for one in found:
        manifests = set(one.manifests)
        for other in found:
            if other.language is one.language and other.root in _reached(one.root, uses):
                manifests |= set(other.manifests)
        yield replace(one, manifests=tuple(sorted(manifests))), uses[one.root]


def _used_by(one: Stack, found: Sequence[Stack], texts: Mapping[str, str], names: Mapping[str, str]) -> tuple[str, ...]:
    by_name = {
        names.get(name)
        for path, text in texts.items()
        for name in added_dependencies(path.rpartition("/")[2], "", text)
    }
    places = [place for text in texts.values() for place in _paths(one.root, text)]
    by_path = {other.root for other in found for place in places if other.root != ROOT and contains(other.root, place)}
    return tuple(sorted(root for root in by_name | by_path if root is not None and root != one.root))


def _reached(root: str, uses: Mapping[str, Sequence[str]]) -> set[str]:
    found, waiting = set[str](), [root]
    while waiting:
        new = set(uses[waiting.pop()]) - found
        found |= new
        waiting.extend(new)
    return found


def _own_manifests(stack: Stack, read: Read) -> Iterator[tuple[str, str]]:
    for path in stack.manifests:
        if posixpath.dirname(path) == ("" if stack.root == ROOT else stack.root) and "lock" not in path:
            yield path, (read(path) or b"").decode(errors="replace")[:200_000]


def _names(manifests: Mapping[str, str]) -> Iterator[str]:
    for path, text in manifests.items():
        match PurePosixPath(path).name:
            case "pyproject.toml":
                yield from (re.sub(r"[-_.]+", "-", one["name"]).lower() for one in _PYPROJECT_NAME.finditer(text))
            case "setup.cfg" | "setup.py":
                yield from (re.sub(r"[-_.]+", "-", one["name"]).lower() for one in _SETUP_NAME.finditer(text))
            case "package.json":
                yield str(parsed_object(text).get("name", ""))
            case "Cargo.toml":
                yield from (one["name"] for one in _CARGO_NAME.finditer(text))
            case "go.mod":
                yield from (one["name"] for one in _GO_NAME.finditer(text))


def _paths(root: str, text: str) -> Iterator[str]:
    for found in _PATH.finditer(text):
        place = posixpath.normpath(posixpath.join(root, found.group(0)))
        if not place.startswith("..") and place != root:
            yield place
