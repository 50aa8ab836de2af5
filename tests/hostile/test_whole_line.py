"""A change request carried through hostile repositories to the merge, which writes into them; then their evidence is checked.

The whole run passes every place where git looks at, fetches from or pushes into the repository, so the traps stand together
here; each still tells for itself.
"""

import asyncio
import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from cli.main import main
from controller.wiring import Place
from pipeline.change_request import PauseReason, Reach, Stage, Status
from pipeline.gates.gate import Decision
from pipeline.interventions.intervention import Action
from pipeline.store.change_requests import ChangeRequests
from tests.hostile.conftest import STRANGER
from tests.hostile.ground import Ground, Honest, give_away, ref_of
from tests.hostile.traps import CHOSEN, TRAPS, Trap
from tests.line import scenarios
from tests.line.harness import LineRun
from tests.line.repositories import SampleRepository
from tests.line.savepoints import slow_writer
from tests.line.test_taking_over import handed_back, published

EVERYTHING, BARE = (next(trap for trap in TRAPS if trap.name == name) for name in ("everything", "bare with hooks"))
AS_A_STRANGERS = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a repository to another user")


async def submitted(
    line: LineRun, trap: Trap, honest: Honest, *parts: scenarios.Part, hook: str = "", owner: int | None = None
) -> Ground:
    """Lay the trap (and one more hook), look at the repository as the door does, and submit."""
    ground = trap.set(honest)
    if hook:
        ground.canaries.program(f"hook {hook}", at=ground.git_dir / "hooks" / hook)
    if owner is not None:
        give_away(ground, owner)
    line.repositories["sums"] = SampleRepository(ground.path)
    line.model.play(scenarios.scenario(*parts))
    await line.controller.wiring.inspector.inspect(
        Place(remote=str(ground.path), tenant="default", reach=Reach.PRIVATE), "main", None
    )
    await line.submit(title=scenarios.TITLE, body=scenarios.BODY)
    return ground


def check_merged(ground: Ground, before: str) -> None:
    assert ref_of(ground.git_dir, "refs/heads/main") != before
    branches = [path.name for path in (ground.git_dir / "refs" / "heads").rglob("*") if path.is_file()]
    assert branches in (["main"], []), "nothing else is left"
    if ground.git_dir != ground.path:
        assert (ground.path / "calc.py").read_text() == scenarios.CODE
        assert (ground.path / scenarios.TEST_FILE).read_text() == scenarios.TESTS


async def test_a_change_passes_every_way_that_writes_into_a_hostile_repository(
    quiet: LineRun, honest: Honest, tmp_path: Path
) -> None:
    """Published half done, handed back, delivered, kept from a dirty checkout, and merged into the checked-out branch."""
    ground = await submitted(quiet, EVERYTHING, honest, slow_writer(), hook="push-to-checkout")
    before = ground.head
    await _take_over_half_done(quiet, ground)
    assert ground.head == before
    writes = (scenarios.turn(scenarios.create("calc.py", scenarios.CODE)), scenarios.turn(scenarios.submit_code()))
    quiet.plays(scenarios.part("code_writer", *writes, *writes))
    await handed_back(quiet)
    await quiet.to_the_gate()
    await _release_into_a_dirty_checkout(quiet, ground)
    assert ground.head == before
    await quiet.resume()
    cr = await quiet.work()
    assert cr.status is Status.COMPLETED, (cr.pause_reason, cr.pause_message, cr.pause_facts)
    check_merged(ground, before)
    await _check_what_the_door_shows(quiet)
    await _check_evidence_in(quiet, honest, tmp_path, CHOSEN)


async def _take_over_half_done(line: LineRun, ground: Ground) -> None:
    """Taking over pushes what an agent had half written as the change request's branch."""
    working = asyncio.create_task(line.work())
    await line.until_asked("code_writer", 2)
    await line.say(Action.TAKEOVER)
    await working
    (one,) = (await published(line)).repositories
    assert (one.status, one.commit) == ("done", ref_of(ground.git_dir, f"refs/heads/{one.branch}"))


async def _release_into_a_dirty_checkout(line: LineRun, ground: Ground) -> None:
    """What is uncommitted is named without asking the repository's filters, and stays."""
    readme = ground.path / "README.md"
    text = readme.read_text()
    readme.write_text("# In the middle of something\n")
    await line.decide(Decision.APPROVE)
    cr = await line.work()
    assert (cr.status, cr.pause_reason) == (Status.PAUSED, PauseReason.TARGET_CHECKOUT_DIRTY), cr.pause_message
    assert cr.pause_facts["files"] == ["README.md"]
    assert readme.read_text() == "# In the middle of something\n"
    readme.write_text(text)


async def _check_evidence_in(line: LineRun, honest: Honest, place: Path, traps: Sequence[Trap]) -> None:
    """Verify the bundle against repositories that are other ones, and hostile."""
    bundle = place / "evidence.json"
    bundle.write_bytes(await line.evidence())
    for trap in traps:
        code = main(["evidence", "verify", str(bundle), "--repo", str(trap.set(honest).path)])
        assert code in {1, 2}, (trap.name, code)


async def _check_what_the_door_shows(line: LineRun) -> None:
    async with line.store.transaction() as connection:
        (progress,) = await ChangeRequests(connection).progress(line.cr_id)
    assert progress.base_commit is not None and progress.head_commit is not None
    shown = await line.controller.wiring.diffs.read(
        "default", progress.target, progress.base_commit, progress.head_commit
    )
    assert {file.path for file in shown.files} == {"calc.py", scenarios.TEST_FILE}


@pytest.mark.thorough
async def test_a_change_lands_in_a_hostile_bare_repository_once_its_guards_are_gone(
    quiet: LineRun, honest: Honest, tmp_path: Path
) -> None:
    ground = await submitted(quiet, BARE, honest)
    before = ground.head
    cr = await quiet.work()
    assert (cr.pause_reason, cr.stage) == (PauseReason.DELIVERY_FAILED, Stage.WORKSPACES), cr.pause_message
    ground.unguard()
    await quiet.resume()
    await quiet.to_the_gate()
    await quiet.decide_and_finish()
    check_merged(ground, before)
    await _check_evidence_in(quiet, honest, tmp_path, TRAPS)


@pytest.mark.thorough
@AS_A_STRANGERS
async def test_another_users_repository_is_written_as_that_user_or_not_at_all(quiet: LineRun, honest: Honest) -> None:
    ground = await submitted(quiet, EVERYTHING, honest, hook="push-to-checkout", owner=STRANGER)
    before = ground.head
    cr = await quiet.work()
    if cr.status is Status.WAITING:
        await quiet.approve()
        cr = await quiet.work()
    if cr.status is Status.COMPLETED:
        check_merged(ground, before)
    else:
        assert (cr.pause_reason, ground.head) == (PauseReason.DELIVERY_FAILED, before), cr.pause_message
    owners = {path.lstat().st_uid for path in [ground.path, *ground.path.rglob("*")]}
    assert owners == {STRANGER}, "its owner can still write every file"
