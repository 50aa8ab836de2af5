"""Compaction keeps what the provider requires and what the agent needs to know."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from pipeline.agents.context_window import capped, compacted, estimated_tokens
from pipeline.agents.conversation import sendable


def conversation(turns: int, size: int) -> list[dict[str, Any]]:
    messages: list[dict[str, Any]] = [{"role": "user", "content": [{"type": "text", "text": "The task."}]}]
    for turn in range(turns):
        call = {"type": "tool_use", "id": f"t{turn}", "name": "bash", "input": {"command": f"step {turn}"}}
        thinking = {"type": "thinking", "thinking": "hm", "signature": "s"}
        result = {"type": "tool_result", "tool_use_id": f"t{turn}", "content": "x" * size}
        messages += [{"role": "assistant", "content": [thinking, call]}, {"role": "user", "content": [result]}]
    messages[-1]["content"].append({"type": "text", "text": "An instruction."})
    return messages


@given(st.integers(2, 30), st.integers(500, 5_000))
def test_a_compacted_conversation_is_valid_and_smaller(turns: int, size: int) -> None:
    messages = conversation(turns, size)

    shorter = compacted(messages, 2_000)

    if shorter is None:
        return
    assert estimated_tokens(shorter) < estimated_tokens(messages)
    assert [message["role"] for message in shorter] == ["user", "assistant"] * (len(shorter) // 2) + ["user"]
    assert shorter[0]["content"][0] == messages[0]["content"][0]
    assert shorter[-1] == messages[-1]
    blocks = [block for message in shorter for block in message["content"]]
    uses = [block["id"] for block in blocks if block["type"] == "tool_use"]
    results = [block["tool_use_id"] for block in blocks if block["type"] == "tool_result"]
    assert uses == results
    assert not any(block["type"] == "thinking" for block in blocks)


def test_turns_that_go_leave_a_list_of_what_was_done() -> None:
    shorter = compacted(conversation(20, 4_000), 4_000)

    assert shorter is not None
    assert "- bash: step 3" in shorter[0]["content"][1]["text"]


def test_what_cannot_be_shortened_is_left_alone() -> None:
    assert compacted(conversation(1, 50_000), 2_000) is None


def test_static_context_is_cut_at_a_line_and_says_how_much_is_missing() -> None:
    text = "line é\n" * 10_000

    cut, left_out = capped(text, 1_000)

    assert estimated_tokens(cut) <= 1_050
    assert cut.endswith(f"[Cut here: {left_out:,} of {len(text):,} characters of repository context were left out.]")
    assert capped("short", 1_000) == ("short", 0)


def test_blank_texts_and_mere_thinking_are_not_sent_back() -> None:
    thinking = {"type": "thinking", "thinking": "", "signature": "s"}

    assert sendable([thinking, {"type": "text", "text": " \n"}]) == []
    assert sendable([thinking, {"type": "text", "text": "So."}]) == [thinking, {"type": "text", "text": "So."}]
