"""Stopping in the middle and going on: nothing is bought twice, nothing that a person said is lost or said again."""

import asyncio
from collections import Counter

import pytest
from langgraph.runtime import RunControl

from pipeline.change_request import PauseReason, Stage, Status
from pipeline.interventions.intervention import Action
from tests.line import scenarios
from tests.line.harness import STUCK_S, LineRun, with_context
from tests.line.recorded import as_recorded
from tests.line.savepoints import AT_THE_GATE, BEFORE_DEVELOPMENT, begins_at
from tests.line.scenarios import bash, create, part, submit_code, submit_review, turn
from worker.wiring import Hands

ORDINARY = Counter({
    "request_parser": 1, "input_screener": 1, "requirements_analyst": 2, "spec_writer": 1, "completeness_checker": 1,
    "regression_checker": 1, "consistency_checker": 1, "test_writer": 2, "code_writer": 2, "security_reviewer": 2,
    "quality_reviewer": 1, "spec_reviewer": 1, "retrospective": 1,
})  # fmt: skip
"""How often each role asks in the default scenario."""


async def start(line: LineRun, *parts: scenarios.Part, **limits: object) -> None:
    line.repository(scenarios.FILES)
    line.model.play(scenarios.scenario(*parts))
    await line.submit(title=scenarios.TITLE, body=scenarios.BODY, limits=limits)


async def finished(line: LineRun) -> None:
    cr = await line.to_the_end()
    assert cr.status is Status.COMPLETED, (cr.pause_reason, cr.pause_message, cr.pause_facts)


async def test_an_exhausted_budget_parks_the_run_and_a_raise_goes_on_without_buying_again(line: LineRun) -> None:
    await start(line, budget_usd="0.07", output_tokens_max=256)
    cr = await line.work()
    assert (cr.status, cr.pause_reason) == (Status.PAUSED, PauseReason.BUDGET)
    bought = Counter(line.asked_roles())
    assert 5 < sum(bought.values()) < sum(ORDINARY.values())
    await line.raise_budget("5")
    await finished(line)
    assert Counter(line.asked_roles()) == ORDINARY, "every conversation went on where it stood"
    assert {one.status for one in await line.said()} == {"acted"}


@begins_at(BEFORE_DEVELOPMENT)
async def test_a_pause_cuts_the_agent_off_and_resuming_goes_on_in_the_same_conversation(line: LineRun) -> None:
    slow = part("code_writer", turn(bash("sleep 4")), turn(create("calc.py", scenarios.CODE)), turn(submit_code()))
    line.plays(slow)
    working = asyncio.create_task(line.work())
    await line.until_asked("code_writer")
    await line.say(Action.PAUSE)
    cr = await working
    assert (cr.pause_reason, cr.stage) == (PauseReason.HUMAN_PAUSE, Stage.DEVELOPMENT)
    assert len(line.asked("code_writer")) == 1
    await line.resume("Hurry.")
    await finished(line)
    hurried = ["Hurry." in str(request["messages"]) for request in line.asked("code_writer")]
    assert hurried == [False, True, True], "the conversation goes on with the turn that was cut"
    assert Counter(line.asked_roles()) == ORDINARY + Counter(code_writer=1)
    assert {one.status for one in await line.said()} == {"acted"}


@begins_at(BEFORE_DEVELOPMENT)
async def test_what_a_person_says_reaches_the_running_stage_and_no_later_one(line: LineRun) -> None:
    drain = RunControl()

    def say_in_development(run: LineRun, held: Hands) -> Hands:
        return with_context(held, progress=SpeaksOnEntering(held.context.progress, Stage.DEVELOPMENT, run))

    await line.work(say_in_development, drain)
    told = [request for request in line.asked() if "Mind the zeros." in str(request["messages"])]
    roles = {role for role, request in zip(line.asked_roles(), line.asked(), strict=True) if request in told}
    assert roles == {"test_writer", "code_writer"}
    (said,) = await line.said()
    assert (said.status, said.delivered_turn) == ("acted", 1)
    progress = [event.payload["status"] for event in await line.events("intervention_progressed")]
    assert progress == ["queued", "delivered", "delivered", "acted"]


@begins_at(BEFORE_DEVELOPMENT)
async def test_a_word_stops_the_tool_that_runs_and_what_was_to_follow_it(line: LineRun) -> None:
    endless = [bash("echo begun > half.txt; sleep 600"), create("never.txt", "never")]
    last = [turn(bash("rm half.txt"), create("calc.py", scenarios.CODE)), turn(submit_code())]
    line.plays(part("code_writer", turn(*endless), *last))
    working = asyncio.create_task(line.work())
    await told_of(line, "agent_turn", "code_writer")
    await line.say(Action.REDIRECT, instructions="Mind the zeros.")
    assert (await working).status is Status.WAITING
    after = str(line.asked("code_writer")[1]["messages"])
    assert "Stopped: a person gave new instructions while this ran." in after
    assert "Not run: a person gave new instructions first." in after
    assert after.index("Not run:") < after.index("Mind the zeros.")
    tools = [event.payload for event in await line.events("tool_called") if event.payload["role"] == "code_writer"]
    assert [(tool["turn"], tool["ok"]) for tool in tools][:3] == [(1, False), (1, False), (2, True)]
    (said,) = await line.said()
    assert (said.status, said.delivered_turn) == ("acted", 2)
    await as_recorded(line)


@begins_at(BEFORE_DEVELOPMENT)
async def test_a_word_stops_the_answer_that_streams_and_the_question_is_asked_anew_with_it(line: LineRun) -> None:
    thinking = part("code_writer", {**turn(submit_code()), "delay_ms": 120_000}, not_contains=["Mind the zeros."])
    line.plays(thinking)
    working = asyncio.create_task(line.work())
    await line.until_asked("code_writer")
    await line.say(Action.REDIRECT, instructions="Mind the zeros.")
    assert (await working).status is Status.WAITING
    assert ["Mind the zeros." in str(one["messages"]) for one in line.asked("code_writer")] == [False, True, True]
    assert Counter(line.asked_roles()) == ORDINARY - Counter(retrospective=1) + Counter(code_writer=1)
    (said,) = await line.said()
    assert (said.status, said.delivered_turn) == ("acted", 1)
    await as_recorded(line)


async def told_of(line: LineRun, kind: str, role: str) -> None:
    """Wait until the log has an event of this role."""
    async with asyncio.timeout(STUCK_S):
        while not any(event.payload.get("role") == role for event in await line.events(kind)):
            await asyncio.sleep(0.02)


class SpeaksOnEntering:
    """Progress of a run to which somebody speaks when a stage begins."""

    def __init__(self, progress: object, stage: Stage, line: LineRun) -> None:
        self._progress = progress
        self._stage = stage
        self._line = line

    def __getattr__(self, name: str) -> object:
        return getattr(self._progress, name)

    async def enter_stage(self, stage: Stage) -> None:
        await self._progress.enter_stage(stage)  # type: ignore[attr-defined]  # the progress it stands for
        if stage is self._stage:
            await self._line.say(Action.REDIRECT, instructions="Mind the zeros.")


@pytest.mark.thorough
async def test_instructions_of_a_resume_concern_the_next_round_only(line: LineRun) -> None:
    picky = part(
        "quality_reviewer", turn(submit_review("Explain it.")), not_contains=["doubles it"],
    )  # fmt: skip
    stubborn = part("code_writer", turn(bash("echo '# so' >> calc.py")), turn(submit_code()), contains=["Explain it."])
    await start(line, stubborn, picky, review_loops_max=1)
    assert (await line.work()).pause_reason is PauseReason.REVIEW_LOOP
    await line.resume("Be brief.")
    await line.work()
    rounds = [str(request["messages"]) for request in line.asked("code_writer")]
    assert ["Be brief." in one for one in rounds[-4:]] == [True, True, False, False]


@pytest.mark.thorough
async def test_a_word_to_go_on_is_used_up_by_the_stop_it_answers(line: LineRun) -> None:
    """A resume that ended a stop in the middle of a stage must not wave a later pause through."""
    await start(line, budget_usd="0.03", output_tokens_max=256, review_loops_max=0)
    assert (await line.work()).pause_reason is PauseReason.BUDGET
    await line.raise_budget("5")
    picky = part("quality_reviewer", turn(submit_review("Explain it.")))
    line.model.model.scenario = scenarios.parsed(scenarios.scenario(picky))
    cr = await line.work()
    assert cr.pause_reason is PauseReason.REVIEW_LOOP
    assert {one.status for one in await line.said()} == {"acted"}


@begins_at(AT_THE_GATE)
async def test_a_restart_from_a_stage_forgets_what_came_after_and_nothing_before(line: LineRun) -> None:
    first = await line.open_gate()
    await line.say(Action.PAUSE)
    await line.restart(Stage.DEVELOPMENT, "Write it again.")
    gate = await line.to_the_gate()
    asked = Counter(line.asked_roles())
    assert asked["spec_writer"] == 1 and asked["code_writer"] == 4 and asked["security_reviewer"] == 4
    assert gate.id != first.id
    assert "Write it again." in str(line.asked("test_writer")[2]["messages"])
    assert [
        event.payload["round"]
        for event in await line.events("stage_entered")
        if event.payload["stage"] == "development"
    ] == [1, 1]
    await line.decide_and_finish()
    branch = line.repositories["sums"].subjects("main^2")
    assert branch == ["Doubling", "Tests: Doubling", "First commit"], "the work before the restart is not part of it"


@pytest.mark.thorough
@begins_at(AT_THE_GATE)
async def test_a_restart_never_passes_the_gate(line: LineRun) -> None:
    await line.say(Action.PAUSE)
    await line.restart(Stage.RELEASE_GATE)
    cr = await line.work()
    assert cr.status is Status.WAITING
    await line.decide_and_finish()


@pytest.mark.thorough
@begins_at(AT_THE_GATE)
async def test_a_second_attempt_begins_anew_on_a_branch_of_its_own(line: LineRun) -> None:
    await line.say(Action.CANCEL)
    await line.again("Mind the zeros.")
    await line.to_the_gate()
    assert "refs/heads/changeline/cr-1-r2" in line.repositories["sums"].refs()
    assert Counter(line.asked_roles())["requirements_analyst"] == 4
    assert "Mind the zeros." in str(line.asked("code_writer")[-1]["messages"])
    await line.decide_and_finish()


@pytest.mark.thorough
@begins_at(AT_THE_GATE)
async def test_a_cancelled_change_request_can_run_again_from_a_stage(line: LineRun) -> None:
    await line.say(Action.CANCEL)
    await line.restart(Stage.REVIEW)
    await line.to_the_gate()
    asked = Counter(line.asked_roles())
    assert (asked["code_writer"], asked["security_reviewer"]) == (2, 4)
    await line.decide_and_finish()


@pytest.mark.thorough
@begins_at(BEFORE_DEVELOPMENT)
async def test_a_worker_that_is_asked_to_shut_down_leaves_the_change_request_queued(line: LineRun) -> None:
    drain = RunControl()

    def drain_in_development(run: LineRun, held: Hands) -> Hands:
        return with_context(held, progress=Drains(held.context.progress, drain))

    cr = await line.work(drain_in_development, drain)
    assert cr.status is Status.QUEUED
    await finished(line)
    assert Counter(line.asked_roles()) == ORDINARY


class Drains:
    """Progress of a run whose worker is asked to shut down while it develops."""

    def __init__(self, progress: object, drain: RunControl) -> None:
        self._progress = progress
        self._drain = drain

    def __getattr__(self, name: str) -> object:
        return getattr(self._progress, name)

    async def enter_stage(self, stage: Stage) -> None:
        await self._progress.enter_stage(stage)  # type: ignore[attr-defined]  # the progress it stands for
        if stage is Stage.DEVELOPMENT:
            self._drain.request_drain()


@pytest.mark.thorough
async def test_providers_that_are_overloaded_for_a_while_cost_nothing_but_time(line: LineRun) -> None:
    storm = [
        {**one, "turns": [{**answer, "fault": {"status": 529, "times": 2}} for answer in one["turns"]]}
        for one in scenarios.DEFAULTS
        if one["role"] in {"spec_writer", "code_writer", "quality_reviewer"}
    ]
    await start(line, *storm)
    await finished(line)
    assert Counter(line.asked_roles()) == ORDINARY + Counter(spec_writer=2, code_writer=4, quality_reviewer=2)
    assert (await line.read()).cost_usd > 0


@pytest.mark.thorough
async def test_providers_that_stay_down_pause_and_the_run_goes_on_when_they_are_back(line: LineRun) -> None:
    down = part("spec_writer", turn(scenarios.submit_spec(), fault={"status": 529, "times": 99}))
    await start(line, down)
    cr = await line.work()
    assert (cr.pause_reason, cr.stage) == (PauseReason.PROVIDERS_DOWN, Stage.TRANSLATION)
    line.model.model.scenario = scenarios.parsed(scenarios.scenario())
    await line.resume()
    await finished(line)
