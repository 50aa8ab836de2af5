"""One repository and one request as a person has them, and what scripted agents do there.

A case is a folder below `cases/` whose `make.sh` builds everything in an empty directory: the repository, the request, the
commands of the test writer and of the code writer, and what they hand in. The agents repeat the same commands whenever they
are asked again; they do not adapt, so that what ends well ends well by the line's own doing. `expected.tsv` names the end.
"""

import os
import shlex
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

PLACE = Path(__file__).parent
EXPECTED = PLACE / "expected.tsv"
LANDS, REFUSED = "lands", "refused"
_PARTS = "\n#---\n"
_MAKE_S = 120


class CaseBroken(Exception):
    """A case that cannot be made or read; the message says which and why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One line of `expected.tsv`."""

    name: str
    test_command: str | None
    needs: str | None
    """A program without which the case cannot be tried."""
    ends: tuple[str, ...]
    """The ends that a user expects: `lands`, `refused`, or the reason of a pause."""
    note: str

    @property
    def registered_as(self) -> str:
        """The repository's name in Changeline, by which the scripted agents know whose turn it is."""
        return f"contact-{self.name}-case"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProvenFile:
    """A test file that the test writer hands in."""

    kind: str
    path: str
    tests: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A case that was built in a directory."""

    case: Case
    remote: str
    title: str
    body: str
    tests: tuple[str, ...]
    """Shell commands of the test writer, one per turn."""
    code: tuple[str, ...]
    proof: tuple[ProvenFile, ...]
    paths: tuple[str, ...]
    """What the code writer says that it changed."""
    rewritten: tuple[str, ...] = ()
    """Old tests that the test writer rewrites, because they state what the request changes."""
    written: tuple[tuple[str, str], ...] = ()
    """More files of the test writer, written with its editor: paths and texts."""


def known() -> list[Case]:
    """Return the cases in the order of `expected.tsv`."""
    return [_case(line) for line in EXPECTED.read_text("utf-8").splitlines()[1:]]


def options_of(text: str) -> dict[str, str]:
    """Read the options of a line: names with values."""
    words = shlex.split(text)
    return dict(zip(words[::2], words[1::2], strict=True))


def prepare(case: Case, directory: Path) -> Prepared:
    """Build a case in a new directory. Raises `CaseBroken` with the last words of its script."""
    directory.mkdir(parents=True)
    script = PLACE / "cases" / case.name / "make.sh"
    made = subprocess.run(
        ["bash", "-eu", str(script), str(directory)],
        cwd=directory,
        env={**_environment(directory), "TRIALS": str(PLACE), "W": str(directory)},
        capture_output=True,
        text=True,
        check=False,
        timeout=_MAKE_S,
    )
    if made.returncode:
        raise CaseBroken(f"{case.name}: make.sh ended with {made.returncode}: {made.stderr[-500:]}")
    title, _, body = (directory / "request.md").read_text("utf-8").partition("\n")
    target = directory / "target"
    return Prepared(
        case=case,
        remote=target.read_text("utf-8").strip() if target.exists() else str(directory / "repo"),
        title=title.removeprefix("# "),
        body=body.strip(),
        tests=_commands(directory / "test.sh"),
        code=_commands(directory / "code.sh"),
        proof=tuple(_proven(line) for line in _lines(directory / "proof.txt")),
        paths=tuple(_lines(directory / "paths.txt")),
        rewritten=tuple(_lines(directory / "rewritten.txt")) if (directory / "rewritten.txt").exists() else (),
    )


def _case(line: str) -> Case:
    try:
        name, options, ends, note = line.split("\t")
    except ValueError as error:
        raise CaseBroken(f"expected.tsv: a line needs four columns: {line!r}") from error
    given = options_of(options)
    return Case(
        name=name,
        test_command=given.get("--test-command"),
        needs=given.get("--needs"),
        ends=tuple(ends.split(",")),
        note=note,
    )


def _commands(file: Path) -> tuple[str, ...]:
    return tuple(part.strip("\n") for part in file.read_text("utf-8").split(_PARTS) if part.strip())


def _lines(file: Path) -> Sequence[str]:
    return [line for line in file.read_text("utf-8").splitlines() if line.strip()]


def _proven(line: str) -> ProvenFile:
    kind, path, *tests = line.split("\t")
    return ProvenFile(kind=kind, path=path, tests=tuple(name for part in tests for name in part.split(",") if name))


def _environment(directory: Path) -> dict[str, str]:
    """Return an environment in which git reads nobody's configuration."""
    return {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "HOME": str(directory),
        "LC_ALL": "C.UTF-8",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
    }
