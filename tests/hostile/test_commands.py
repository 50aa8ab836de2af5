"""The command line in front of hostile repositories, typed by a person who stands in one."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from cli.main import main
from tests.hostile.canaries import Canaries
from tests.hostile.conftest import Door
from tests.hostile.ground import Honest, ref_of
from tests.hostile.traps import CHOSEN, TRAPS, Becomes
from tests.line import scenarios
from tests.unprivileged import SOURCES

TEXT = ("--title", scenarios.TITLE, "--body", scenarios.BODY)


def command(cwd: Path, environment: dict[str, str], *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run `changeline` as a person does who stands in `cwd`."""
    argv = [sys.executable, "-P", "-m", "cli", *arguments]
    told = {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": "/nonexistent", "PYTHONPATH": str(SOURCES), **environment}
    return subprocess.run(argv, cwd=cwd, env=told, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("trap", CHOSEN, ids=[trap.name for trap in CHOSEN])
def test_the_verbs_that_name_a_repository_obey_nothing_in_it(
    trap: object, door: Door, honest: Honest, canaries: Canaries, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = next(one for one in CHOSEN if one is trap)
    ground = chosen.set(honest)
    for name, value in door.environment.items():
        monkeypatch.setenv(name, value)
    canaries.told()
    added = main(["repo", "add", str(ground.path), "--name", ground.path.name.replace(".git", "")])
    submitted = main(["submit", "--repo", str(ground.path), *TEXT])
    fired = canaries.told()
    assert not fired
    expected = 2 if chosen.becomes is Becomes.REFUSED else 0
    assert (added, submitted) == (expected, expected)


def test_a_person_who_stands_in_a_hostile_repository_runs_nothing_of_it(
    door: Door, honest: Honest, canaries: Canaries
) -> None:
    """The search path holds the current directory, and so does a careless module path."""
    ground = honest.copy("standing in it", planted=True)
    (ground.path / ".env").write_text("CHANGELINE_TOKEN=somebody-elses\nCHANGELINE_LOG_LEVEL=nonsense\n")
    (ground.path / "sitecustomize.py").write_text(canaries.python("module sitecustomize"))
    canaries.told()
    environment = {**door.environment, "PATH": ":.:/usr/local/bin:/usr/bin:/bin"}
    for arguments in (("repo", "add", "."), ("submit", "--repo", ".", *TEXT), ("list",)):
        done = command(ground.path, environment, *arguments)
        assert done.returncode == 0, (arguments, done.stdout, done.stderr)
    assert canaries.told() == []


@pytest.mark.acceptance
@pytest.mark.skipif(os.geteuid() == 0, reason="as an ordinary user only: `test_as_ordinary_user` runs it")
def test_everything_that_one_ordinary_user_starts_obeys_nothing_of_a_repository(
    place: Path, honest: Honest, canaries: Canaries
) -> None:
    """Servers, controller, workers, agents' tools, git and the person are one user; the repository is theirs, too."""
    ground = next(trap for trap in TRAPS if trap.name == "everything").set(honest)
    before = ground.head
    scenario = place / "scenario.json"
    scenario.write_text(scenarios.scenario())
    environment = {"CHANGELINE_DATA_DIR": str(place / "installation")}
    canaries.told()
    done = command(
        ground.path, environment, "run", "--repo", ".", *TEXT, "--scenario", str(scenario), "--yes", "--json"
    )
    fired = canaries.told()
    assert not fired, "\n".join(fired)
    assert done.returncode == 0, done.stderr[-3000:] + done.stdout[-3000:]
    assert ref_of(ground.git_dir, "refs/heads/main") != before
