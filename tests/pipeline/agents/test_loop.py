"""The loop through its front door: real SDK, real server, real files, real processes."""

import asyncio
import os
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from pipeline.adapters.model_providers.anthropic import AnthropicProvider
from pipeline.agents.journal import Note, Noted, record_of
from pipeline.agents.loop import run_agent
from pipeline.change_request import PauseReason
from pipeline.errors import ModelError, PersonNeeded
from pipeline.llm.chains import ModelSettings, Route
from tests.pipeline.agents.conftest import KEY, LIMITS, TASK, Rig, Work

GREETING = """
name: greeting
scripts:
  - role: code_writer
    turns:
      - text: "I look around first."
        tools: [{name: bash, input: {command: "ls"}}]
      - text: "Now I write it."
        tools:
          - {name: str_replace_based_edit_tool, input: {command: create, path: app.py, file_text: "def greet():\\n    return 'hi'\\n"}}
          - {name: bash, input: {command: "cat app.py && exit 3"}}
      - tools: [{name: submit_code, input: {summary: "Wrote greet.", files: [app.py]}}]
"""


def submitting(*earlier: str, submission: str = '{summary: "Enough words."}') -> str:
    turns = "\n".join(f"      - {turn}" for turn in earlier)
    return f"""
name: test
scripts:
  - role: code_writer
    turns:
{turns}
      - tools: [{{name: submit_code, input: {submission}}}]
"""


def notes(rig: Rig, note: Note) -> list[Noted]:
    records = [record_of(entry) for entry in rig.journal.conversations[KEY]]
    return [record for record in records if isinstance(record, Noted) and record.note is note]


def results_seen(rig: Rig, request: int) -> list[dict[str, object]]:
    newest = rig.scripted.requests[request]["messages"][-1]["content"]
    return [block for block in newest if block["type"] == "tool_result"]


async def test_an_agent_looks_edits_and_submits(rig: Rig) -> None:
    rig.scripted.play(GREETING)

    result = await rig.run()

    assert result.submission == Work(summary="Wrote greet.", files=("app.py",))
    assert (rig.root / "app.py").read_text() == "def greet():\n    return 'hi'\n"
    assert result.turns == 3
    assert result.commit == await rig.workspace.snapshot()
    assert "README.md" in str(results_seen(rig, 1)[0]["content"])
    assert "[exit code 3]" in str(results_seen(rig, 2)[1]["content"])
    assert result.cost_usd == await rig.ledger.spent_usd() > 0
    assert [event.type for event in rig.events.events][:4] == [
        "agent_started",
        "agent_turn",
        "cost_updated",
        "tool_called",
    ]


async def test_a_finished_conversation_answers_at_once_without_a_call(rig: Rig) -> None:
    rig.scripted.play(GREETING)
    first = await rig.run()

    again = await rig.run()

    assert again == first
    assert len(rig.scripted.requests) == 3


async def test_an_invalid_submission_is_given_back_field_by_field(rig: Rig) -> None:
    rig.scripted.play(submitting('tools: [{name: submit_code, input: {summary: "x", colour: red}}]'))

    result = await rig.run()

    (answer,) = results_seen(rig, 1)
    assert answer["is_error"] is True
    assert "summary: String should have at least 5 characters" in str(answer["content"])
    assert "colour: Extra inputs are not permitted" in str(answer["content"])
    assert result.submission.summary == "Enough words."


async def test_submissions_that_stay_invalid_ask_for_a_person_and_a_resume_has_fresh_bounds(rig: Rig) -> None:
    bad = "tools: [{name: submit_code, input: {}}]"
    rig.scripted.play(submitting(bad, bad, bad))

    with pytest.raises(PersonNeeded) as pause:
        await rig.run()

    assert pause.value.reason is PauseReason.AGENT_STUCK
    assert pause.value.facts["rejected_submissions"] == 3
    assert "made no valid submission; the last one was refused" in pause.value.message
    assert (await rig.run()).submission.summary == "Enough words."


async def test_a_judge_that_objects_is_answered_like_invalid_input(rig: Rig) -> None:
    rig.scripted.play(submitting('tools: [{name: submit_code, input: {summary: "Too early."}}]'))

    def judge(given: object) -> Work:
        work = Work.model_validate(given)
        if work.summary == "Too early.":
            raise ModelError("The tests are still red.")
        return work

    result = await rig.run(replace(TASK, submit=replace(TASK.submit, judge=judge)))

    assert results_seen(rig, 1)[0]["content"] == "The tests are still red."
    assert result.submission.summary == "Enough words."


async def test_calls_after_an_accepted_submission_do_not_run(rig: Rig) -> None:
    rig.scripted.play("""
name: test
scripts:
  - role: code_writer
    turns:
      - tools:
          - {name: bash, input: {command: "touch before"}}
          - {name: submit_code, input: {summary: "All done."}}
          - {name: bash, input: {command: "touch after"}}
""")

    await rig.run()

    assert (rig.root / "before").exists()
    assert not (rig.root / "after").exists()


async def test_a_submission_beside_a_failed_call_is_not_accepted(rig: Rig) -> None:
    rig.scripted.play(
        submitting(
            "tools: [{name: str_replace_based_edit_tool, input: {command: view, path: nowhere.py}},"
            ' {name: submit_code, input: {summary: "All done."}}]'
        )
    )

    await rig.run()

    assert "an earlier tool call of this turn failed" in str(results_seen(rig, 1)[1]["content"])


async def test_a_turn_that_ends_without_a_submission_is_nudged_and_then_given_up(rig: Rig) -> None:
    rig.scripted.play("name: t\nscripts: [{role: code_writer, repeat: true, turns: [{text: I am done.}]}]")

    with pytest.raises(PersonNeeded) as pause:
        await rig.run()

    assert pause.value.reason is PauseReason.AGENT_STUCK
    assert len(rig.scripted.requests) == 3
    assert "without calling submit_code" in rig.scripted.requests[1]["messages"][-1]["content"][0]["text"]


async def test_endless_work_stops_at_the_turn_limit(rig: Rig) -> None:
    rig.limits = LIMITS.model_copy(update={"turns_max": 4})
    rig.scripted.play(
        "name: t\nscripts: [{role: code_writer, repeat: true, turns: [{tools: [{name: bash, input: {command: 'true'}}]}]}]"
    )

    with pytest.raises(PersonNeeded) as pause:
        await rig.run()

    assert pause.value.reason is PauseReason.AGENT_STUCK
    assert len(rig.scripted.requests) == 4


async def test_an_answer_cut_by_max_tokens_runs_nothing_and_goes_on(rig: Rig) -> None:
    rig.scripted.play(
        submitting("{stop_reason: max_tokens, text: half, tools: [{name: bash, input: {command: touch cut}}]}")
    )

    result = await rig.run()

    assert not (rig.root / "cut").exists()
    assert results_seen(rig, 1)[0]["is_error"] is True
    assert result.turns == 2


async def test_a_refusal_asks_for_a_person_and_is_forgotten_when_they_rephrase(rig: Rig) -> None:
    rig.scripted.play("""
name: t
scripts:
  - {role: code_writer, when: {contains: rephrased}, turns: [{tools: [{name: submit_code, input: {summary: "All done."}}]}]}
  - {role: code_writer, turns: [{text: "I cannot help.", stop_reason: refusal}]}
""")
    with pytest.raises(PersonNeeded) as pause:
        await rig.run()
    rig.instructions.put("i1", "rephrased")

    result = await rig.run()

    assert pause.value.reason is PauseReason.MODEL_REFUSED
    assert result.submission.summary == "All done."
    assert "I cannot help." not in str(rig.scripted.requests[-1])


async def test_a_paused_turn_is_asked_on(rig: Rig) -> None:
    rig.scripted.play(submitting("{text: thinking on, stop_reason: pause_turn}"))

    await rig.run()

    assert [message["role"] for message in rig.scripted.requests[1]["messages"]] == ["user", "assistant"]


async def test_an_instruction_enters_between_turns_once_and_is_receipted(rig: Rig) -> None:
    rig.scripted.play(GREETING)
    rig.instructions.put("i1", "Use English.", actor="ana")

    await rig.run()

    (event,) = rig.events.of_type("intervention_progressed")
    first = rig.scripted.requests[0]["messages"][-1]["content"][-1]["text"]
    assert first.startswith('<operator_instruction id="')
    assert 'label="from ana"' in first
    assert str(rig.scripted.requests[-1]["messages"]).count("Use English.") == 1
    assert (event.intervention_id, event.status, event.turn) == ("i1", "delivered", 1)


async def test_an_exhausted_budget_pauses_before_the_call(rig: Rig) -> None:
    rig.scripted.play(GREETING)
    rig.ledger.budget_usd = Decimal("0.001")

    with pytest.raises(PersonNeeded) as pause:
        await rig.run()

    assert pause.value.reason is PauseReason.BUDGET
    assert rig.scripted.requests == []
    rig.ledger.budget_usd = Decimal(10)
    assert (await rig.run()).turns == 3


async def test_the_agent_is_told_once_when_the_budget_runs_low(rig: Rig) -> None:
    rig.scripted.play(GREETING)
    rig.limits = LIMITS.model_copy(update={"budget_usd": Decimal("0.002")})

    await rig.run()

    assert len(notes(rig, Note.BUDGET_WARNING)) == 1
    assert "80 % of this change request's budget" in str(rig.scripted.requests[-1]["messages"])


async def test_a_provider_that_is_down_at_the_start_is_replaced_for_the_whole_conversation(rig: Rig) -> None:
    rig.scripted.play(GREETING)
    rig.settings = ModelSettings(
        default=(Route(provider="away", model="claude-opus-5-5"), Route(provider="anthropic", model="scripted"))
    )
    away = AnthropicProvider(api_key="dummy", base_url="http://127.0.0.1:9", max_retries=0)
    ports = rig.ports()
    ports.gateway.providers = {**ports.gateway.providers, "away": away}

    result = await run_agent(TASK, KEY, ports)
    await away.aclose()

    assert result.model == "scripted"
    assert rig.clock.slept == [5, 10, 20]
    assert {request["model"] for request in rig.scripted.requests} == {"scripted"}
    assert rig.events.of_type("warned")[0].message == "away does not answer; anthropic takes over."


async def test_a_provider_that_goes_down_later_pauses_and_the_conversation_goes_on_with_it(rig: Rig) -> None:
    rig.scripted.play(
        submitting("tools: [{name: bash, input: {command: 'true'}}]", "{text: hm, fault: {status: 529, times: 4}}")
    )

    with pytest.raises(PersonNeeded) as pause:
        await rig.run()

    assert pause.value.reason is PauseReason.PROVIDERS_DOWN
    assert pause.value.facts["status"] == 529
    assert (await rig.run()).turns == 3
    assert len(notes(rig, Note.CALL_FAILED)) == 4


async def test_a_cancelled_call_is_noted_settled_and_passed_on(rig: Rig) -> None:
    speech = "A long speech. " * 40
    rig.scripted.play(submitting(f"{{text: '{speech}', fault: {{stall_s: 5, stream: truncate}}}}"))
    heard = asyncio.Event()
    ports = replace(rig.ports(), on_text=lambda _turn: lambda _text: heard.set())
    running = asyncio.create_task(run_agent(TASK, KEY, ports))
    await heard.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running

    (note,) = notes(rig, Note.CANCEL)
    (line,) = rig.ledger.lines.values()
    assert rig.ledger.open_lines == []
    assert line.usage is not None
    assert line.usage.estimated
    assert line.cost_usd == note.cost_usd
    assert 0 < note.cost_usd < line.reservation.worst_case_usd


async def test_a_cancelled_command_is_killed_noted_and_runs_again_from_its_snapshot(rig: Rig, tmp_path: Path) -> None:
    started = tmp_path / "started"
    os.mkfifo(started)
    command = f"echo x >> log; [ -e go ] || {{ echo > {started}; exec sleep 60; }}"
    rig.scripted.play(submitting(f"tools: [{{name: bash, input: {{command: '{command}'}}}}]"))
    running = asyncio.create_task(rig.run())
    await asyncio.to_thread(started.read_text)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    before, cut = rig.workspace._trees
    (note,) = notes(rig, Note.CANCEL)
    assert note.tree == cut
    assert rig.workspace._trees[cut]["log"] == b"x\n", "a person may see it; no agent goes on from it"
    rig.workspace._trees[before]["go"] = b""

    await rig.run()

    assert (rig.root / "log").read_text() == "x\n"
    assert len(notes(rig, Note.CANCEL)) == 1
    assert len(rig.scripted.requests) == 2


async def test_an_agent_that_works_too_long_asks_for_a_person(rig: Rig) -> None:
    rig.limits = LIMITS.model_copy(update={"agent_timeout_s": 1, "command_timeout_s": 30})
    rig.scripted.play(submitting("tools: [{name: bash, input: {command: 'sleep 30'}}]"))

    with pytest.raises(PersonNeeded) as pause:
        await rig.run()

    assert pause.value.reason is PauseReason.AGENT_TIMEOUT


async def test_a_takeover_in_another_directory_translates_the_old_paths(rig: Rig, tmp_path: Path) -> None:
    new_root = tmp_path / "epoch-2"
    new_root.mkdir()
    old = rig.root / "README.md"
    rig.limits = LIMITS.model_copy(update={"turns_max": 1})
    rig.scripted.play(
        submitting(
            "tools: [{name: bash, input: {command: 'true'}}]",
            f"tools: [{{name: str_replace_based_edit_tool, input: {{command: view, path: '{old}'}}}}]",
        )
    )
    with pytest.raises(PersonNeeded):
        await rig.run()
    old.unlink()
    moved = rig.moved_to(new_root)
    moved.limits = LIMITS

    await moved.run()

    assert "Sample" in str(results_seen(rig, 2)[0]["content"])
