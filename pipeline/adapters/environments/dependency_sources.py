"""Where a Python project says what its tests need, in the order in which the places are tried.

Problem: projects say it in a dozen places, often in several, and most of what they list is for other things. Choice: one
place per project, the first that is there: tox, nox, groups and extras named for tests, hatch, requirements files, the
package managers' own groups, groups and extras for development; then nothing but the project's own dependencies. What
needs the tool's own word stands in `tool_sources`; here is what can be read. Pure.
"""

import json
import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Any

from pipeline.adapters.environments import conda_environment
from pipeline.adapters.environments.lock_files import locked_names
from pipeline.adapters.environments.python_manifests import (
    ROOT,
    Manifest,
    extras,
    inside,
    neighbour,
    project,
    read_toml,
    table,
    tests_require,
    texts,
)
from pipeline.ports import EnvironmentSource

TEST_NAMES = ("tests", "test", "testing", "unit", "unittest", "pytest")
WIDE_NAMES = ("dev", "develop", "development", "cov", "coverage", "ci")
_TEST_FILES = (
    "requirements/tests.txt", "requirements/test.txt", "requirements/testing.txt", "requirements-tests.txt",
    "requirements-test.txt", "tests-requirements.txt", "test-requirements.txt", "tests/requirements.txt",
    "test/requirements.txt", "test_requirements.txt", "requirements_test.txt", "requirements_tests.txt",
    "requirements/ci.txt",
)  # fmt: skip
_WIDE_FILES = (
    "requirements-dev.txt", "dev-requirements.txt", "requirements_dev.txt", "requirements/dev.txt",
    "requirements/development.txt", "requirements-develop.txt", "requirements/develop.txt", "requirements-ci.txt",
)  # fmt: skip
_OTHER_TESTS = frozenset([
    *("lint", "docs", "doc", "type", "types", "typing", "mypy", "integration", "e2e", "functional", "system", "bench"),
    *("benchmark", "benchmarks", "gpu", "release", "build", "style", "format"),
])  # fmt: skip
"""Beside the word for tests, these make it the name of something else than the suite."""
_LOCAL_NAMES = ("local",)
"""Django projects keep what is for a developer's machine, tests too, beside what is for production."""
_PLAIN_FILES = ("requirements.txt", "requirements/base.txt", "requirements/main.txt", "requirements/requirements.txt")
_PDM_NEIGHBOUR = re.compile(r"-e\s+file:///\$\{PROJECT_ROOT\}/([^#\s]+)")
_REQUIREMENTS_DEPTH = 2
_OPTION = re.compile(r"(-r|--requirement|-c|--constraint|-e|--editable)[ =]?\s*(.+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class TestDependencies:
    """What one place asks for beside the project itself."""

    __test__ = False

    source: EnvironmentSource
    name: str
    why: str
    extras: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    lines: tuple[str, ...] = ()
    """Requirements, and `-r`, `-c`, `-e` with paths relative to the project."""
    needed: bool = True
    """False: made for people who develop; where it cannot be installed, the tests are tried without."""
    venv: Path | None = None
    """Where the tool has installed all of it already."""
    variables: Mapping[str, str] = field(default_factory=dict)
    """What the place sets for the tests that it runs."""

    def of_the_project(self, name: str | None) -> "TestDependencies":
        """Return it with lines that name the project itself (`.[x]`, `-e .`, `name[x]`) turned into its extras."""
        kept, more = [], list(self.extras)
        own = (
            "" if name is None else re.sub(r"[-_.]+", "[-_.]+", re.escape(name).replace(r"\-", "-").replace(r"\.", "."))
        )
        itself = re.compile(
            rf"(?:(?:-e|--editable)[ =]?\s*)?(?:\.|\./{f'|{own}' if own else ''})(?:\[([^\]]*)\])?", re.IGNORECASE
        )
        for line in self.lines:
            found = itself.fullmatch(line.strip())
            if found is None:
                kept.append(line)
            elif found[1]:
                more += [extra.strip() for extra in found[1].split(",") if extra.strip()]
        return replace(self, lines=tuple(kept), extras=tuple(dict.fromkeys(more)))

    def arguments(self) -> list[str]:
        """Return groups and lines as arguments of `uv pip install`; the extras belong to the project's own argument."""
        found = [part for group in self.groups for part in ("--group", group)]
        for line in self.lines:
            option = _OPTION.fullmatch(line.strip())
            if option is not None:
                found += [option[1], option[2].strip()]
            elif not line.strip().startswith("-"):  # options of another installer
                found.append(line.strip())
        return found


def named_for_tests(read: Manifest, folder: str) -> Iterator[TestDependencies]:
    """Yield the group and the extra that are named for tests."""
    yield from _group(read, folder, TEST_NAMES, needed=True)
    yield from _extra(read, folder, TEST_NAMES, needed=True)
    if (listed := tests_require(read, folder)) is not None:
        yield TestDependencies(
            source=EnvironmentSource.EXTRA, name="tests_require", why=f"{listed[0]} lists it", lines=tuple(listed[1])
        )


def of_the_workspace(read: Manifest, folder: str) -> Iterator[TestDependencies]:
    """Yield the group of a uv workspace's root, which holds what the tests of its members need where they say nothing."""
    own = (*_group(read, folder, WIDE_NAMES, needed=False), *_extra(read, folder, WIDE_NAMES, needed=False))
    above = next((str(one) for one in PurePosixPath(folder).parents if _is_workspace(read, str(one))), None)
    if above is None or own:
        return
    manifest = f"{posixpath.relpath(above, folder)}/pyproject.toml"
    for found in _group(read, above, (*TEST_NAMES, *WIDE_NAMES), needed=False):
        groups = tuple(f"{manifest}:{name}" for name in found.groups)
        yield replace(found, groups=groups, why="the workspace's root names it")


def _is_workspace(read: Manifest, folder: str) -> bool:
    tool = table(read_toml(read(inside(folder, "pyproject.toml"))), "tool")
    return "workspace" in table(tool, "uv")


def requirements_files(
    read: Manifest, folder: str, paths: Sequence[str], *, installed: bool
) -> Iterator[TestDependencies]:
    """Yield the requirements file for tests, or the plain one. `installed`: the project's own dependencies come anyway.

    `paths` are the manifests; those with a less usual name count by the words in it.
    """
    inner = (_within(path, folder) for path in paths)
    named = {path: _words(path) for path in inner if path.endswith(".txt")}
    tests = _file(read, folder, _TEST_FILES, named, TEST_NAMES)
    plain = _file(read, folder, _PLAIN_FILES, {}, ())
    wide = _file(read, folder, _WIDE_FILES, named, (*WIDE_NAMES, *_LOCAL_NAMES))
    own = () if installed or plain is None else (plain,)
    for name, needed in ((tests, True), (wide, False), (plain, True)):
        if name is not None:
            files = dict.fromkeys((*own, name))
            yield TestDependencies(
                source=EnvironmentSource.REQUIREMENTS, name=" and ".join(files), needed=needed,
                why="the file is there", lines=tuple(f"-r {file}" for file in files),
            )  # fmt: skip


def _file(
    read: Manifest, folder: str, usual: Sequence[str], named: Mapping[str, Sequence[str]], words: Sequence[str]
) -> str | None:
    found = next((name for name in usual if read(inside(folder, name)) is not None), None)
    others = sorted((len(said), name) for name, said in named.items() if any(word in words for word in said))
    return found or next((name for _, name in others), None)


def _within(path: str, folder: str) -> str:
    """Return a manifest's path within a project, where requirements files lie; empty for one that lies elsewhere."""
    inner = path if folder == ROOT else path.removeprefix(f"{folder}/") if path.startswith(f"{folder}/") else ""
    return inner if inner.count("/") < _REQUIREMENTS_DEPTH and "requirements" in inner else ""


def _words(name: str) -> list[str]:
    words = re.split(r"[-_./]+", name.removesuffix(".txt").lower())
    return [word for word in words if word not in {"requirements", "requirement"}]


def package_managers(read: Manifest, folder: str, *, installed: bool) -> Iterator[TestDependencies]:
    """Yield what pdm and pipenv keep in tables of their own, and conda's list; poetry is asked.

    `installed`: the project's own dependencies come anyway, so a lock that is no project's needs no reading.
    """
    tool = table(read_toml(read(inside(folder, "pyproject.toml"))), "tool")
    for name in ("uv", "rye"):
        if lines := texts(table(tool, name).get("dev-dependencies")):
            yield TestDependencies(
                source=EnvironmentSource.GROUP, name=f"tool.{name}.dev-dependencies", lines=tuple(lines), needed=False,
                why=f"{name} keeps there what is for development",
            )  # fmt: skip
    groups = table(table(tool, "pdm"), "dev-dependencies")
    for name in (*TEST_NAMES, *WIDE_NAMES):
        if lines := [line for said in texts(groups.get(name)) if (line := _pdm_line(said, folder)) is not None]:
            yield TestDependencies(
                source=EnvironmentSource.PDM, name=name, why="tool.pdm.dev-dependencies names it", lines=tuple(lines),
                needed=name in TEST_NAMES,
            )  # fmt: skip
            break
    if not installed and (lines := locked_names(read(inside(folder, "pylock.toml")))):
        yield TestDependencies(
            source=EnvironmentSource.LOCK, name="pylock.toml", why="it is all that lists packages", lines=tuple(lines)
        )
    if lines := list(_pipenv(read, folder)):
        yield TestDependencies(
            source=EnvironmentSource.PIPENV, name="default and develop", why="Pipfile is there", lines=tuple(lines)
        )
    for name in conda_environment.FILES:
        if lines := conda_environment.requirements(read(inside(folder, name))):
            yield TestDependencies(
                source=EnvironmentSource.CONDA, name=name, needed=False, lines=tuple(lines),
                why="conda's list is there, and packages of these names come from the Python index",
            )  # fmt: skip
            break


def _pdm_line(said: str, folder: str) -> str | None:
    if not said.startswith("-e"):
        return said
    found = _PDM_NEIGHBOUR.match(said)
    return None if found is None else neighbour(folder, found[1])


def for_development(read: Manifest, folder: str) -> Iterator[TestDependencies]:
    """Yield groups and extras for people who develop; tests often need only a part of them."""
    yield from _group(read, folder, WIDE_NAMES, needed=False)
    yield from _extra(read, folder, WIDE_NAMES, needed=False)


def nothing_more(read: Manifest, folder: str, *, is_project: bool) -> TestDependencies:
    """Return what is left when no place says anything: the project's own dependencies."""
    return TestDependencies(
        source=EnvironmentSource.PROJECT, name=project(read, folder).name or folder,
        why="no place names what the tests need" if is_project else "no manifest names dependencies",
    )  # fmt: skip


def _group(read: Manifest, folder: str, names: Sequence[str], *, needed: bool) -> Iterator[TestDependencies]:
    groups = table(read_toml(read(inside(folder, "pyproject.toml"))), "dependency-groups")
    if (name := _first(list(groups), names)) is not None:
        yield TestDependencies(
            source=EnvironmentSource.GROUP, name=name, groups=(name,), why="dependency-groups names it", needed=needed
        )


def _extra(read: Manifest, folder: str, names: Sequence[str], *, needed: bool) -> Iterator[TestDependencies]:
    if (name := _first(extras(read, folder), names)) is not None:
        yield TestDependencies(
            source=EnvironmentSource.EXTRA, name=name, extras=(name,), why="the project has this extra", needed=needed
        )


def _first(found: Sequence[str], names: Sequence[str]) -> str | None:
    written = {re.sub(r"[-_.]+", "-", name).lower(): name for name in reversed(found)}
    exact = next((written[name] for name in names if name in written), None)
    by_words = (name for name in written if set(words := name.split("-")) & {*names} and not set(words) & _OTHER_TESTS)
    return exact or next((written[name] for name in sorted(by_words, key=len)), None)


def _pipenv(read: Manifest, folder: str) -> Iterator[str]:
    """Yield the locked packages, else those that the Pipfile lists."""
    locked = _json(read(inside(folder, "Pipfile.lock")))
    listed = locked if "default" in locked else read_toml(read(inside(folder, "Pipfile")))
    for section in ("default", "packages", "develop", "dev-packages"):
        for name, wanted in table(listed, section).items():
            if line := _pipenv_line(name, wanted, folder):
                yield line


def _pipenv_line(name: str, wanted: object, folder: str) -> str | None:
    said = wanted if isinstance(wanted, dict) else {"version": wanted}
    if "path" in said:
        return neighbour(folder, str(said["path"]))
    version = said.get("version")
    marks = said.get("markers")
    chosen = f"[{','.join(texts(said.get('extras')))}]" if texts(said.get("extras")) else ""
    marker = f" ; {marks}" if isinstance(marks, str) else ""
    if isinstance(said.get("git"), str):
        reference = f"@{said['ref']}" if isinstance(said.get("ref"), str) else ""
        return f"{name}{chosen} @ git+{said['git']}{reference}{marker}"
    return f"{name}{chosen}{'' if version in (None, '*') else version}{marker}"


def _json(content: bytes | None) -> dict[str, Any]:
    try:
        found = json.loads(content or b"{}")
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
