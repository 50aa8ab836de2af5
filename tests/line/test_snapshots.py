"""Work leaves the machine while it is done, but nothing unfit does; and it comes back where the machine is gone."""

import shutil
from collections import Counter
from dataclasses import replace

import pytest

from controller.background.workers import Workers
from controller.metrics import Metrics
from pipeline.change_request import PauseReason, Stage, Status
from pipeline.effects.kinds import EffectKind
from pipeline.store.dispatching import Dispatched
from pipeline.worker_loss import LossKind, WorkerLoss
from tests.line import scenarios
from tests.line.dying import Deaths, Moment
from tests.line.harness import LineRun, NoLauncher
from tests.line.repositories import SampleRepository
from tests.line.savepoints import AT_THE_GATE, BEFORE_DEVELOPMENT, begins_at
from tests.line.scenarios import CODE, bash, create, part, submit_code, turn
from tests.line.test_going_on import ORDINARY
from worker.wiring import Hands

KEY = "AKIA" + "Q3EGRAFT5XNZPLH7"
PRIVATE = "refs/changeline/wip/cr-1/sums/"
BRANCH = "refs/heads/changeline/wip/cr-1/sums/"


async def start(
    line: LineRun, *parts: scenarios.Part, files: dict[str, str] | None = None, **limits: object
) -> SampleRepository:
    repository = line.repository({**scenarios.FILES, **(files or {})})
    line.model.play(scenarios.scenario(*parts))
    await line.submit(title=scenarios.TITLE, body=scenarios.BODY, limits=limits)
    return repository


def wip(repository: SampleRepository) -> list[str]:
    return [ref for ref in repository.refs() if "/wip/" in ref]


async def warnings(line: LineRun) -> list[str]:
    return [event.payload["message"] for event in await line.events("warned")]


def lose_the_machine(line: LineRun) -> None:
    """Delete what only the machine of the dead worker held."""
    shutil.rmtree(line.root / "data" / "git")
    shutil.rmtree(line.root / "data" / "worktrees")


class DiesAway(Deaths):
    """Deaths that may take the machine with them, with or without a push just before."""

    pushes: bool = True

    def doomed(self, line: LineRun, held: Hands) -> Hands:
        self._held = held
        return super().doomed(line, held)

    async def at(self, line: LineRun, *moment: str) -> None:
        if self.pushes and moment not in self.died_at and self.wanted(moment):
            await self._held.context.snapshots.push()  # type: ignore[attr-defined]  # the real one has it
        await super().at(line, *moment)


async def finish_after_losing(line: LineRun, deaths: DiesAway) -> None:
    cr = await line.work(deaths.doomed)
    while cr.status is Status.RUNNING:
        await line.bury()
        lose_the_machine(line)
        cr = await line.work(deaths.doomed)
    assert cr.status is Status.WAITING, (cr.pause_reason, cr.pause_message, cr.pause_facts)
    lose_the_machine(line)
    await line.decide_and_finish()


def after_code(at: Moment) -> bool:
    return at[:3] == ("after", "observed", "code_writer")


@begins_at(BEFORE_DEVELOPMENT)
async def test_a_worker_on_another_machine_goes_on_in_the_middle_of_a_conversation(line: LineRun) -> None:
    repository = line.sums
    deaths = DiesAway(after_code)
    await finish_after_losing(line, deaths)
    assert len(deaths.died_at) == 2
    assert Counter(line.asked_roles()) == ORDINARY, "nothing is bought twice"
    assert repository.text("calc.py") == CODE.strip()
    assert repository.refs() == ["refs/heads/main"]


@pytest.mark.thorough
@begins_at(BEFORE_DEVELOPMENT)
async def test_a_conversation_whose_tree_was_lost_with_its_machine_begins_again(line: LineRun) -> None:
    repository = line.sums
    deaths = DiesAway(lambda at: at == ("after", "observed", "code_writer", "sums/1", "1"))
    deaths.pushes = False
    await finish_after_losing(line, deaths)
    assert any("lost with the machine" in told for told in await warnings(line))
    assert repository.text("calc.py") == CODE.strip()


@begins_at(AT_THE_GATE)
async def test_snapshots_lie_at_the_remote_while_a_person_is_waited_for_and_are_gone_at_the_end(line: LineRun) -> None:
    repository = line.sums
    assert wip(repository) == [f"{PRIVATE}1"]
    await line.decide_and_finish()
    assert repository.refs() == ["refs/heads/main"]
    assert Counter(effect.kind for effect in await line.effects())[EffectKind.DELETE_SNAPSHOTS] == 1
    assert not await warnings(line)


@pytest.mark.thorough
async def test_what_a_stale_worker_pushed_after_the_end_is_removed_when_it_is_gone(line: LineRun) -> None:
    repository = await start(line)
    assert (await line.work(Deaths(after_code).doomed)).status is Status.RUNNING
    await line.bury()
    await line.to_the_gate()
    await line.decide_and_finish()
    repository.git("update-ref", f"{PRIVATE}1", repository.head("refs/heads/main"))
    workers = Workers(
        database=line.store, bells=line.controller.bells, launcher=NoLauncher(), settings=line.settings,
        metrics=Metrics(), owner="test", alone=True, on_ready=lambda: None,
    )  # fmt: skip
    last = Dispatched(tenant="default", cr_id=line.cr_id, attempt=1, epoch=line.epoch)
    await workers.worker_lost(last, WorkerLoss(kind=LossKind.LEFT, cause="the worker ended with exit code 0"))
    await line.carry_out()
    assert wip(repository) == [f"{PRIVATE}1"], "nothing is intended behind a worker that ended as it should"
    for _ in range(2):
        await workers.worker_lost(
            replace(last, epoch=1), WorkerLoss(kind=LossKind.CRASHED, cause="the worker ended with exit code 75")
        )
    await line.carry_out()
    assert repository.refs() == ["refs/heads/main"]
    assert Counter(effect.kind for effect in await line.effects())[EffectKind.DELETE_SNAPSHOTS] == 2


def close(repository: SampleRepository, *places: str) -> None:
    """Put a file where a remote would need a directory for refs, so that none can be made there."""
    for place in places:
        file = repository.path / ".git" / place
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("closed\n")


@pytest.mark.thorough
async def test_a_remote_that_refuses_private_refs_gets_a_branch(line: LineRun) -> None:
    repository = await start(line)
    close(repository, "refs/changeline")
    await line.to_the_gate()
    assert wip(repository) == [f"{BRANCH}1"]
    lose_the_machine(line)
    await line.decide_and_finish()
    assert repository.refs() == ["refs/heads/main"]


@pytest.mark.thorough
async def test_a_remote_that_refuses_every_snapshot_is_a_warning(line: LineRun) -> None:
    repository = await start(line)
    close(repository, "refs/changeline", "refs/heads/changeline/wip")
    await line.to_the_gate()
    told = await warnings(line)
    assert len(told) == 1 and "could not be saved" in told[0]
    await line.decide_and_finish()
    assert wip(repository) == []


async def test_a_snapshot_with_a_secret_never_leaves_the_machine(line: LineRun) -> None:
    leaking = part(
        "code_writer", turn(create("calc.py", f"{CODE}KEY = '{KEY}'\n")), turn(create("calc.py", CODE)), turn(submit_code())
    )  # fmt: skip
    repository = await start(line, leaking)
    await line.to_the_gate()
    assert wip(repository) == [f"{PRIVATE}1"], "what holds no secret was saved"
    everything = repository.git("rev-list", "--objects", "--all").split()
    texts = repository.git("log", "--all", "-p")
    assert KEY not in texts and everything
    told = [message for message in await warnings(line) if "stays on this machine" in message]
    assert len(told) == 1 and "calc.py:7" in told[0]
    assert KEY not in str([event.payload for event in await line.events("warned")])


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("calls", "limits", "why"),
    [
        (["printf '' > .gitignore; mkdir -p out; echo x > out/log.txt"], {}, "ignored by"),
        (["seq 4000 > numbers.txt"], {"snapshot_file_max_bytes": 10_000}, "larger than"),
        (
            ["for n in 1 2 3; do seq 2000 > numbers$n.txt; done"],
            {"snapshot_total_max_bytes": 20_000},
            "adds more than",
        ),
    ],
)
async def test_what_is_ignored_or_too_large_stays(
    line: LineRun, calls: list[str], limits: dict[str, int], why: str
) -> None:
    sloppy = part(
        "code_writer", turn(*(bash(call) for call in calls)),
        turn(bash("rm -rf out numbers*.txt; git checkout -q .gitignore"), create("calc.py", CODE)), turn(submit_code()),
    )  # fmt: skip
    await start(line, sloppy, files={".gitignore": "out/\n"}, **limits)
    await line.to_the_gate()
    assert any("stays on this machine" in told and why in told for told in await warnings(line))


@pytest.mark.thorough
@begins_at(AT_THE_GATE)
async def test_work_that_is_lost_for_good_pauses_and_says_what_to_do(line: LineRun) -> None:
    repository = line.sums
    for ref in wip(repository):
        repository.git("update-ref", "-d", ref)
    repository.git("update-ref", "-d", "refs/heads/changeline/cr-1")
    lose_the_machine(line)
    await line.approve()
    cr = await line.work()
    assert (cr.status, cr.pause_reason) == (Status.PAUSED, PauseReason.REMOTE_UNREACHABLE)
    await line.restart(Stage.DEVELOPMENT)
    await line.to_the_gate()
    await line.decide_and_finish()
