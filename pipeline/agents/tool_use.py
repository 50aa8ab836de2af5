"""A tool call as the model made it, and its result as the next request carries it, in the Messages dialect.

Problem: both travel as JSON blocks, because a conversation is kept byte for byte. Choice: they stay blocks in the journal,
and whoever decides by them reads them here. Invariant: reading changes no block.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.ports import Json


@dataclass(frozen=True, slots=True)
class ToolUse:
    """One call. `input` is what the model gave: an object, if it kept to the schema."""

    id: str
    name: str
    input: Any


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What a call came to."""

    tool_use_id: str
    content: str
    is_error: bool


def tool_uses_of(content: Sequence[Mapping[str, object]]) -> list[ToolUse]:
    """Return the calls of an answer, in order."""
    return [ToolUse(str(one["id"]), str(one["name"]), one["input"]) for one in content if one.get("type") == "tool_use"]


def texts_of(content: Sequence[Mapping[str, object]]) -> list[str]:
    """Return what an answer says aloud, in order."""
    return [str(one["text"]) for one in content if one.get("type") == "text"]


def results_by_call(results: Sequence[Json]) -> dict[str, ToolResult]:
    """Return the results of a turn by the id of the call."""
    read = [
        ToolResult(str(one.get("tool_use_id", "")), str(one.get("content", "")), bool(one.get("is_error")))
        for one in results
    ]
    return {one.tool_use_id: one for one in read}
