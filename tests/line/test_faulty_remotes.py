"""A git remote that is away, refuses or hangs: tries with growing waits, then a pause; afterwards nothing is bought again."""

import asyncio
import shutil
import socket
from collections import Counter
from pathlib import Path

import pytest

from pipeline.adapters.clock import SystemClock
from pipeline.adapters.git.repository import open_repository
from pipeline.adapters.git.runner import GitCommands
from pipeline.change_request import PauseReason, Stage, Status
from pipeline.errors import TransientError
from pipeline.ports import Author
from tests.adapters.git_world import to
from tests.line import scenarios
from tests.line.faults import HurriedClock, hurried, when_entering
from tests.line.harness import LineRun
from tests.line.repositories import SampleRepository
from tests.line.savepoints import AT_THE_GATE, BEFORE_DEVELOPMENT, begins_at
from tests.line.test_going_on import ORDINARY
from worker.control import TIME_LOOK_MAX_S
from worker.patience import AGAIN, PROBLEMS_MAX


async def start(line: LineRun) -> SampleRepository:
    repository = line.repository(scenarios.FILES)
    line.model.play(scenarios.scenario())
    await line.submit(title=scenarios.TITLE, body=scenarios.BODY)
    return repository


def away(repository: SampleRepository) -> Path:
    return repository.path.with_name("away")


async def finish(line: LineRun) -> None:
    cr = await line.to_the_end()
    assert cr.status is Status.COMPLETED, (cr.pause_reason, cr.pause_message, cr.pause_facts)
    assert Counter(line.asked_roles()) == ORDINARY
    assert len(line.repositories["sums"].subjects()) == 2, "merged once"


@pytest.mark.thorough
async def test_a_remote_that_is_gone_from_the_start_pauses_after_growing_waits_and_goes_on(line: LineRun) -> None:
    repository, clock = await start(line), HurriedClock()
    repository.path.rename(away(repository))
    cr = await line.work(hurried(clock))
    assert (cr.status, cr.pause_reason) == (Status.PAUSED, PauseReason.REMOTE_UNREACHABLE)
    assert cr.stage is Stage.WORKSPACES and "then resume" in cr.pause_message
    assert cr.pause_facts["remote"] == str(repository.path)
    waits = [slept for slept in clock.slept if slept != TIME_LOOK_MAX_S]
    pauses = [AGAIN.pause_s(problem) for problem in range(1, PROBLEMS_MAX + 1)]
    growing = [pause for pause in pauses if pause != TIME_LOOK_MAX_S]
    assert waits[-len(growing) :] == growing
    away(repository).rename(repository.path)
    await line.resume()
    await finish(line)


@begins_at(BEFORE_DEVELOPMENT)
@pytest.mark.parametrize("stage", [Stage.REBASE, pytest.param(Stage.DELIVERY, marks=pytest.mark.thorough)])
async def test_a_remote_that_goes_away_in_the_middle_pauses_and_goes_on(line: LineRun, stage: Stage) -> None:
    repository = line.sums

    def move() -> None:
        repository.path.rename(away(repository))

    cr = await line.work(when_entering(stage, move))
    assert (cr.pause_reason, cr.stage) == (PauseReason.REMOTE_UNREACHABLE, stage), cr.pause_message
    away(repository).rename(repository.path)
    await line.resume()
    await finish(line)


@begins_at(AT_THE_GATE)
@pytest.mark.thorough
@pytest.mark.parametrize("stage", [Stage.MERGE_CHECK, Stage.RELEASE])
async def test_a_remote_that_goes_away_after_the_approval_pauses_and_merges_once(line: LineRun, stage: Stage) -> None:
    repository = line.sums
    await line.approve()

    def move() -> None:
        repository.path.rename(away(repository))

    cr = await line.work(when_entering(stage, move, effect_timeout_s=0.5))
    assert (cr.pause_reason, cr.stage) == (PauseReason.REMOTE_UNREACHABLE, stage), cr.pause_message
    away(repository).rename(repository.path)
    await line.resume()
    await finish(line)


@pytest.mark.thorough
@begins_at(BEFORE_DEVELOPMENT)
async def test_a_branch_that_collides_with_ours_pauses_with_the_remedy_and_goes_on(line: LineRun) -> None:
    repository = line.sums
    repository.git("branch", "changeline")
    cr = await line.work()
    assert (cr.pause_reason, cr.stage) == (PauseReason.DELIVERY_FAILED, Stage.DELIVERY)
    assert "The branch `changeline` is in the way" in str(cr.pause_message)
    repository.git("branch", "-D", "changeline")
    await line.resume()
    await finish(line)


def lay_hooks(directory: Path, *names: str) -> Path:
    """Lay hooks that refuse, and return the file that shows whether one has run."""
    sprung = directory.parent / "sprung"
    directory.mkdir(exist_ok=True)
    for name in names:
        (directory / name).write_text(f"#!/bin/sh\ntouch {sprung}\nexit 1\n")
        (directory / name).chmod(0o755)
    return sprung


@pytest.mark.thorough
@begins_at(BEFORE_DEVELOPMENT)
async def test_no_hook_of_a_repository_on_this_machine_runs(line: LineRun) -> None:
    sprung = lay_hooks(line.sums.path / ".git" / "hooks", "post-receive", "push-to-checkout", "post-checkout")
    await finish(line)
    assert not sprung.exists()


async def test_hooks_that_judge_pushes_are_told_of_before_any_agent_is_paid(line: LineRun) -> None:
    await start(line)
    line.sums.git("config", "core.hooksPath", "guards")
    for guard in ("pre-receive", "update", "proc-receive", "reference-transaction"):
        sprung = lay_hooks(line.sums.path / "guards", guard)
        cr = await line.work()
        assert (cr.pause_reason, cr.stage) == (PauseReason.DELIVERY_FAILED, Stage.WORKSPACES), cr.pause_message
        assert f"hooks ({guard})" in cr.pause_message and "ssh://" in cr.pause_message
        assert not sprung.exists()
        shutil.rmtree(line.sums.path / "guards")
        await line.resume()


@pytest.mark.thorough
@begins_at(AT_THE_GATE)
async def test_nothing_is_pushed_past_a_hook_that_came_later(line: LineRun) -> None:
    hooks = line.sums.path / ".git" / "hooks"
    sprung = lay_hooks(hooks, "update")
    await line.approve()
    cr = await line.work()
    assert (cr.pause_reason, cr.stage) == (PauseReason.DELIVERY_FAILED, Stage.RELEASE), cr.pause_message
    assert len(line.sums.subjects()) == 1 and not sprung.exists()
    (hooks / "update").unlink()
    await line.resume()
    await finish(line)


async def test_a_transport_that_hangs_is_cut_and_leaves_no_process(tmp_path: Path) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        remote = f"http://127.0.0.1:{silent.getsockname()[1]}/sums.git"
        commands = GitCommands(timeout_s=0.3, transfer_timeout_s=0.3)
        repository = await open_repository(
            name="sums", remote=to(remote, commands=commands), cache_dir=tmp_path, commands=commands,
            author=Author(name="A", email="a@localhost"), clock=SystemClock(),
        )  # fmt: skip
        with pytest.raises(TransientError, match="did not finish"):
            await repository.fetch()
        with pytest.raises(TransientError, match="did not finish"):
            await repository.remote_ref("refs/heads/main")
    assert remote not in await asyncio.to_thread(_command_lines)


def _command_lines() -> str:
    found = []
    for line in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found.append(line.read_bytes().decode(errors="replace"))
        except OSError:  # it ended meanwhile
            continue
    return "\n".join(found)
