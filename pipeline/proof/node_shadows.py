"""What a change puts in the place of a package that a Node project had: files, manifests, mappings.

Problem: Node finds a package in the nearest `node_modules`, package managers follow overrides and local paths, compilers
and runners follow mappings, so a name that tests import can be led elsewhere in many places. Choice: names that a manifest
of the tests commit asks for, and those of test runners, may not be led to another place; what is new under a new name may.
"""

import posixpath
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from pipeline.ports import ChangedFile
from pipeline.proof.json_text import parsed_object
from pipeline.proof.protected_tests import is_test_file

_TABLES = ("dependencies", "devDependencies", "peerDependencies", "optionalDependencies")
_RUNNERS = frozenset({
    "jest", "jest-cli", "vitest", "vite", "mocha", "chai", "ava", "tap", "tape", "jasmine", "karma", "node-test", "c8", "nyc",
    "sinon", "expect", "playwright", "cypress", "supertest", "ts-jest", "babel-jest", "ts-node", "tsx", "uvu", "qunit", "bun",
})  # fmt: skip
_RUNNER_SCOPES = ("@jest/", "@vitest/", "@testing-library/", "@playwright/", "@swc/jest", "@types/node")
_ELSEWHERE = re.compile(
    r"^(?:file|link|portal|patch|npm|git|git\+\w+|github|gitlab|https?|ssh):|^(?:\.{1,2}|~)?/|^[\w.-]+/[\w.-]+(?:#|$)"
)
_INSIDE = re.compile(r"^(?:file|link|portal|patch):|^\.{1,2}/")
_SCRIPTS = (".js", ".mjs", ".cjs", ".jsx")
_TYPED = (".ts", ".mts", ".cts", ".tsx")
_RESOLVERS = (".pnp.cjs", ".pnp.js", ".pnp.loader.mjs", ".pnpmfile.cjs", ".pnpmfile.mjs")
_PATH_MAP = re.compile(r"(?:ts|js)config[\w.-]*\.json")
_COMMENTS = re.compile(r'("(?:\\.|[^"\\])*")|//[^\n]*|/\*.*?\*/', re.DOTALL)
_TRAILING = re.compile(r'("(?:\\.|[^"\\])*")|,(?=\s*[}\]])')
_OVERRIDE_LINE = re.compile(
    r"(?m)^\s+['\"]?(?P<name>@?[\w./>-]+?)(?:@[^'\":]*)?['\"]?\s*:\s*['\"]?(?P<value>[^'\"\n#]+)"
)

Told = Iterator[tuple[str, str]]


def is_path_map(name: str) -> bool:
    """Whether a file of this name may map names of packages to places."""
    return _PATH_MAP.fullmatch(name) is not None


def shadows(
    *,
    added: Sequence[str],
    changed: Sequence[ChangedFile],
    paths: Collection[str],
    head_paths: Collection[str],
    before: Mapping[str, str],
    after: Mapping[str, str],
    patterns: Collection[str],
) -> Told:
    """Yield each path that leads a name elsewhere, with the words for it."""
    manifests = {path: parsed_object(text) for path, text in before.items() if path.endswith("package.json")}
    known = _Names(manifests)
    yield from _files(added, changed, paths, known)
    yield from _own_modules(added, set(paths) & set(head_paths))
    for path, text in after.items():
        name = path.rpartition("/")[2]
        if name == "package.json" and "node_modules" not in path.split("/"):
            for message in _manifest(path, manifests.get(path, {}), parsed_object(text), known, patterns):
                yield path, message
        elif name == "pnpm-workspace.yaml":
            for message in _workspace(path, before.get(path, ""), text, known):
                yield path, message
        elif is_path_map(name):
            for message in _mapping(path, before.get(path, ""), text, known, head_paths):
                yield path, message


class _Names:
    """The packages that the tests commit asks for, and those that it is made of."""

    def __init__(self, manifests: Mapping[str, Mapping[str, Any]]) -> None:
        every = [
            (name, value) for one in manifests.values() for key in _TABLES for name, value in _table(one, key).items()
        ]
        self.own = {name for one in manifests.values() if isinstance(name := one.get("name"), str)}
        self.required = {name for name, _ in every}
        self.for_tests = {name for one in manifests.values() for name in _table(one, "devDependencies")}

    def taken(self, name: str) -> bool:
        """Whether tests may rely on a package of this name that is not the repository's own."""
        return name not in self.own and (name in self.required or _is_runner(name))


def _is_runner(name: str) -> bool:
    return name in _RUNNERS or name.startswith(_RUNNER_SCOPES)


def _files(added: Sequence[str], changed: Sequence[ChangedFile], paths: Collection[str], known: _Names) -> Told:
    committed = {_package_of(path) for path in paths if _in_modules(path)}
    for file in changed:
        package = _package_of(file.path)
        if _in_modules(file.path) and (not committed or package in committed or known.taken(package)):
            yield file.path, f"{file.path} stands in node_modules, before the installed package {package}."
    for path in added:
        name = path.rpartition("/")[2]
        if name in _RESOLVERS:
            yield path, f"{path} decides where packages are found, also those that the tests load."
        folder, _, rest = path.rpartition("__mocks__/")
        mocked = re.sub(r"(?:/index)?\.\w+$", "", rest)
        if "__mocks__" in path.split("/") and (not folder or folder.endswith("/")) and known.taken(mocked):
            yield path, f"{path} is loaded in the place of the package {mocked} by every test."


def _own_modules(added: Sequence[str], stayed: Collection[str]) -> Told:
    """Yield new files that an import without its ending finds before a module that stays."""
    for path in added:
        stem, ending = posixpath.splitext(path)
        later = (*_SCRIPTS, *_TYPED) if not ending else _TYPED if ending in _SCRIPTS else ()
        before = next((f"{stem}{one}" for one in later if f"{stem}{one}" in stayed), None)
        if before is not None and not _in_modules(path):
            yield path, f"{path} is found before the repository's own {before}, which stays."


def _in_modules(path: str) -> bool:
    return "node_modules" in path.split("/")[:-1] or path.endswith("/node_modules") or path == "node_modules"


def _package_of(path: str) -> str:
    inside = path.rpartition("node_modules/")[2].split("/")
    return "/".join(inside[:2]) if inside[0].startswith("@") else inside[0]


def _manifest(
    path: str, before: Mapping[str, Any], after: Mapping[str, Any], known: _Names, patterns: Collection[str]
) -> Iterator[str]:
    for key in _TABLES:
        was = _table(before, key)
        for name, value in _table(after, key).items():
            if value != was.get(name) and known.taken(name) and isinstance(value, str) and _ELSEWHERE.match(value):
                yield f"{path}: {name}, which was there before, now comes from {value}."
    called = after.get("name")
    if called != before.get("name") and isinstance(called, str) and known.taken(called):
        yield f"{path} is a package with the name of {called}, which was there before."
    for where in (
        ("overrides",),
        ("resolutions",),
        ("pnpm", "overrides"),
        ("pnpm", "patchedDependencies"),
        ("workspaces", "overrides"),
    ):
        yield from _overrides(path, ".".join(where), _at(before, where), _at(after, where), known)
    for key, place in _table(after, "imports").items():
        former = _table(before, "imports").get(key)
        if former not in (None, place) and any(is_test_file(one, patterns) for one in _targets(former)):
            yield f"{path}: {key} led to a file of the tests and now leads elsewhere."
    was = _table(before, "browser")
    for name, place in _table(after, "browser").items():
        if place != was.get(name) and (_is_runner(name) or name in known.for_tests):
            yield f"{path}: browser leads {name}, which the tests use, to {place}."


def _overrides(
    path: str, where: str, before: Mapping[str, Any], after: Mapping[str, Any], known: _Names
) -> Iterator[str]:
    was = dict(_flat(before))
    for name, value in _flat(after):
        if was.get(name) == value:
            continue
        last = _bare(name.rpartition(">")[2])
        if last in known.own and _INSIDE.match(value):
            continue
        if _ELSEWHERE.match(value) or _is_runner(last):
            yield f"{path}: {where} leads {last} to {value}."


def _flat(table: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for name, value in table.items():
        if isinstance(value, str):
            yield f"{prefix}{name}", value
        elif isinstance(value, dict):
            yield from _flat(value, f"{prefix}{name}>")


def _bare(name: str) -> str:
    """Return a package's name without versions and, in resolutions, without who asks for it."""
    last = re.sub(r"(?<=.)@.*", "", name)
    parts = [part for part in last.split("/") if part != "**"]
    return "/".join(parts[-2:]) if len(parts) > 1 and parts[-2].startswith("@") else parts[-1] if parts else last


def _workspace(path: str, before: str, after: str, known: _Names) -> Iterator[str]:
    was = {(found["name"], found["value"].strip()) for found in _OVERRIDE_LINE.finditer(before)}
    for found in _OVERRIDE_LINE.finditer(after):
        name, value = found["name"].rpartition(">")[2], found["value"].strip()
        if (found["name"], value) not in was and name not in known.own and _ELSEWHERE.match(value):
            yield f"{path} leads {name} to {value}."


def _mapping(path: str, before: str, after: str, known: _Names, head_paths: Collection[str]) -> Iterator[str]:
    was, now = _paths(before), _paths(after)
    base = _at(_relaxed(after), ("compilerOptions",)).get("baseUrl")
    folder = posixpath.join(posixpath.dirname(path), base if isinstance(base, str) else ".")
    for key, places in now.items():
        if was.get(key) == places:
            continue
        for name in sorted(known.required | _RUNNERS):
            if not known.taken(name):
                continue
            if key in {name, f"{name}/*"}:
                yield f"{path}: paths leads {name} to {', '.join(_targets(places))}."
            elif "*" in key and (rest := _matched(key, name)) is not None:
                stems = [
                    posixpath.normpath(posixpath.join(folder, one.replace("*", rest, 1))) for one in _targets(places)
                ]
                forms = ("", ".ts", ".tsx", ".js", ".mjs", ".cjs", "/index.ts", "/index.js", "/package.json")
                if any(f"{stem}{form}" in head_paths for stem in stems for form in forms):
                    yield f"{path}: paths leads {name} to {', '.join(stems)}."


def _matched(key: str, name: str) -> str | None:
    start, _, end = key.partition("*")
    if len(name) < len(start) + len(end) or not (name.startswith(start) and name.endswith(end)):
        return None
    return name[len(start) : len(name) - len(end)]


def _paths(text: str) -> dict[str, Any]:
    return _table(_at(_relaxed(text), ("compilerOptions",)), "paths")


def _relaxed(text: str) -> dict[str, Any]:
    """Parse JSON that may hold comments and trailing commas, as compilers read it."""
    plain = _COMMENTS.sub(lambda found: found[1] or "", text)
    return parsed_object(_TRAILING.sub(lambda found: found[1] or "", plain))


def _targets(value: object) -> list[str]:
    if isinstance(value, str):
        return [value.removeprefix("./")]
    if isinstance(value, list):
        return [one for part in value for one in _targets(part)]
    return [one for part in value.values() for one in _targets(part)] if isinstance(value, dict) else []


def _at(document: Mapping[str, Any], where: Sequence[str]) -> Mapping[str, Any]:
    for key in where:
        document = _table(document, key)
    return document


def _table(document: Mapping[str, Any], key: str) -> dict[str, Any]:
    value = document.get(key)
    return value if isinstance(value, dict) else {}
