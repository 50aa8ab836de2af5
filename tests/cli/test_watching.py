"""Watching tells everything once and in order, over connections that break, and stops when nothing more happens."""

import io
import signal
import subprocess
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, get_args

import pytest
from rich.console import Console

from cli import own_processes
from cli.client import Client, Event
from cli.follower import follow
from cli.live import LiveView
from cli.narration import narrate
from cli.progress import Progress
from pipeline import events
from pipeline.change_request import Move, PauseReason, Stage, Status, WaitKind
from pipeline.findings import Risk
from pipeline.store.change_requests import ChangeRequests
from pipeline.store.engine import Database
from pipeline.store.events import Events
from tests.cli.bad_line import bad_line
from tests.cli.conftest import Verb
from tests.controller import line
from tests.controller.conftest import Controller

AT = datetime(2026, 11, 20, 10, tzinfo=UTC)
STORY: list[events.Event] = [
    events.StatusChanged(status=Status.RUNNING),
    events.WorkerStarted(epoch=1, isolation="bubblewrap"),
    events.StageEntered(stage=Stage.DEVELOPMENT, repository="sample"),
    events.AgentStarted(
        stage=Stage.DEVELOPMENT, repository="sample", role="code_writer", instance="1", model="m", resumed_at_turn=2
    ),
    events.AgentTurn(stage=Stage.DEVELOPMENT, repository="sample", role="code_writer", instance="1", turn=3, text="Hm."),
    events.ToolCalled(
        stage=Stage.DEVELOPMENT, repository="sample", role="code_writer", instance="1", turn=3, tool="bash",
        summary="\x1b[2Jmake", ok=False,
    ),
    events.TestsRun(
        repository="sample", purpose="green_suite", commit="c" * 40, passed=4, failed=1, skipped=0, ok=False
    ),
    events.CostUpdated(spent_usd="1.25", budget_usd="50"),
    events.RiskFlagged(risk=Risk.LOW, pattern="role play", quote="You are"),
    events.SpecRevised(repository="sample", revision=2, scenarios=7),
    events.FindingsReported(stage=Stage.REVIEW, source="security_reviewer", blocking=1, total=2),
    events.StageLooped(stage=Stage.REVIEW, back_to=Stage.DEVELOPMENT, why="a finding", loop=1, loops_max=3),
    events.AgentCompleted(stage=Stage.DEVELOPMENT, repository="sample", role="code_writer", instance="1", turns=3, cost_usd="0.5"),
    events.StageCompleted(stage=Stage.DEVELOPMENT, repository="sample", outcome="passed", duration_s=2.5),
    events.WorkerLost(epoch=1, cause="the worker was killed by SIGKILL"),
    events.GateOpened(gate_id="gate-1", kind="release", content_hash="h"),
    events.StatusChanged(status=Status.WAITING, wait=WaitKind.GATE, message="The release waits."),
    events.GateDecided(gate_id="gate-1", kind="release", decision="approve", actor="local"),
    events.EffectRecorded(effect_id="e", kind="merge", status="done", summary="merge is done"),
    events.InterventionProgressed(intervention_id="i", action="redirect", status="delivered", actor="ann", turn=4),
    events.Warned(message="Something."),
    events.CleanupPending(actor="ann", message="Branches are kept."),
    events.StatusChanged(status=Status.COMPLETED),
]  # fmt: skip


def told() -> Iterator[Event]:
    for seq, event in enumerate(STORY, start=1):
        yield Event(seq=seq, type=event.type, cr_id=line.CR, at=AT + timedelta(seconds=seq), payload=event)


def test_every_kind_of_event_has_words_and_none_can_steer_the_terminal() -> None:
    kinds = {kind.model_fields["type"].default for kind in get_args(get_args(events.Event)[0])}
    assert {event.type for event in STORY} == kinds
    lines = [narrate(event) for event in told()]
    assert [event.type for event, words in zip(told(), lines, strict=True) if words is None] == ["cost_updated"]
    assert not any("\x1b" in words for words in lines if words)
    assert any(
        "[development · sample · code_writer] turn 3, bash: \N{REPLACEMENT CHARACTER}[2Jmake FAILED" in (words or "")
        for words in lines
    )
    assert narrate(Event(seq=1, type="comes_later", cr_id="c", at=AT, payload=None)) == "10:00:00  comes later"


def test_progress_knows_stage_agent_tests_and_money() -> None:
    progress = Progress()
    story = list(told())
    for event in story[:8]:
        progress.apply(event)
    assert progress.stage is not None
    assert (progress.stage.name, [agent.tool for agent in progress.agents.values()]) == (
        "development",
        ["bash: \x1b[2Jmake (failed)"],
    )
    assert (progress.tests, progress.spent_usd) == ({"sample green suite": (4, 1, False)}, Decimal("1.25"))
    for event in story[8:]:
        progress.apply(event)
    assert (progress.status, progress.agents, progress.stages[Stage.REVIEW].state) == ("completed", {}, "back")


def test_the_live_view_draws_every_moment_of_a_story() -> None:
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=True, width=100, color_system=None)
    with LiveView(console, cr_id=line.CR, title="Add\x1b[2J a [greeting]", model="scripted") as view:
        for event in told():
            view.show(event)
    shown = screen.getvalue()
    assert "a [greeting]" in shown
    assert "[2J" in shown and "\x1b[2J" not in shown
    assert "back to development (1 of 3): a finding" in shown
    assert "1.2500 of 50.00 USD" in shown


async def test_a_stream_that_breaks_is_resumed_without_gap_or_duplicate(
    controller: Controller, store: Database
) -> None:
    await line.queued(store, "cr-broken")
    messages = [f"number {number}" for number in range(12)]
    await _warn(store, *messages, cr_id="cr-broken")
    with bad_line(controller.url) as broken, Client(broken.url, controller.token) as client:
        broken.cut_after.extend([3, 0, 4])
        seen = _until(follow(client, "cr-broken", notice=lambda _text: None, sleep=lambda _s: None), messages[-1])
    assert [_message(event) for event in seen] == messages
    assert [event.seq for event in seen] == sorted({event.seq for event in seen})
    assert broken.resumed_at == ["0", str(seen[2].seq), str(seen[2].seq), str(seen[6].seq)]


async def test_events_that_happen_while_the_connection_is_away_are_told(
    controller: Controller, store: Database
) -> None:
    await line.queued(store, "cr-away")
    await _warn(store, "before", cr_id="cr-away")
    back = threading.Event()

    def wait(_seconds: float) -> None:
        back.wait(30)

    with bad_line(controller.url) as broken, Client(broken.url, controller.token) as client:
        broken.cut_after.append(1)
        following = follow(client, "cr-away", notice=lambda _text: None, sleep=wait)
        first = next(event for event in following if event is not None)
        await _warn(store, "meanwhile", cr_id="cr-away")
        back.set()
        told = [first, *_until(following, "meanwhile")]
        assert [_message(event) for event in told] == ["before", "meanwhile"]


async def test_watching_ends_at_the_present_rest_and_not_at_an_earlier_one(
    verb: Verb, controller: Controller, store: Database
) -> None:
    await line.queued(store)
    for number in range(2):
        await line.paused(store, PauseReason.REVIEW_LOOP)
        await _say(
            store, events.StatusChanged(status=Status.PAUSED, reason=PauseReason.REVIEW_LOOP, message=f"pause {number}")
        )
        if number == 0:
            async with store.transaction() as connection:
                await ChangeRequests(connection).move(line.CR, Move.REQUEUE)
            await _say(store, events.StatusChanged(status=Status.QUEUED))
    watched = verb("watch", line.CR)
    assert watched.code == 3
    assert watched.out.index("pause 0") < watched.out.index("pause 1")
    assert f"changeline resume {line.CR}" in watched.out
    assert verb("watch", line.CR, "--json").value["pause"]["reason"] == "review_loop"


@pytest.mark.parametrize(("move", "code"), [(Move.FAIL, 4), (Move.CANCEL, 4)])
async def test_what_people_ended_is_told_by_the_exit_code(
    verb: Verb, controller: Controller, store: Database, move: Move, code: int
) -> None:
    await line.queued(store)
    async with store.transaction() as connection:
        await ChangeRequests(connection).move(line.CR, move, message="Enough.")
    await _say(store, events.StatusChanged(status=Status.FAILED if move is Move.FAIL else Status.CANCELLED))
    assert verb("watch", line.CR).code == code


@pytest.fixture
def heeds_ctrl_c() -> Iterator[None]:
    """Let processes heed Ctrl-C although a shell that starts the suite in the background lets it be ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("heeds_ctrl_c")
async def test_ctrl_c_ends_watching_and_says_how_to_return(controller: Controller, store: Database) -> None:
    await line.queued(store)
    await _warn(store, "It begins.")
    environment = own_processes.environment()
    argv = [*own_processes.command("watch", line.CR)]
    with subprocess.Popen(argv, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as watching:
        assert watching.stdout is not None
        assert any("It begins." in line for line in watching.stdout)
        watching.send_signal(signal.SIGINT)
        _, said = watching.communicate()
    assert watching.returncode == 3, said
    assert f"changeline watch {line.CR}" in said


async def _warn(store: Database, *messages: str, cr_id: str = line.CR) -> None:
    await _say(store, *(events.Warned(message=message) for message in messages), cr_id=cr_id)


async def _say(store: Database, *said: Any, cr_id: str = line.CR) -> None:
    async with store.transaction() as connection:
        for event in said:
            await Events(connection).append(cr_id, event)


def _until(following: Iterator[Event | None], message: str) -> list[Event]:
    seen: list[Event] = []
    for event in following:
        if event is not None:
            seen.append(event)
        if seen and _message(seen[-1]) == message:
            break
    return seen


def _message(event: Event) -> str | None:
    return event.payload.message if isinstance(event.payload, events.Warned) else None
