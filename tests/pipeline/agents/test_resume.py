"""A crash between any two steps: the same tree, the same submission, at most one call bought twice."""

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.agents.conversation import replay
from pipeline.agents.journal import Note, Noted, Record, load_records, record_of
from pipeline.agents.toolsets import ToolSet
from pipeline.ports import EntryKind, JournalEntry, JournalKey
from pipeline.testing import MemoryJournal
from tests.pipeline.agents.conftest import KEY, LIMITS, TASK, Rig, Work
from tests.pipeline.agents.test_loop import results_seen

SCENARIO = """
name: crashes
scripts:
  - role: code_writer
    turns:
      - tools: [{name: bash, input: {command: "echo one >> log"}}]
      - text: "Not yet."
        tools: [{name: submit_code, input: {summary: "x"}}]
      - text: "I think I am done."
      - tools:
          - {name: bash, input: {command: "echo two >> log"}}
          - {name: str_replace_based_edit_tool, input: {command: insert, path: log, insert_line: 0, insert_text: "top"}}
      - tools:
          - {name: bash, input: {command: "echo three >> log"}}
          - {name: submit_code, input: {summary: "Logged all."}}
"""
CALLS = 5


class Crash(BaseException):
    """The process is gone."""


class CrashingJournal:
    """Dies instead of writing entry number `after`, or right after writing it."""

    def __init__(self, real: MemoryJournal, after: int, *, written: bool) -> None:
        self._real = real
        self._left = after
        self._written = written

    async def load(self, key: JournalKey) -> list[JournalEntry]:
        return await self._real.load(key)

    async def append(self, key: JournalKey, entry: JournalEntry) -> None:
        self._left -= 1
        if self._left < 0:
            raise Crash
        if self._left == 0 and self._written:
            await self._real.append(key, entry)
            raise Crash
        await self._real.append(key, entry)

    async def put_blob(self, content: bytes) -> str:
        return await self._real.put_blob(content)

    async def get_blob(self, sha256: str) -> bytes:
        return await self._real.get_blob(sha256)


async def uninterrupted_length(rig: Rig) -> int:
    await rig.run()
    return len(rig.journal.conversations[KEY])


ENTRIES = 18


async def test_the_number_of_steps_below_is_the_number_of_entries(rig: Rig) -> None:
    rig.scripted.play(SCENARIO)
    rig.instructions.put("i1", "Be brief.")

    assert await uninterrupted_length(rig) == ENTRIES


@pytest.mark.parametrize("written", [False, True])
@pytest.mark.parametrize("after", range(1, ENTRIES + 1))
async def test_a_crash_at_any_entry_changes_nothing_but_at_most_one_call(
    rig: Rig, after: int, *, written: bool
) -> None:
    rig.scripted.play(SCENARIO)
    rig.instructions.put("i1", "Be brief.")
    with suppress(Crash):
        await rig.run(journal=CrashingJournal(rig.journal, after, written=written))

    result = await rig.run()

    assert result.submission == Work(summary="Logged all.")
    assert (rig.root / "log").read_text() == "top\none\ntwo\nthree\n"
    assert len(rig.scripted.requests) <= CALLS + 1
    assert rig.ledger.open_lines == []
    assert str(rig.scripted.requests[-1]["messages"]).count("Be brief.") == 1
    assert result.cost_usd == await rig.ledger.spent_usd()


async def test_crashes_at_every_step_of_one_conversation_still_end_it(rig: Rig) -> None:
    rig.scripted.play(SCENARIO)
    for _ in range(3 * ENTRIES):
        try:
            result = await rig.run(journal=CrashingJournal(rig.journal, 4, written=True))
            break
        except Crash:
            continue
    else:
        pytest.fail("it never ended")

    assert result.submission == Work(summary="Logged all.")
    assert (rig.root / "log").read_text() == "top\none\ntwo\nthree\n"
    assert rig.ledger.open_lines == []


async def test_what_changed_outside_the_journal_is_undone_before_tools_run_again(rig: Rig, tmp_path: Path) -> None:
    rig.scripted.play(SCENARIO)
    with pytest.raises(Crash):
        await rig.run(journal=CrashingJournal(rig.journal, 3, written=True))
    (rig.root / "log").write_text("half a write")
    (rig.root / "stray").write_text("left by the dead process")

    await rig.run()

    assert (rig.root / "log").read_text() == "top\none\ntwo\nthree\n"
    assert not (rig.root / "stray").exists()


async def test_a_resumed_request_repeats_the_bytes_of_the_lost_one(rig: Rig) -> None:
    rig.scripted.play(SCENARIO)
    with pytest.raises(Crash):
        await rig.run(journal=CrashingJournal(rig.journal, 5, written=False))

    await rig.run()

    lost, repeated = rig.scripted.bodies[1:3]
    assert lost == repeated


async def test_a_lost_call_is_settled_at_its_reservation_and_marked_estimated(rig: Rig) -> None:
    rig.scripted.play(SCENARIO)
    with pytest.raises(Crash):
        await rig.run(journal=CrashingJournal(rig.journal, 2, written=True))

    await rig.run()

    records = [record_of(entry) for entry in rig.journal.conversations[KEY]]
    (lost,) = [record for record in records if isinstance(record, Noted) and record.note is Note.CALL_FAILED]
    first = next(iter(rig.ledger.lines.values()))
    assert first.usage is not None
    assert first.usage.estimated
    assert lost.cost_usd == first.cost_usd == first.reservation.worst_case_usd


async def test_prompts_are_read_from_the_journal_not_rendered_again(rig: Rig) -> None:
    rig.scripted.play(SCENARIO)
    with pytest.raises(Crash):
        await rig.run(journal=CrashingJournal(rig.journal, 4, written=True))

    await rig.run(replace(TASK, system="Role: code_writer\nNew version of the prompt.", context="new", opening="new"))

    assert {json.dumps(request["system"]) for request in rig.scripted.requests} == {
        json.dumps(rig.scripted.requests[0]["system"])
    }


async def test_replay_is_a_pure_function_of_the_entries(rig: Rig) -> None:
    rig.limits = LIMITS.model_copy(update={"compaction_tokens": 4_000})
    rig.scripted.play(SCENARIO.replace("echo one >> log", "echo one >> log; seq 1 8000"))
    await rig.run()
    records, texts = await load_records(rig.journal, KEY)

    one, other = replay(records, texts), replay(records, texts)

    assert any(isinstance(record, Noted) and record.note is Note.COMPACTION for record in records)
    assert json.dumps(one.messages) == json.dumps(other.messages)
    assert one == other


def _gap(entries: list[JournalEntry]) -> None:
    del entries[3]


def _foreign_record(entries: list[JournalEntry]) -> None:
    entries[2] = replace(entries[2], body={"written_by": "another version"})


def _lost_text(entries: list[JournalEntry]) -> None:
    entries[0] = replace(entries[0], body={**entries[0].body, "system": "0" * 64})


def _other_submit_tool(entries: list[JournalEntry]) -> None:
    entries[0] = replace(entries[0], body={**entries[0].body, "submit": "submit_work"})


def _old_submission(entries: list[JournalEntry]) -> None:
    entries[-1] = replace(entries[-1], body={**entries[-1].body, "submission": {"text": "as it once was"}})


@pytest.mark.parametrize("damage", [_gap, _foreign_record, _lost_text, _other_submit_tool, _old_submission])
async def test_a_conversation_that_this_version_cannot_take_up_begins_anew_and_says_so(
    rig: Rig, damage: Callable[[list[JournalEntry]], None]
) -> None:
    rig.scripted.play(SCENARIO)
    await rig.run()
    damage(rig.journal.conversations[KEY])
    kept = list(rig.journal.conversations[KEY])

    result = await rig.run()
    again = await rig.run()

    assert (result.submission, again.submission) == (Work(summary="Logged all."), Work(summary="Logged all."))
    assert len(rig.scripted.requests) == 2 * CALLS, "begun anew once, and resumed from there"
    assert rig.journal.conversations[KEY] == kept, "what cannot be read stays as it is"
    assert [event.message for event in rig.events.of_type("warned") if "begins anew" in event.message] == [
        record.text for record in _records(rig, "app~2") if isinstance(record, Noted) and record.note is Note.BEGUN_ANEW
    ]


async def test_a_conversation_whose_tools_are_gone_begins_anew_with_those_there_are(rig: Rig) -> None:
    rig.scripted.play(SCENARIO)
    with pytest.raises(Crash):
        await rig.run(journal=CrashingJournal(rig.journal, 4, written=True))

    submit = "{name: submit_code, input: {summary: 'Said all.'}}"
    rig.scripted.play(f"name: t\nscripts: [{{role: code_writer, turns: [{{tools: [{submit}]}}]}}]")
    await rig.run(replace(TASK, toolset=ToolSet.NONE))

    assert "its tools are gone" in next(
        record.text for record in _records(rig, "app~2") if isinstance(record, Noted) and record.text
    )


def _records(rig: Rig, instance: str) -> list[Record]:
    return [record_of(entry) for entry in rig.journal.conversations[replace(KEY, instance=instance)]]


async def test_entries_are_in_the_order_the_architecture_names(rig: Rig) -> None:
    rig.scripted.play(SCENARIO)
    await rig.run()

    kinds = [entry.kind for entry in rig.journal.conversations[KEY]]

    assert kinds[:4] == [EntryKind.OPENED, EntryKind.ASKED, EntryKind.ANSWERED, EntryKind.OBSERVED]
    assert kinds[-3:] == [EntryKind.ASKED, EntryKind.ANSWERED, EntryKind.OBSERVED]


async def test_a_failed_tool_turn_is_seen_by_the_model_as_such(rig: Rig) -> None:
    rig.scripted.play(SCENARIO)
    await rig.run()

    assert results_seen(rig, 2)[0]["is_error"] is True
