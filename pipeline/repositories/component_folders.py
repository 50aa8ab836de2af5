"""Which folders of a repository are components, decided from the files of a commit alone.

Problem: manifests lie in many folders, and not each of them is a project with a suite of its own: packages of a workspace are
run as a whole from its root, fixtures and examples are material, a `package.json` may only say which module format holds.
Choice: folders with manifests are looked at from outside in; each is a component when it has tests that its own runner runs,
unless the project around it runs them. Pure: the same files give the same answer, and nothing is executed.
"""

import fnmatch
import posixpath
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from pipeline.ports import Language, Stack
from pipeline.proof.json_text import parsed_object
from pipeline.proof.node_scripts import suite_of
from pipeline.proof.owners import ROOT, contains
from pipeline.proof.test_commands import go_workspace
from pipeline.repositories import stacks
from pipeline.repositories.stacks import Candidate, Read
from pipeline.repositories.untrusted_yaml import table_of

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
_RUNS_AT_ROOT = (
    ("pytest.ini", re.compile(rb"")),
    (".pytest.ini", re.compile(rb"")),
    ("conftest.py", re.compile(rb"")),
    ("pyproject.toml", re.compile(rb"(?m)^\[tool\.pytest\b")),
    ("setup.cfg", re.compile(rb"(?m)^\[tool:pytest\]")),
    ("tox.ini", re.compile(rb"(?m)^\[pytest\]")),
)


def below(files: Sequence[str], read: Read) -> list[Stack]:
    """Return the components of a folder, which may be the repository; paths are relative to that folder."""
    inner: list[Stack] = []
    for folder in _project_folders(files):
        within = [path.removeprefix(f"{folder}/") for path in files if path.startswith(f"{folder}/")]
        inner += [moved(one, folder) for one in below(within, reader_below(read, folder))]
    return _with_own(files, read, inner)


def reader_below(read: Read, folder: str) -> Read:
    """Return how the files of a folder are read by their paths within it."""
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


def with_shared_sources(found: Sequence[Stack], files: Sequence[str], read: Read) -> list[Stack]:
    """Return Python components that also know the modules of projects beside them which are no components themselves.

    Nobody else's they are: a library without tests of its own is tested by those who use it.
    """
    loose = [path for path in files if not any(contains(one.root, path) for one in found)]
    shared: list[str] = []
    for folder in _project_folders(loose):
        within = [path.removeprefix(f"{folder}/") for path in loose if path.startswith(f"{folder}/")]
        roots = stacks.source_roots(Language.PYTHON, within, reader_below(read, folder))
        shared += [folder if root == ROOT else f"{folder}/{root}" for root in roots]
    return [
        replace(one, source_roots=tuple(dict.fromkeys((*one.source_roots, *shared))))
        if one.language is Language.PYTHON
        else one
        for one in found
    ]


def _with_own(files: Sequence[str], read: Read, inner: Sequence[Stack]) -> list[Stack]:
    """Return what lies below a folder with the folder's own component, if it has one, without what that one runs."""
    packages = node_packages(files, read)
    inner = [installed_here(one, files, packages) for one in inner]
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


def installed_here(inner: Stack, files: Sequence[str], packages: Sequence[str]) -> Stack:
    """Have the packages of a workspace installed by it, and have what lies around a project decide its environment too."""
    if inner.language is Language.NODE and any(_is_member(inner.root, pattern) for pattern in packages):
        return replace(inner, installed_at=ROOT, manifests=stacks.manifests_of(Language.NODE, files))
    around = {
        Language.PYTHON: ("pyproject.toml", "uv.lock", ".python-version", ".tool-versions", "mise.toml", ".mise.toml"),
        Language.NODE: (".nvmrc", ".node-version", ".tool-versions", "mise.toml", ".mise.toml"),
    }.get(inner.language, ())
    return replace(inner, manifests=tuple(sorted({*inner.manifests, *(path for path in around if path in files)})))


def node_packages(files: Sequence[str], read: Read) -> tuple[str, ...]:
    """Return the patterns of a workspace's packages, as npm, yarn, bun or pnpm are told."""
    said: Any = parsed_object(_text(read, "package.json")).get("workspaces") if "package.json" in files else None
    listed = said.get("packages") if isinstance(said, dict) else said
    if "pnpm-workspace.yaml" in files:
        listed = table_of(_text(read, "pnpm-workspace.yaml")).get("packages")
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


def moved(stack: Stack, folder: str) -> Stack:
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


def _text(read: Read, path: str) -> str:
    return (read(path) or b"").decode(errors="replace")
