"""What happened can be decided again from its journal alone, and whatever was changed in it comes to light."""

import asyncio
import json
from typing import Any

import pytest

from pipeline.change_request import PauseReason, Stage, Status
from pipeline.errors import CallerError, Conflict
from pipeline.gates.gate import Decision
from pipeline.interventions.intervention import Action
from pipeline.replay import file
from pipeline.replay.report import Divergence, replay
from tests.line import scenarios
from tests.line.dying import Deaths
from tests.line.harness import LineRun
from tests.line.recorded import as_recorded, entry_where, exported, forged, rewritten
from tests.line.savepoints import BEFORE_DEVELOPMENT, COMPLETED, begins_at
from tests.line.scenarios import bash, create, part, submit_code, submit_review, submit_tests, tool, turn


async def start(line: LineRun, *parts: scenarios.Part, **limits: object) -> None:
    line.repository(scenarios.FILES)
    line.model.play(scenarios.scenario(*parts))
    await line.submit(title=scenarios.TITLE, body=scenarios.BODY, limits=limits)


async def divergence(content: bytes, change: Any) -> Divergence:
    report = await replay(forged(content, change))
    assert report.divergence is not None
    return report.divergence


@begins_at(COMPLETED)
async def test_an_ordinary_change_request_comes_out_as_recorded_and_any_forgery_does_not(line: LineRun) -> None:
    report = await as_recorded(line)
    assert report.requests_checked == len(line.asked())
    assert (report.requests_unchecked, report.unfinished, report.judged_by_shape) == (0, 0, 0)
    assert report.verdicts >= 6 and report.steps >= 12
    content = await exported(line)
    assert content == await exported(line), "the same journal gives the same bytes"

    def another_answer(body: dict[str, Any]) -> None:
        entry = entry_where(body, role="code_writer", kind="answered")
        rewritten(entry, lambda told: told["content"][0].update(text="Something else."))

    found = await divergence(content, another_answer)
    assert (found.kind, found.role, found.stage, found.turn) == ("conversation", "code_writer", "development", 1)
    assert "request" in found.expected, "the next request has other bytes"

    def another_submission(body: dict[str, Any]) -> None:
        entry = [one for one in body["entries"] if one["role"] == "test_writer" and one["kind"] == "answered"][-1]
        rewritten(entry, lambda told: told["content"][-1]["input"]["files"][0].update(path="../outside.py"))

    assert (await divergence(content, another_submission)).role == "test_writer"

    def another_prompt(body: dict[str, Any]) -> None:
        opened = json.loads(entry_where(body, role="quality_reviewer", kind="opened")["body"])
        other = json.loads(entry_where(body, role="spec_reviewer", kind="opened")["body"])
        rewritten(
            entry_where(body, role="quality_reviewer", kind="opened"), lambda told: told.update(system=other["system"])
        )
        assert opened["system"] != other["system"]

    assert (await divergence(content, another_prompt)).role == "quality_reviewer"

    def a_failed_test(body: dict[str, Any]) -> None:
        row = next(one for one in body["test_runs"] if one["purpose"] == "green_suite")
        row["report"]["cases"][0]["outcome"] = "failed"

    found = await divergence(content, a_failed_test)
    assert (found.kind, found.stage, found.expected, found.got) == ("verdict", "development", "true", "false")

    def a_blocking_finding(body: dict[str, Any]) -> None:
        review = next(one for one in body["stage_results"] if one["stage"] == "review")
        body["findings"].append(
            {"attempt": 1, "repository": "sums", "stage": "review", "activation": f"{review['activation']}/checks",
             "source": "diff_scope", "severity": "major", "category": "x", "message": "y"}
        )  # fmt: skip

    assert (await divergence(content, a_blocking_finding)).what == "whether the change goes back"

    def a_skipped_review(body: dict[str, Any]) -> None:
        body["events"] = [one for one in body["events"] if one["payload"].get("stage") != "review"]

    found = await divergence(content, a_skipped_review)
    assert (found.kind, found.expected, found.got) == ("routing", "rebase", "review")


@begins_at(COMPLETED)
async def test_a_changed_byte_or_a_newer_version_is_refused(line: LineRun) -> None:
    content = await exported(line)
    for place in (200, len(content) // 2, len(content) - 1):
        damaged = bytearray(content)
        damaged[place] ^= 1
        with pytest.raises(CallerError, match="damaged or changed"):
            file.read(bytes(damaged))
    with pytest.raises(CallerError, match="newer"):
        file.read(content.replace(b'"version": 1', b'"version": 2', 1))
    with pytest.raises(CallerError, match="another kind"):
        file.read(content.replace(b"changeline-journal", b"changeline-recipes", 1))
    for cut in (0, 10, 150, len(content) - 10):
        with pytest.raises(CallerError):
            file.read(content[:cut])


@pytest.mark.thorough
@begins_at(BEFORE_DEVELOPMENT)
async def test_crashes_loops_rejections_and_words_of_people_come_out_as_recorded(line: LineRun) -> None:
    sloppy = part(
        "test_writer",
        turn(submit_tests("../outside.py")),
        turn(create(scenarios.TEST_FILE, scenarios.TESTS), text="Now the tests."),
        turn(text="I am done."),
        turn(submit_tests()),
    )
    slow = part(
        "code_writer", turn(bash("sleep 4")), turn(bash("curl http://example.invalid"), tool("nonsense")),
        turn(create("calc.py", scenarios.CODE)), turn(submit_code()), not_contains=["Explain it."],
    )  # fmt: skip
    again = part(
        "code_writer", turn(bash("echo '# doubles' >> calc.py")), turn(submit_code()), contains=["Explain it."]
    )
    picky = part("quality_reviewer", turn(submit_review("Explain it.")), not_contains=["# doubles"])
    line.plays(sloppy, slow, again, picky)
    working = asyncio.create_task(line.work())
    await line.until_asked("code_writer")
    await line.say(Action.REDIRECT, instructions="Mind the zeros.")
    await line.say(Action.PAUSE)
    assert (await working).pause_reason is PauseReason.HUMAN_PAUSE
    await line.resume("Hurry.")
    deaths = Deaths(
        lambda at: (
            at[:2] in {("after", "answered"), ("after", "observed")} and at[2] in {"code_writer", "spec_reviewer"}
        )
    )
    cr = await line.work_through_crashes(deaths.doomed)
    assert cr.status is Status.WAITING, (cr.pause_reason, cr.pause_message)
    await line.decide(Decision.SEND_BACK, "Shorter, please.")
    await line.to_the_end()
    report = await as_recorded(line)
    assert report.turns > 20 and len(deaths.died_at) > 4


@pytest.mark.thorough
@begins_at(BEFORE_DEVELOPMENT)
async def test_a_conversation_that_gave_up_and_went_on_comes_out_as_recorded(line: LineRun) -> None:
    stubborn = part("code_writer", *[turn(text="No.") for _ in range(9)])
    line.plays(stubborn)
    assert (await line.work()).pause_reason is PauseReason.AGENT_STUCK
    report = await as_recorded(line)
    assert report.unfinished == 1
    line.model.model.scenario = scenarios.parsed(scenarios.scenario())
    await line.restart(Stage.DEVELOPMENT)
    await line.to_the_end()
    await as_recorded(line)


@pytest.mark.thorough
async def test_a_loop_that_is_used_up_comes_out_as_recorded(line: LineRun) -> None:
    picky = part("quality_reviewer", turn(submit_review("Explain it.")))
    stubborn = part("code_writer", turn(bash("echo '# so' >> calc.py")), turn(submit_code()), contains=["Explain it."])
    await start(line, stubborn, picky, review_loops_max=1)
    assert (await line.work()).pause_reason is PauseReason.REVIEW_LOOP
    await as_recorded(line)


@begins_at(COMPLETED)
async def test_an_older_journal_is_replayed_as_far_as_it_tells(line: LineRun) -> None:

    def without_hashes(told: dict[str, Any]) -> None:
        told.pop("facts", None)
        told.pop("request", None)

    def older(body: dict[str, Any]) -> None:
        for entry in body["entries"]:
            rewritten(entry, without_hashes)

    report = await replay(forged(await exported(line), older))
    assert report.ok, report.divergence
    assert report.requests_checked == 0 and report.judged_by_shape == report.conversations


@pytest.mark.thorough
async def test_a_running_change_request_and_one_with_a_secret_are_not_exported(line: LineRun) -> None:
    leaking = part(
        "code_writer", turn(create("calc.py", f"{scenarios.CODE}# AKIA{'Q3EGRAFT5XNZPLH7'}\n")),
        turn(create("calc.py", scenarios.CODE)), turn(submit_code()),
    )  # fmt: skip
    await start(line, leaking)
    with pytest.raises(Conflict, match="still grows"):
        await exported(line)
    await line.to_the_end()
    with pytest.raises(CallerError, match="looks like a secret") as refused:
        await exported(line)
    assert "AKIA" not in str(refused.value.facts) + refused.value.message
