"""Which components a repository has, decided from the files of a commit alone.

Problem: manifests lie in many folders, and not each of them is a project with a suite of its own: packages of a workspace are
run as a whole from its root, fixtures and examples are material, a `package.json` may only say which module format holds.
Choice: folders with manifests are looked at from outside in; each is a component when it has tests that its own runner runs,
unless the project around it runs them. Pure: the same files give the same answer, and nothing is executed. Invariants: where
no folder below the root is a component, the answer is `stacks.detect`'s; what a person configured is not taken apart.
"""

import fnmatch
import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Any

import yaml

from pipeline.errors import CallerError
from pipeline.ports import Language, Stack
from pipeline.proof.json_text import parsed_object
from pipeline.proof.manifests import added_dependencies
from pipeline.proof.node_scripts import suite_of
from pipeline.proof.owners import ROOT, contains
from pipeline.proof.test_commands import go_workspace
from pipeline.repositories import stacks
from pipeline.repositories.components import Aspect, Component, Known, Origin, Source
from pipeline.repositories.stacks import Candidate, Read

COMPONENTS_MAX = 30
"""A repository with more is run as a whole, unless it says which components count."""
_MATERIAL = frozenset(
    [
        *("test", "tests", "testing", "testdata", "__tests__", "fixtures", "__fixtures__", "mocks", "snapshots"),
        *("example", "examples", "sample", "samples", "demo", "demos", "doc", "docs", "data", "benchmarks", "benches"),
        *("template", "templates", "cookiecutter", "skeleton", "scaffold", "e2e-fixtures"),
    ]
)
"""Folders whose projects are material, not parts of the repository."""
_PLAIN = re.compile(r"[A-Za-z0-9_@+][\w.@+ -]*")
"""What a component's folders may be called; another name is no component's, whatever it holds."""
_DEPTH_MAX = 6
_PATH = re.compile(r"(?<![\w/.-])\.{1,2}/[\w./@+-]*")
_PYPROJECT_NAME = re.compile(
    r"(?ms)^\[(?:project|tool\.poetry)\]\s*$(?:(?!^\[).)*?^name\s*=\s*[\"'](?P<name>[\w.-]+)[\"']"
)
_CARGO_NAME = re.compile(r"(?ms)^\[package\]\s*$(?:(?!^\[).)*?^name\s*=\s*\"(?P<name>[\w-]+)\"")
_SETUP_NAME = re.compile(r"(?m)^\s*name\s*=\s*[\"']?(?P<name>[A-Za-z][\w.-]*)")
_GO_NAME = re.compile(r"(?m)^module\s+(?P<name>\S+)")
_RUNS_AT_ROOT = (
    ("pytest.ini", re.compile(rb"")),
    (".pytest.ini", re.compile(rb"")),
    ("conftest.py", re.compile(rb"")),
    ("pyproject.toml", re.compile(rb"(?m)^\[tool\.pytest\b")),
    ("setup.cfg", re.compile(rb"(?m)^\[tool:pytest\]")),
    ("tox.ini", re.compile(rb"(?m)^\[pytest\]")),
)


def find_components(files: Sequence[str], read: Read, *, test_command: str | None) -> tuple[Component, ...]:
    """Return the components of a commit, outermost first. Raises `CallerError(field="test_command")` when there is none.

    A registered `test_command` is the repository's whole suite, so it makes one component of it.
    """
    stated = test_command is not None and bool(test_command.strip())
    found = [] if stated else _below(stacks.own_files(files), read)
    if not found or len(found) > COMPONENTS_MAX or [one.root for one in found] == [ROOT]:
        try:
            found = [stacks.detect(files, read, test_command=test_command)]
        except CallerError:
            if not found:
                raise
    registered = Origin(source=Source.REGISTERED)
    return tuple(
        Component(stack=stack, depends_on=depends_on, known=_known(stack, files, registered if stated else None))
        for stack, depends_on in _linked(sorted(found, key=lambda one: (one.root != ROOT, one.root)), read)
    )


def _below(files: Sequence[str], read: Read) -> list[Stack]:
    """Return the components of a folder, which may be the repository; paths are relative to that folder."""
    inner: list[Stack] = []
    for folder in _project_folders(files):
        within = [path.removeprefix(f"{folder}/") for path in files if path.startswith(f"{folder}/")]
        inner += [_moved(one, folder) for one in _below(within, _reader_below(read, folder))]
    return _with_own(files, read, inner)


def _reader_below(read: Read, folder: str) -> Read:
    return lambda path: read(f"{folder}/{path}")


def _project_folders(files: Sequence[str]) -> list[str]:
    """Return the outermost folders that hold a manifest of any language."""
    found: set[str] = set()
    for path in files:
        folder, _, name = path.rpartition("/")
        if not folder or not any(stacks.is_root_manifest(language, name) for language in Language):
            continue
        parts = folder.split("/")
        if len(parts) <= _DEPTH_MAX and all(_PLAIN.fullmatch(part) and part not in _MATERIAL for part in parts):
            found.add(folder)
    return [one for one in sorted(found) if not any(one.startswith(f"{other}/") for other in found)]


def _with_own(files: Sequence[str], read: Read, inner: Sequence[Stack]) -> list[Stack]:
    """Return what lies below a folder with the folder's own component, if it has one, without what that one runs."""
    packages = _node_packages(files, read)
    inner = [_installed_here(one, files, packages) for one in inner]
    options: list[tuple[Candidate, list[Stack], list[str]]] = []
    for language in Language:
        apart = [
            one for one in inner if one.language is not language or not _runs(language, one, files, read, packages)
        ]
        others = [one.root for one in apart if one.language is language]
        rest = [path for path in files if not any(contains(root, path) for root in others)]
        candidate = stacks.candidate(language, rest, read)
        if candidate is not None and _has_a_suite(language, rest, read, split=bool(others and packages)):
            options.append((candidate, apart, rest))
    if not options:
        return list(inner)
    best, apart, rest = max(options, key=lambda option: option[0].score)
    others = [one.root for one in apart if one.language is best.language]
    own = replace(stacks.stack_of(best, rest, read), leaves_out=tuple(others))
    return [own, *apart]


def _has_a_suite(language: Language, rest: Sequence[str], read: Read, *, split: bool) -> bool:
    """Whether a folder has tests of its own in this language, or says how they are run."""
    match language:
        case Language.NODE:
            script = _test_script(read)
            if split and script and suite_of(_text(read, "package.json")) is None:
                return False
            return bool(script) or (_has_tests(language, rest) and "package.json" in rest)
        case Language.PYTHON | Language.C:
            return _has_tests(language, rest)
        case Language.GO | Language.RUST | Language.JAVA:
            manifest = any("/" not in path and stacks.is_root_manifest(language, path) for path in rest)
            return manifest and stacks.has_code(language, rest)


def _has_tests(language: Language, files: Sequence[str]) -> bool:
    return any(stacks.is_test_of(language, path) for path in files)


def _runs(language: Language, inner: Stack, files: Sequence[str], read: Read, packages: Sequence[str]) -> bool:
    """Whether the suite of a folder runs this inner project of the same language too."""
    match language:
        case Language.PYTHON:
            return _runs_python_below(files, read)
        case Language.NODE:
            return "package.json" in files and _runs_package(inner, read, packages)
        case Language.GO:
            return inner.root in go_workspace(_text(read, "go.work"))
        case Language.RUST | Language.JAVA | Language.C:
            return any("/" not in path and stacks.is_root_manifest(language, path) for path in files)


def _runs_python_below(files: Sequence[str], read: Read) -> bool:
    """Whether pytest is meant to be run here, or here is a project that is no mere frame of others."""
    if any(path in files and shape.search(read(path) or b"") for path, shape in _RUNS_AT_ROOT):
        return True
    project = any(path in files for path in ("setup.py", "setup.cfg")) or _names_a_project(read)
    return project and b"[tool.uv.workspace]" not in (read("pyproject.toml") or b"")


def _runs_package(inner: Stack, read: Read, packages: Sequence[str]) -> bool:
    """Whether the script around it runs a package, or there is nothing in the package that says how it is run."""
    marker = inner.test_command == "node --test"
    member = any(_is_member(inner.root, pattern) for pattern in packages)
    return marker or (member and suite_of(_text(read, "package.json")) is not None)


def _names_a_project(read: Read) -> bool:
    text = read("pyproject.toml") or b""
    return re.search(rb"(?m)^\[(?:project|tool\.poetry|build-system)\]", text) is not None


def _installed_here(inner: Stack, files: Sequence[str], packages: Sequence[str]) -> Stack:
    """Have the packages of a workspace installed by it, and have what lies around a project decide its environment too."""
    if inner.language is Language.NODE and any(_is_member(inner.root, pattern) for pattern in packages):
        return replace(inner, installed_at=ROOT, manifests=stacks.manifests_of(Language.NODE, files))
    around = {
        Language.PYTHON: ("pyproject.toml", "uv.lock", ".python-version"),
        Language.NODE: (".nvmrc", ".node-version"),
    }.get(inner.language, ())
    return replace(inner, manifests=tuple(sorted({*inner.manifests, *(path for path in around if path in files)})))


def _node_packages(files: Sequence[str], read: Read) -> tuple[str, ...]:
    """Return the patterns of a workspace's packages, as npm, yarn, bun or pnpm are told."""
    said: Any = parsed_object(_text(read, "package.json")).get("workspaces") if "package.json" in files else None
    listed = said.get("packages") if isinstance(said, dict) else said
    if "pnpm-workspace.yaml" in files:
        listed = _yaml(_text(read, "pnpm-workspace.yaml")).get("packages")
    texts = [one for one in listed if isinstance(one, str)] if isinstance(listed, list) else []
    return tuple(posixpath.normpath(one) for one in texts if not one.startswith("!"))


def _is_member(root: str, pattern: str) -> bool:
    if "**" in pattern:
        return fnmatch.fnmatchcase(root, pattern.replace("**", "*"))
    return root.count("/") == pattern.count("/") and fnmatch.fnmatchcase(root, pattern)


def _test_script(read: Read) -> str:
    scripts = parsed_object(_text(read, "package.json")).get("scripts")
    said = scripts.get("test") if isinstance(scripts, dict) else None
    return said if isinstance(said, str) and "no test specified" not in said else ""


def _moved(stack: Stack, folder: str) -> Stack:
    """Return a stack that was found within a folder, with paths as the repository has them."""

    def inside(path: str) -> str:
        return folder if path == ROOT else f"{folder}/{path}"

    return replace(
        stack,
        root=inside(stack.root),
        installed_at=inside(stack.installed_at),
        manifests=tuple(map(inside, stack.manifests)),
        source_roots=tuple(map(inside, stack.source_roots)),
        test_patterns=stacks.patterns_below(folder, stack.test_patterns),
        leaves_out=tuple(map(inside, stack.leaves_out)),
    )


def _linked(found: Sequence[Stack], read: Read) -> Iterator[tuple[Stack, tuple[str, ...]]]:
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


def _known(stack: Stack, files: Sequence[str], stated: Origin | None) -> tuple[Known, ...]:
    manifest = next((path for path in stack.manifests if posixpath.dirname(path) == stack.root.lstrip(".")), "")
    found = Origin(source=Source.DETECTED, path=manifest if manifest in files else "")
    return (
        Known(aspect=Aspect.ROOT, value=stack.root, origin=found),
        Known(aspect=Aspect.LANGUAGE, value=stack.language.value, origin=found),
        Known(aspect=Aspect.RUNNER, value=stack.runner, origin=stated or found),
        Known(aspect=Aspect.TEST, value=stack.test_command, origin=stated or found),
    )


def _text(read: Read, path: str) -> str:
    return (read(path) or b"").decode(errors="replace")


def _yaml(text: str) -> dict[str, Any]:
    try:
        parsed = yaml.safe_load(text[:100_000])
    except (yaml.YAMLError, RecursionError, ValueError):
        return {}
    return parsed if isinstance(parsed, dict) else {}
