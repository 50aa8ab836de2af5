"""What the frame is given and what it tells, in whatever language. Pure, but for names that come by chance."""

import secrets
import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path, PurePosixPath
from typing import Protocol

from pydantic import BaseModel

from pipeline.limits import Limits
from pipeline.ports import ACCOUNT, Environment, Sandbox, SandboxCommand, Stack
from pipeline.proof.owners import ROOT
from pipeline.proof.test_runs import FIXED_VARIABLES, SYSTEM_PATH

_OUTPUT_MAX_BYTES = 50_000
_MARKS = ("test", "spec", "check")
_LETTERS = string.ascii_lowercase.replace("c", "").replace("t", "")


class CallOutcome(StrEnum):
    """How a test ended that the frame called."""

    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"
    UNSUPPORTED = "unsupported"


class Call(BaseModel, frozen=True):
    """One test as the frame called it. `file` is the repository's path; `test` empty where the file could not be loaded."""

    file: str
    test: str
    outcome: CallOutcome
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Calls:
    """What the frame told. `left` says by file why it has no form, `names_kept` in which files names stayed."""

    calls: tuple[Call, ...] = ()
    left: Mapping[str, str]
    names_kept: tuple[str, ...] = ()
    duration_ms: int = 0
    last_line: str = ""
    """The end of what the process printed; why it ended, where it told nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """Where tests are called: a disposable checkout of the head, with what the pipeline writes over it."""

    stack: Stack
    tree: Path
    environment: Environment
    sandbox: Sandbox
    limits: Limits


def new_name() -> str:
    """Return an identifier that nobody knows, of letters that spell neither "test" nor "spec" nor "check"."""
    return "".join(secrets.choice(_LETTERS) for _ in range(12))


def speaks_of_tests(name: str) -> bool:
    """Whether a part of a path says to whoever reads it that tests are there."""
    return any(mark in name.lower() for mark in _MARKS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Laid:
    """What was written into a tree and beside it."""

    asked: tuple[str, ...]
    """Files, as the component's folder sees them."""
    program: Path
    left: Mapping[str, str]
    names_kept: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """Where one run is laid: the component's folder in the tree, a directory beside it, and which of the two forms."""

    ground: Ground
    folder: Path
    scratch: Path
    disclosed: bool
    names_stay: bool
    """Whether the names that files give to their functions and variables are as they were."""

    def below(self, path: str) -> str:
        """Return a repository's path as the component's folder sees it."""
        root = self.ground.stack.root
        return path if root == ROOT else path.removeprefix(f"{root}/")

    def above(self, inner: str) -> str:
        """Return a path of the component's folder as the repository sees it."""
        return str(PurePosixPath(self.ground.stack.root) / inner)

    def write_tool(self, name: str, text: str) -> Path:
        """Write a file that every user may read, whatever umask the process has: tests run as another user."""
        place = self.scratch / "tools" / name
        place.write_text(text, "utf-8")
        place.chmod(0o644)
        place.parent.chmod(0o755)
        return place

    def command(self, argv: Sequence[str], marks: Mapping[str, str]) -> SandboxCommand:
        """Return the command of this run; alone it has no variable of test runs, and another user."""
        ground, environment = self.ground, self.ground.environment
        path = ":".join([*map(str, environment.path_in(ground.tree)), *SYSTEM_PATH])
        variables = {
            name: value
            for name, value in environment.variables.items()
            if self.disclosed or name not in FIXED_VARIABLES
        }
        return SandboxCommand(
            argv=tuple(argv),
            cwd=self.folder,
            writable=(ground.tree, self.scratch / "results"),
            read_only=(*environment.read_only, self.scratch / "tools"),
            mounts=environment.mounts_in(ground.tree),
            scratch=environment.scratch_in(ground.tree),
            tree_at=environment.tree_at,
            environment={**marks, **variables, "PATH": path},
            timeout_s=float(ground.limits.test_timeout_s),
            output_max_bytes=_OUTPUT_MAX_BYTES,
            account=ACCOUNT if self.disclosed else new_name(),
        )


class Laying(Protocol):
    """What each language does for a run."""

    def lay(self, files: Sequence[str]) -> Laid:
        """Write the forms of files and what calls them. Paths are the repository's."""
        ...

    def command(self, laid: Laid) -> SandboxCommand:
        """Return what runs them."""
        ...

    def original(self, call: Call) -> Call:
        """Return a call that was told by the names that the tests have in reports."""
        ...
