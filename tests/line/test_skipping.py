"""A person skips opinions, never proofs; what was skipped is shown to the approver and signed."""

import asyncio
import json
from collections import Counter

import pytest

from pipeline.change_request import PauseReason, Stage, Status
from pipeline.interventions.intervention import Action
from tests.gates import shown_by
from tests.line import scenarios
from tests.line.harness import LineRun
from tests.line.savepoints import BEFORE_DEVELOPMENT, begins_at
from tests.line.scenarios import bash, create, part, submit_review, turn


async def start(line: LineRun, *parts: scenarios.Part, **limits: object) -> None:
    line.repository(scenarios.FILES)
    line.model.play(scenarios.scenario(*parts))
    await line.submit(title=scenarios.TITLE, body=scenarios.BODY, limits=limits)


async def test_reviewers_that_never_agree_are_skipped_by_a_person_who_is_named_everywhere(line: LineRun) -> None:
    await start(line, part("quality_reviewer", turn(submit_review("Rename it."))), review_loops_max=0)
    assert (await line.work()).pause_reason is PauseReason.REVIEW_LOOP
    await line.say(Action.SKIP, instructions="A matter of taste.")
    gate = await line.to_the_gate()
    assert shown_by(gate).skipped == ("operator skipped review: A matter of taste.",)
    assert Counter(line.asked_roles())["security_reviewer"] == 2
    await line.decide_and_finish()
    sections = json.loads(await line.evidence())["sections"]
    assert [(one["stage"], one["actor"]) for one in sections["skipped"]] == [("review", "operator")]
    verdicts = {one["reviewer"]: one["verdict"] for one in sections["reviews"]}
    assert verdicts["quality_reviewer"] == "skipped" and verdicts["checks"] == "pass"


@pytest.mark.thorough
@begins_at(BEFORE_DEVELOPMENT)
async def test_a_secret_stops_a_skipped_review_all_the_same(line: LineRun) -> None:
    key = "AKIA" + "IOSFODNN7" + "QWERTYU"
    leaky = part(
        "code_writer",
        turn(create("calc.py", scenarios.CODE), create("keys.py", f'KEY = "{key}"\n'), bash("sleep 1")),
        turn(scenarios.submit_code()),
    )
    slow = part("quality_reviewer", turn(bash("sleep 600")), turn(submit_review()))
    line.plays(leaky, slow)
    cr = await line.work()
    assert cr.pause_reason is PauseReason.SECRET_FOUND
    offered = [one.action for one in await line.ways()]
    assert Action.SKIP not in offered


@pytest.mark.thorough
@begins_at(BEFORE_DEVELOPMENT)
async def test_a_running_review_is_cut_off_and_skipped(line: LineRun) -> None:
    slow = part("quality_reviewer", turn(bash("sleep 600 & sleep 600")), turn(submit_review()))
    line.plays(slow)
    working = asyncio.create_task(line.work())
    await line.until_asked("quality_reviewer")
    await line.say(Action.SKIP)
    cr = await working
    assert (cr.status, cr.stage) == (Status.QUEUED, Stage.REVIEW)
    await line.to_the_gate()
    assert Counter(line.asked_roles())["quality_reviewer"] == 1
    (said,) = await line.said()
    assert said.status == "acted"
    await line.decide_and_finish()
