"""What the server really received: a prefix that never changes, and breakpoints where the provider wants them."""

import json
from itertools import pairwise
from typing import Any

import pytest

from pipeline.agents.journal import Note, Noted, record_of
from pipeline.errors import PersonNeeded
from pipeline.ports import JournalEntry
from tests.pipeline.agents.conftest import KEY, LIMITS, Rig

MARK = b',"cache_control":{"type":"ephemeral"}'
SCENARIO = """
name: caching
scripts:
  - role: code_writer
    turns:
      - {text: "Où ça ? – ☃", tools: [{name: bash, input: {command: "seq 1 400"}}, {name: bash, input: {command: "ls"}}]}
      - tools: [{name: bash, input: {command: "seq 1 500"}}]
      - {text: "Hm."}
      - tools: [{name: bash, input: {command: "seq 1 600"}}]
      - tools: [{name: submit_code, input: {summary: "All done."}}]
"""


def marked(request: dict[str, Any]) -> list[dict[str, Any]]:
    blocks = [*request["tools"], *request["system"]]
    blocks += [block for message in request["messages"] for block in message["content"]]
    return [block for block in blocks if "cache_control" in block]


async def test_each_request_begins_with_the_bytes_of_the_one_before(rig: Rig) -> None:
    rig.scripted.play(SCENARIO)
    rig.instructions.put("i1", "Mind the umlauts: äöü.")

    await rig.run()

    assert len(rig.scripted.bodies) == 5
    for earlier, later in pairwise(rig.scripted.bodies):
        (said, fixed), (said_later, fixed_later) = parts(earlier), parts(later)
        assert fixed == fixed_later
        assert said_later.startswith(said)


def parts(body: bytes) -> tuple[bytes, bytes]:
    """Return (messages without cache marks and closing bracket, everything that precedes them in the provider's prefix)."""
    start, end = body.index(b'"messages":['), body.rindex(b'],"model":')
    return body[start:end].replace(MARK, b"").removesuffix(b"]}"), body[:start] + body[end:]


async def test_breakpoints_stand_on_the_stable_prefix_and_on_the_newest_turn_only(rig: Rig) -> None:
    rig.scripted.play(SCENARIO)

    await rig.run()

    for request in rig.scripted.requests:
        newest = [message for message in request["messages"] if message["role"] == "user"][-1]
        assert marked(request) == [request["system"][-1], newest["content"][-1]]
        assert request["system"][0]["text"].startswith("Role: code_writer\n")


async def test_all_but_the_newest_turn_is_billed_as_a_cache_read(rig: Rig) -> None:
    rig.scripted.play(SCENARIO)

    await rig.run()

    usages = [line.usage for line in rig.ledger.lines.values() if line.usage]
    assert usages[0].cache_read_tokens == 0
    for before, after in pairwise(usages):
        assert abs(after.cache_read_tokens - before.cache_read_tokens - before.cache_write_tokens) <= 2
        assert after.input_tokens == 0


async def test_a_store_that_returns_equal_entries_gives_equal_bytes_after_a_pause(rig: Rig) -> None:
    rig.limits = LIMITS.model_copy(update={"turns_max": 2})
    rig.scripted.play(SCENARIO)
    with pytest.raises(PersonNeeded):
        await rig.run()
    rig.journal.conversations[KEY] = [_through_text(entry) for entry in rig.journal.conversations[KEY]]

    rig.limits = LIMITS
    await rig.run()

    (before, fixed_before), (after, fixed_after) = parts(rig.scripted.bodies[1]), parts(rig.scripted.bodies[2])
    assert fixed_before == fixed_after
    assert after.startswith(before)


def _through_text(entry: JournalEntry) -> JournalEntry:
    return JournalEntry(seq=entry.seq, kind=entry.kind, body=json.loads(json.dumps(entry.body)))


async def test_a_long_conversation_is_compacted_and_keeps_its_task(rig: Rig) -> None:
    rig.limits = LIMITS.model_copy(update={"compaction_tokens": 4_000})
    rig.scripted.play("""
name: long
scripts:
  - role: code_writer
    when: {contains: "Removed to save space"}
    turns: &end
      - tools: [{name: submit_code, input: {summary: "All done."}}]
    repeat: true
  - role: code_writer
    when: {contains: "Earlier turns were removed"}
    turns: *end
    repeat: true
  - role: code_writer
    turns:
      - tools: [{name: bash, input: {command: "seq 1 1200"}}]
      - tools: [{name: bash, input: {command: "seq 1 1201"}}]
      - tools: [{name: bash, input: {command: "seq 1 1202"}}]
      - tools: [{name: bash, input: {command: "seq 1 1203"}}]
""")

    result = await rig.run()

    last = rig.scripted.requests[-1]["messages"]
    records = [record_of(entry) for entry in rig.journal.conversations[KEY]]
    assert result.submission.summary == "All done."
    assert last[0]["content"][0]["text"] == "Write the greeting."
    assert any(isinstance(record, Noted) and record.note is Note.COMPACTION for record in records)
    assert len(rig.scripted.bodies[-1]) < 10_000, "three outputs of 5,000 bytes each would not fit"
