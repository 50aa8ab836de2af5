"""The one dialect in which conversations with models are kept, sent and answered: the Messages form.

Problem: every provider words prompts, tool calls and usage differently, and a conversation must be read back byte for byte
years later, by whichever code. Choice: one form is the canonical one, declared here as the plain JSON that the journal keeps;
an adapter whose provider speaks otherwise translates at its border, in both directions. Invariant: what stands in a journal
is this form and no other, and blocks that a provider signed (thinking) go back to it exactly as they came.
"""

from enum import StrEnum
from typing import Any, Literal, NotRequired, TypeAlias, TypedDict, cast

Json: TypeAlias = dict[str, Any]
"""A JSON object exactly as it is sent, received or stored; the journal stores its bytes."""


class CacheControl(TypedDict):
    """Ends a prefix that the provider may keep. A provider that caches by itself ignores it."""

    type: Literal["ephemeral"]


class TextBlock(TypedDict):
    """Text of either side. Blank text is never sent."""

    type: Literal["text"]
    text: str
    cache_control: NotRequired[CacheControl]
    citations: NotRequired[list[Json]]


class ThinkingBlock(TypedDict):
    """Thinking, signed over what stands before it; without `signature` its provider does not take it back."""

    type: Literal["thinking"]
    thinking: str
    signature: NotRequired[str]


class RedactedThinkingBlock(TypedDict):
    """Thinking that nobody but its provider can read; goes back to it unread."""

    type: Literal["redacted_thinking"]
    data: str


class ToolUseBlock(TypedDict):
    """A call of a tool. `id` is unique in its conversation; `input` is whatever the model gave, an object."""

    type: Literal["tool_use"]
    id: str
    name: str
    input: Json


class ToolResultBlock(TypedDict):
    """What a call came to, in the user message that follows it."""

    type: Literal["tool_result"]
    tool_use_id: str
    content: str | list[TextBlock]
    is_error: NotRequired[bool]
    cache_control: NotRequired[CacheControl]


AnswerBlock: TypeAlias = TextBlock | ThinkingBlock | RedactedThinkingBlock | ToolUseBlock
"""What an assistant message holds."""
Block: TypeAlias = AnswerBlock | ToolResultBlock


class Message(TypedDict):
    """One side's words. Roles alternate, and the first is the user's."""

    role: Literal["user", "assistant"]
    content: list[Block]


class CustomTool(TypedDict):
    """A tool declared by its own schema."""

    name: str
    description: str
    input_schema: Json


class StandardTool(TypedDict):
    """A tool that models of the dialect's home know by its type; other adapters declare description and schema for it."""

    type: str
    name: str


Tool: TypeAlias = CustomTool | StandardTool


class StopReason(StrEnum):
    """Why an answer ended, as far as the product knows. An adapter maps its provider's own words to these.

    A word that fits none is passed on as it is, and whoever reads it treats the answer as cut off.
    """

    END_TURN = "end_turn"
    TOOL_USE = "tool_use"
    STOP_SEQUENCE = "stop_sequence"
    MAX_TOKENS = "max_tokens"
    PAUSE_TURN = "pause_turn"
    """The provider wants to be asked again with what it said so far."""
    REFUSAL = "refusal"
    CONTEXT_FULL = "model_context_window_exceeded"


FINISHED_TURN = frozenset({StopReason.END_TURN, StopReason.TOOL_USE, StopReason.STOP_SEQUENCE})
"""The model said all that it wanted: tool calls of such an answer are whole and may be carried out."""


def as_answer(blocks: list[Json]) -> tuple[AnswerBlock, ...]:
    """Read blocks of an answer as what their `type` says; who made them has checked them."""
    return tuple(cast("list[AnswerBlock]", blocks))


def as_json(blocks: tuple[AnswerBlock, ...]) -> list[Json]:
    """Return blocks as the plain JSON that they are."""
    return cast("list[Json]", list(blocks))
