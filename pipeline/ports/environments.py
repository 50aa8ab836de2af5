"""What target repositories need to run their own tests."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path, PurePosixPath
from typing import Protocol, TypeAlias

ReadFile: TypeAlias = Callable[[str], bytes | None]
"""Returns a file of a repository, None where there is no regular one. Blocks: call it in a thread."""


class Language(StrEnum):
    """Stacks whose tests can be run and read."""

    PYTHON = "python"
    NODE = "node"
    GO = "go"
    RUST = "rust"
    JAVA = "java"
    C = "c"
    """C and C++, whose tests a stated command runs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stack:
    """What a repository, or one component of it, is made of, found deterministically from the files of its base commit.

    All paths and globs are relative to the repository's root, wherever the component lies.
    """

    language: Language
    runner: str
    """`pytest`, `unittest`, `node_test`, `jest`, `vitest`, `mocha`, `ava`, `bun_test`, `npm_script`, `go_test`, `cargo_test`, `maven`, `gradle`, `command`."""
    test_command: str
    """What a person would type; shown to agents and approvers."""
    manifests: tuple[str, ...]
    """Paths whose contents decide the dependency environment."""
    source_roots: tuple[str, ...] = ()
    """Directories whose modules count as this repository's own, for the red witness."""
    test_patterns: tuple[str, ...] = ()
    """Globs of what counts as a test file."""
    root: str = "."
    """The folder in which the tests are run."""
    installed_at: str = "."
    """The folder whose manifests are installed: `root`, or the workspace that `root` is a package of."""
    setup: tuple[str, ...] = ()
    """Shell commands that run in `root` before the tests of each run, in its clean checkout and without network."""
    leaves_out: tuple[str, ...] = ()
    """Folders below `root` that other components of the same language have, so that its suite does not run them too."""


class EnvironmentSource(StrEnum):
    """Where a part of an environment was looked for."""

    INTERPRETER = "interpreter"
    LOCK = "lock"
    TOX = "tox"
    NOX = "nox"
    GROUP = "group"
    EXTRA = "extra"
    DEVELOPMENT = "development"
    """A development dependency of a Node package."""
    HATCH = "hatch"
    REQUIREMENTS = "requirements"
    PIPENV = "pipenv"
    PDM = "pdm"
    CONDA = "conda"
    POETRY = "poetry"
    PROJECT = "project"
    """The repository's own dependencies, without any for its tests."""
    REPOSITORY = "repository"
    """The repository itself, installed so that edits count."""
    RUNNER = "runner"


@dataclass(frozen=True, slots=True, kw_only=True)
class DependencyChoice:
    """One decision of a build, as people are shown it."""

    source: EnvironmentSource
    name: str
    """What of it: a group, an environment of tox, a file, a version; with its folder where a repository has several projects."""
    taken: bool
    """False: left out, which did not end the build."""
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """Built dependencies of one repository at one manifest hash, mounted read-only for agents and witnesses."""

    manifest_hash: str
    root: Path
    read_only: tuple[Path, ...]
    path: tuple[Path, ...]
    """Directories that go to the front of PATH, in order."""
    variables: Mapping[str, str] = field(default_factory=dict)
    """Relative entries of `PYTHONPATH` mean the component's folder, so commands start there."""
    tree_mounts: Mapping[str, Path] = field(default_factory=dict)
    """Directories that have to appear inside the tree, such as `node_modules`: path in the tree to built directory."""
    tree_scratch: tuple[str, ...] = ()
    """Directories within `tree_mounts` where tools keep caches, such as `node_modules/.vite`."""
    tree_at: Path | None = None
    """The path at which every tree has to stand for this environment, because the repository is installed from there."""
    choices: tuple[DependencyChoice, ...] = ()
    """What was installed and left out, and why, in the order in which it was decided."""
    log: str = ""
    component: str = "."
    """The folder of the component that it is for."""

    @property
    def not_built(self) -> str:
        """Why the repository itself, which can be installed, is not; empty where it is, or where there is nothing to install."""
        left_out = (one.why for one in self.choices if one.source is EnvironmentSource.REPOSITORY and not one.taken)
        return next(left_out, "").rpartition("it is not installed: ")[2]

    def mounts_in(self, tree: Path) -> dict[Path, Path]:
        """Return `tree_mounts` for one tree, as `SandboxCommand.mounts` wants them. Git sees only an empty directory."""
        return {tree / name: built for name, built in self.tree_mounts.items()}

    def path_in(self, tree: Path) -> tuple[Path, ...]:
        """Return `path` for one tree, programs of its mounts first: a runner and its tests load the same copy of a package."""
        folder = PurePosixPath(self.component)
        above = (str(place / "node_modules") for place in (folder, *folder.parents))
        return (*(tree / name / ".bin" for name in dict.fromkeys(above) if name in self.tree_mounts), *self.path)

    def scratch_in(self, tree: Path) -> tuple[Path, ...]:
        """Return `tree_scratch` for one tree, as `SandboxCommand.scratch` wants them."""
        return tuple(tree / name for name in self.tree_scratch)


class Environments(Protocol):
    """Builds dependency environments once per manifest hash and component, in a sandbox with network and without secrets."""

    async def find(self, stack: Stack, read: ReadFile, manifest_hash: str) -> Environment | None:
        """Return the environment if it is built already, which needs no tree of the repository; `read` gives its files."""

    async def prepare(self, stack: Stack, files: Path, manifest_hash: str, *, may_spoil: bool = False) -> Environment:
        """Return the environment, building it if this hash was never built; raises `PersonNeeded(environment_failed)`.

        `files` is a clean checkout of the whole repository, also for a component in a folder of it; what only its `.git`
        says, such as a version from tags, is what it said at that build. `may_spoil` allows the build to work in `files`
        itself, where a copy would take as long as a tree: nobody needs them as they are afterwards.
        """
