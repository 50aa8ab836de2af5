"""Real installations: the command as a process and in this process, and one installation that many tests share.

Starting an installation takes longer than most tests of one. `running` is started once and shared by all tests to which it
does not matter who started it; each brings a repository of its own, by whose name the scripted agents know what to play.
Those tests are one group, so that one worker runs them and one installation is started. Verbs run in this process there,
as a person's own shell would run them: the installation is what is tested.
"""

import io
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import chdir, contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from cli.main import main
from tests.line import scenarios
from tests.line.scenarios import bash, create, part, submit_code, submit_review, tool, turn

REPOSITORY = Path(__file__).parents[1]
EXAMPLES = REPOSITORY / "examples"
Changeline = Callable[..., "subprocess.CompletedProcess[str]"]

SHARED = pytest.mark.xdist_group("installation")
"""Marks tests that use `running`."""
WAITS = "sleep 600"
FEWER_RUNS = {"CHANGELINE_ENVIRONMENT__OFFLINE": "true", "CHANGELINE_PIPELINE__MUTANTS_MAX": "0"}
"""Nothing from a registry, and no mutants, which the demo and their own tests are about."""
MARK = "31557600"
"""How long a tool sleeps that is looked for among the processes: nothing else on the machine does exactly that."""
HALF = "def add(a, b):\n    return a + b\n\n\ndef double(n):\n    return 0\n"
THOUGHT = (
    "What doubling gives for zero and for negative numbers is not said, so I weigh one reading against the other. "
)
SHORT = "Doubling is multiplication by two, for every number."
_REQUIREMENTS = tool("submit_requirements", requirements=[scenarios.REQUIREMENT])
SCENARIO = scenarios.scenario(
    part(
        "requirements_analyst", turn(_REQUIREMENTS, text=THOUGHT * 4, fault={"stall_s": 600, "times": 9}),
        contains=["spoken"], not_contains=["In one sentence"],
    ),
    part("requirements_analyst", turn(_REQUIREMENTS, text=SHORT), contains=["spoken"]),
    part("code_writer", turn(bash(WAITS)), turn(submit_code()), contains=["spoken"]),
    part("quality_reviewer", turn(bash(WAITS)), turn(submit_review()), contains=["skipped"]),
    part("code_writer", turn(create("calc.py", HALF)), turn(bash(WAITS)), turn(submit_code()), contains=["taken"]),
    part(
        "code_writer", turn(create("calc.py", HALF)), turn(bash(f"sleep {MARK} & sleep {MARK}")), turn(submit_code()),
        contains=["asleep"],
    ),
    part("sync_analyst", turn(tool("submit_sync", summary="They finished it.", behaviour_changed=False, open_points=[]))),
)  # fmt: skip
"""What the shared installation plays, by the name of the repository; everything else passes straight to the end."""


@dataclass(frozen=True, slots=True)
class Installation:
    """A running installation with a scripted model, shared by the tests of the suite."""

    changeline: Changeline
    place: Path
    up: dict[str, Any]
    """What `up --json` said."""

    @property
    def data(self) -> Path:
        return self.place / "data"

    @property
    def url(self) -> str:
        return str(self.up["controller"])

    @property
    def request(self) -> str:
        """The file of the request that every repository here understands."""
        return request_in(self.place)

    def repository(self, name: str) -> Path:
        """Make a repository that adds numbers, checked out on `main`."""
        return sums_in(self.place, name)


@pytest.fixture(scope="session")
def running() -> Iterator[Installation]:
    """Start one for tests to which it does not matter who started it. Use `SHARED` with it."""
    with reachable() as place, commands(place) as run:
        (place / "scenario.yaml").write_text(SCENARIO)
        started = run("up", "--detach", "--port", "0", "--scenario", str(place / "scenario.yaml"), "--json")
        assert started.returncode == 0, started.stderr
        yield Installation(in_process(place), place, value_of(started))


def request_in(place: Path) -> str:
    """Write the request that the small sample understands; returns the path of its file."""
    path = place / "REQUEST.md"
    path.write_text(f"# {scenarios.TITLE}\n\n{scenarios.BODY}\n", encoding="utf-8")
    return str(path)


def sums_in(place: Path, name: str) -> Path:
    """Make the small sample: a repository that adds numbers, checked out on `main`."""
    path = place / name
    path.mkdir()
    git(path, "init", "-q", "-b", "main")
    commit(path, scenarios.FILES, "First commit")
    return path


def in_process(place: Path) -> Changeline:
    """The command in this process, on the data directory below `place`, standing in `place`."""

    def run(*arguments: str) -> "subprocess.CompletedProcess[str]":
        out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True) for _ in range(2))
        with pytest.MonkeyPatch.context() as patched, chdir(place), redirect_stdout(out), redirect_stderr(err):
            patched.setenv("CHANGELINE_DATA_DIR", str(place / "data"))
            for name, value in FEWER_RUNS.items():
                patched.setenv(name, value)
            code = main(list(arguments))
        said, complained = (stream.buffer.getvalue().decode() for stream in (out, err))
        return subprocess.CompletedProcess(arguments, code, said, complained)

    return run


@contextmanager
def reachable() -> Iterator[Path]:
    """A temporary directory through which the servers' own user can pass."""
    path = Path(tempfile.mkdtemp(prefix="changeline-acceptance-"))
    path.chmod(0o755)
    try:
        yield path
    finally:
        shutil.rmtree(path)


@contextmanager
def commands(place: Path) -> Iterator[Changeline]:
    """The real command on a data directory below `place`; whatever is left running is stopped."""
    own = {"CHANGELINE_DATA_DIR": str(place / "data"), **FEWER_RUNS}
    environment = {**os.environ, **own, "PYTHONPATH": str(REPOSITORY)}

    def run(*arguments: str) -> "subprocess.CompletedProcess[str]":
        argv = [sys.executable, "-P", "-m", "cli", *arguments]
        return subprocess.run(argv, env=environment, cwd=place, capture_output=True, text=True, check=False)

    try:
        yield run
    finally:
        run("down")


def git(repository: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=A person", "-c", "user.email=person@localhost"]
    argv = ["git", "-C", str(repository), *identity, *arguments]
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout.strip()


def commit(repository: Path, files: dict[str, str], message: str) -> str:
    """Write files and commit everything; returns the commit."""
    for name, text in files.items():
        (repository / name).parent.mkdir(parents=True, exist_ok=True)
        (repository / name).write_text(text)
    git(repository, "add", "-A")
    git(repository, "commit", "-q", "-m", message)
    return git(repository, "rev-parse", "HEAD")


def pinned(changeline: Changeline) -> tuple[str, str]:
    """Return what `evidence verify` is told, so that only the own installation's signature counts."""
    return "--fingerprint", value_of(changeline("evidence", "signer", "--json"))["items"][0]["fingerprint"]


def value_of(done: "subprocess.CompletedProcess[str]") -> dict[str, Any]:
    assert done.stdout, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found
