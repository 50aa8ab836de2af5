"""Which packages of Node are built before a suite runs, because what its tests load of them is no file of the repository.

Problem: tests load packages by their entry points, which are often built into folders that git ignores. On a developer's machine
installing built them (`prepare`), or a task runner does before it tests; in a clean checkout nobody has. Choice: where an entry
point that the code of a component loads is missing from the commit and its package has a script that builds, that script comes
before the tests of each run, after those of the packages that it loads itself. A test script that builds is left to itself. Pure.
"""

import posixpath
import re
import shlex
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from pipeline.ports import Language, Stack
from pipeline.proof.json_text import parsed_object
from pipeline.proof.node_scripts import suite_of
from pipeline.proof.owners import ROOT, contains

Read: TypeAlias = Callable[[str], bytes | None]
_PACKAGES_MAX = 200
_SOURCES_MAX = 300
_SOURCE_MAX_BYTES = 200_000
_BUILDS = ("build", "compile", "prepare", "prepack")
_NO_BUILD = re.compile(r"\b(?:husky|simple-git-hooks|lefthook|patch-package|is-ci|playwright)\b|^\s*$")
_BUILDS_OTHERS = re.compile(
    r"\b(?:turbo|nx|lerna|wireit|preconstruct|moon)\b|(?:^|\s)(?:--workspaces?|-ws?|-r|--recursive|--filter|-F|-b|--build)(?:[\s=]|$)"
)
_BUILDS_ITSELF = re.compile(r"\b(?:build|compile|tsc)\b")
_SOURCES = (".js", ".mjs", ".cjs", ".jsx", ".ts", ".mts", ".cts", ".tsx", ".vue", ".svelte")
_SUFFIXES = ("", ".js", ".mjs", ".cjs", ".json", ".node", ".ts", ".tsx", ".mts", ".cts")
_LOADED = re.compile(r"""(?:\bfrom|\brequire\(|\bimport\(|\bimport)\s*['"](?P<what>[^'"\n]{1,200})['"]""")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Package:
    folder: str
    script: str | None
    """What builds it; None where nothing does."""
    missing: tuple[str, ...]
    """Its entry points that the commit does not hold, as paths of the repository."""
    uses: frozenset[str]
    """Names of what it depends on."""


def builds_before(
    stack: Stack, files: Sequence[str], read: Read, *, code: Sequence[str], inner: Collection[str]
) -> tuple[str, ...]:
    """Return the commands that build what a component's code loads, as they are typed in its folder.

    Args:
        code: The files without what others wrote or a build made.
        inner: The roots of other components below this one's, whose code is not its own.
    """
    if stack.language is not Language.NODE:
        return ()
    packages = dict(_packages(files, code, read))
    first = _built_by_the_script(stack, read)
    if not any(one.missing and one.script for one in packages.values()) or _BUILDS_OTHERS.search(first):
        return ()
    own = [path for path in code if contains(stack.root, path) and not any(contains(root, path) for root in inner)]
    wanted = dict.fromkeys(_loaded(own, read, packages))
    wanted |= dict.fromkeys(_named_by_the_script(stack, read, packages))
    order: list[str] = []
    for name in wanted:
        _before(name, packages, order, frozenset())
    itself = _BUILDS_ITSELF.search(first) is not None
    return tuple(
        _command(packages[name], stack.root) for name in order if not (itself and packages[name].folder == stack.root)
    )


def _packages(files: Sequence[str], code: Sequence[str], read: Read) -> Iterator[tuple[str, _Package]]:
    present = frozenset(files)
    folders = {parent for path in files for parent in _parents(path)}
    manifests = [path for path in code if posixpath.basename(path) == "package.json"]
    for path in manifests[:_PACKAGES_MAX]:
        package = parsed_object((read(path) or b"").decode(errors="replace"))
        folder = posixpath.dirname(path) or ROOT
        scripts = package.get("scripts")
        texts: Mapping[str, Any] = scripts if isinstance(scripts, dict) else {}
        script = next((name for name in _BUILDS if _builds(texts.get(name))), None)
        entries = (posixpath.normpath(posixpath.join(folder, entry)) for entry in _entries(package))
        missing = (one for one in entries if not _is_there(one, present, folders) and contains(folder, one))
        uses = {
            str(name)
            for key in ("dependencies", "devDependencies", "peerDependencies")
            for name in _table(package, key)
        }
        yield (
            str(package.get("name") or folder),
            _Package(folder=folder, script=script, missing=tuple(dict.fromkeys(missing)), uses=frozenset(uses)),
        )


def _parents(path: str) -> Iterator[str]:
    while path := posixpath.dirname(path):
        yield path


def _builds(script: object) -> bool:
    return isinstance(script, str) and _NO_BUILD.search(script) is None


def _table(package: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = package.get(key)
    return found if isinstance(found, dict) else {}


def _entries(package: Mapping[str, Any]) -> Iterator[str]:
    """Yield the relative paths that others load a package by."""
    for key in ("main", "module", "exports", "bin"):
        for entry in _texts(package.get(key), 0):
            if key != "exports" or entry.startswith("./"):
                yield entry.partition("*")[0].rstrip("/") if "*" in entry else entry


def _texts(value: object, depth: int) -> Iterator[str]:
    if isinstance(value, str) and value and not value.startswith(("/", "..")):
        yield value
    elif isinstance(value, dict) and depth < 5:  # noqa: PLR2004 - conditions within conditions, never this deep
        for key, inner in value.items():
            if key not in {"types", "typings"}:
                yield from _texts(inner, depth + 1)


def _is_there(path: str, present: frozenset[str], folders: Collection[str]) -> bool:
    return path in folders or path == ROOT or any(f"{path}{suffix}" in present for suffix in _SUFFIXES)


def _built_by_the_script(stack: Stack, read: Read) -> str:
    """Return what the test script does before the tests; all of it where it cannot be told apart."""
    text = (read(_at(stack.root, "package.json")) or b"").decode(errors="replace")
    suite = suite_of(text)
    if suite is not None:
        return " && ".join(suite.before)
    scripts = _table(parsed_object(text), "scripts")
    return f"{scripts.get('pretest', '')} && {scripts.get('test', '')}"


def _at(folder: str, name: str) -> str:
    return name if folder == ROOT else f"{folder}/{name}"


def _loaded(own: Sequence[str], read: Read, packages: Mapping[str, _Package]) -> Iterator[str]:
    """Yield the names of packages without an entry point that a component's code loads."""
    scripts = [path for path in own if path.endswith(_SOURCES)]
    for path in scripts[:_SOURCES_MAX]:
        text = (read(path) or b"")[:_SOURCE_MAX_BYTES].decode(errors="replace")
        for found in _LOADED.finditer(text):
            yield from _packages_of(found.group("what"), posixpath.dirname(path) or ROOT, packages)


def _packages_of(what: str, folder: str, packages: Mapping[str, _Package]) -> Iterator[str]:
    if not what.startswith("."):
        parts = what.split("/")
        name = "/".join(parts[:2]) if what.startswith("@") else parts[0]
        if name in packages and packages[name].missing:
            yield name
        return
    place = posixpath.normpath(posixpath.join(folder, what))
    for name, package in packages.items():
        if package.missing and (place == package.folder or any(_holds(one, place, package) for one in package.missing)):
            yield name


def _holds(entry: str, place: str, package: _Package) -> bool:
    """Whether a path lies in the folder of a package that its missing entry point lies in."""
    inner = entry if package.folder == ROOT else entry.removeprefix(f"{package.folder}/")
    top, _, below = inner.partition("/")
    built = _at(package.folder, top)
    return contains(built, place) if below else posixpath.splitext(entry)[0] == posixpath.splitext(place)[0]


def _named_by_the_script(stack: Stack, read: Read, packages: Mapping[str, _Package]) -> Iterator[str]:
    suite = suite_of((read(_at(stack.root, "package.json")) or b"").decode(errors="replace"))
    for file in suite.files if suite is not None else ():
        yield from _packages_of(f"./{file}", stack.root, packages)


def _before(name: str, packages: Mapping[str, _Package], order: list[str], above: frozenset[str]) -> None:
    """Put a package into the order, after those that it uses itself."""
    package = packages.get(name)
    if package is None or name in order or name in above:
        return
    for used in sorted(package.uses & packages.keys()):
        _before(used, packages, order, above | {name})
    if package.missing and package.script:
        order.append(name)


def _command(package: _Package, root: str) -> str:
    build = f"npm run --silent {shlex.quote(package.script or 'build')}"
    if package.folder == root:
        return build
    return f"(cd {shlex.quote(posixpath.relpath(package.folder, root))} && {build})"
