"""Keeping a conversation inside the model's window without losing its thread.

Problem: tool output fills the window, and a provider that cuts silently makes the agent forget its task. Choice: static
context is capped with the cut stated; a conversation that has grown past its limit is compacted by a fixed rule, and the
result itself is stored, so that a resume has the same messages even if the rule changes. Invariants: the opening and the
newest turns stay verbatim; every tool call keeps its result; thinking blocks go, because they are signed over a prefix
that no longer exists.
"""

import copy
import json
from collections.abc import Sequence
from typing import Any

from pipeline.ports import Json

BYTES_PER_TOKEN = 3
WORST_BYTES_PER_TOKEN = 2
STUB_OVER_CHARACTERS = 400
TURNS_KEPT = 6
WORTH_IT = 0.9
ENOUGH = 0.6
_THINKING = {"thinking", "redacted_thinking"}


def estimated_tokens(value: object) -> int:
    """Return a middling guess of the tokens in a text or JSON value."""
    return -(-_size_bytes(value) // BYTES_PER_TOKEN)


def worst_case_tokens(*values: object) -> int:
    """Return an upper guess for reservations; dense code and other alphabets included."""
    return sum(-(-_size_bytes(value) // WORST_BYTES_PER_TOKEN) for value in values)


def capped(text: str, tokens_max: int) -> tuple[str, int]:
    """Return `text` cut to about `tokens_max` tokens and the number of characters left out, which the text states."""
    if estimated_tokens(text) <= tokens_max:
        return text, 0
    kept = text.encode()[: tokens_max * BYTES_PER_TOKEN].decode(errors="ignore")
    kept = kept[: kept.rfind("\n") + 1] or kept
    left_out = len(text) - len(kept)
    return (
        f"{kept}\n[Cut here: {left_out:,} of {len(text):,} characters of repository context were left out.]",
        left_out,
    )


def compacted(messages: Sequence[Json], tokens_max: int) -> list[Json] | None:
    """Return a shorter conversation, or None when no rule makes it worth the lost cache.

    First old tool results and long tool inputs become stubs; if that is not enough, old turns become one summary of
    what was looked at, changed and run.
    """
    size = estimated_tokens(messages)
    for turns in (TURNS_KEPT, 2, 1):
        head, middle, tail = _parts(messages, turns)
        if not middle:
            continue
        for shorter in ([*head, *(_stubbed(message) for message in middle)], _summarised(head, middle)):
            candidate = _without_thinking([*shorter, *tail])
            if estimated_tokens(candidate) <= ENOUGH * tokens_max:
                return candidate
    head, middle, tail = _parts(messages, 1)
    shortest = _without_thinking([*_summarised(head, middle), *tail]) if middle else None
    return shortest if shortest is not None and estimated_tokens(shortest) <= WORTH_IT * size else None


def _parts(messages: Sequence[Json], turns: int) -> tuple[list[Json], list[Json], list[Json]]:
    starts = [index for index, message in enumerate(messages) if message["role"] == "assistant"]
    if len(starts) <= turns:
        return list(messages), [], []
    return list(messages[: starts[0]]), list(messages[starts[0] : starts[-turns]]), list(messages[starts[-turns] :])


def _stubbed(message: Json) -> Json:
    return {**message, "content": [_stub(block) for block in message["content"]]}


def _stub(block: Json) -> Json:
    match block.get("type"):
        case "tool_result" if len(text := result_text(block)) > STUB_OVER_CHARACTERS:
            return {**block, "content": f"[Removed to save space: {len(text):,} characters of tool output.]"}
        case "tool_use":
            return {**block, "input": {key: _stub_value(value) for key, value in block["input"].items()}}
        case _:
            return copy.deepcopy(block)


def _stub_value(value: Any) -> Any:
    if isinstance(value, str) and len(value) > STUB_OVER_CHARACTERS:
        return f"[Removed to save space: {len(value):,} characters.]"
    return value


def _summarised(head: list[Json], middle: list[Json]) -> list[Json]:
    deeds = [_deed(block) for message in middle for block in message["content"] if block.get("type") == "tool_use"]
    said = [
        block["text"]
        for message in middle
        if message["role"] == "user"
        for block in message["content"]
        if block.get("type") == "text"
    ]
    lines = [f"- {deed}" for deed in dict.fromkeys(deeds)]
    text = "[Earlier turns were removed to save space. What you did in them, in order:]\n" + "\n".join(lines)
    first = copy.deepcopy(head[0])
    first["content"] = [*first["content"], *({"type": "text", "text": line} for line in [text, *said])]
    return [first]


def _deed(block: Json) -> str:
    given = block["input"]
    what = " ".join(str(given[key]) for key in ("command", "path") if key in given) or json.dumps(given)
    return f"{block['name']}: {what[:160]}"


def _without_thinking(messages: list[Json]) -> list[Json]:
    return [
        {**message, "content": [block for block in message["content"] if block.get("type") not in _THINKING]}
        for message in messages
    ]


def result_text(block: Json) -> str:
    """Return the text of a tool result, whichever of its two forms it has."""
    content = block.get("content", "")
    if isinstance(content, str):
        return content
    return "\n".join(part.get("text", "") for part in content)


def _size_bytes(value: object) -> int:
    return len((value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)).encode(errors="replace"))
