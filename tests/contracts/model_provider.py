"""What every `ModelProvider` must do; a test module binds it to an implementation by the fixtures `provider` and `play`.

`play` makes the provider's far end act a scene at the next call, in whatever words that end has for it.
"""

from collections.abc import Callable
from enum import StrEnum
from typing import TypeAlias

import pytest

from pipeline.change_request import PauseReason
from pipeline.errors import PersonNeeded, TransientError
from pipeline.ports import Message, ModelProvider, ModelRequest, StopReason, Usage
from pipeline.ports.messages import FINISHED_TURN

SPEECH = "word " * 100
COMMAND = {"command": "ls"}
RETRY_AFTER_S = 7.0
NEW_WORD = "grew_tired"
KEY = "dummy"


class Scene(StrEnum):
    """What the far end does."""

    ACTS = "acts"
    """Says `SPEECH` and calls the tool `bash` with `COMMAND`."""
    ENDS = "ends"
    """Says `SPEECH` and is done."""
    CUT_OFF = "cut_off"
    """Says `SPEECH` and reaches the limit of its output."""
    REFUSES = "refuses"
    RATE_LIMITED = "rate_limited"
    """Asks for `RETRY_AFTER_S`."""
    OVERLOADED = "overloaded"
    BREAKS_OFF = "breaks_off"
    """The stream ends in the middle of `SPEECH`."""
    GARBLED_CALL = "garbled_call"
    """A finished answer whose tool input is no JSON."""
    NEW_ENDING = "new_ending"
    """Says `SPEECH` and stops for a reason that nobody has heard of: `NEW_WORD`."""
    WRONG_KEY = "wrong_key"
    INVALID = "invalid"


Play: TypeAlias = Callable[[Scene], None]

OPENING: Message = {"role": "user", "content": [{"type": "text", "text": "Go."}]}
REQUEST = ModelRequest(
    model="scripted",
    system=({"type": "text", "text": "Role: code_writer", "cache_control": {"type": "ephemeral"}},),
    tools=(
        {"type": "bash_20250124", "name": "bash"},
        {"name": "submit", "description": "Hand in.", "input_schema": {"type": "object", "properties": {}}},
    ),
    messages=(OPENING,),
    max_tokens=500,
    timeout_s=30,
)


class ModelProviderContract:
    """Whole answers in the canonical dialect, or an error that says who must act."""

    async def test_an_answer_is_whole_and_its_tool_calls_can_be_carried_out(
        self, provider: ModelProvider, play: Play
    ) -> None:
        play(Scene.ACTS)

        answer = await provider.ask(REQUEST)

        said, call = answer.content
        assert said == {"type": "text", "text": SPEECH}
        assert call["type"] == "tool_use"
        assert (call["name"], call["input"]) == ("bash", COMMAND)
        assert call["id"]
        assert answer.stop_reason == StopReason.TOOL_USE
        assert answer.model

    async def test_text_streams_in_order_and_usage_is_told_on_the_way(
        self, provider: ModelProvider, play: Play
    ) -> None:
        play(Scene.ENDS)
        heard: list[str] = []
        seen: list[Usage] = []

        answer = await provider.ask(REQUEST, heard.append, seen.append)

        assert "".join(heard) == SPEECH
        assert answer.stop_reason == StopReason.END_TURN
        assert seen
        assert all(usage.estimated for usage in seen)
        assert not answer.usage.estimated
        assert answer.usage.input_tokens + answer.usage.cache_write_tokens + answer.usage.cache_read_tokens > 0
        assert answer.usage.output_tokens > 0

    async def test_what_was_asked_and_answered_goes_back_as_it_came(self, provider: ModelProvider, play: Play) -> None:
        play(Scene.ACTS)
        answer = await provider.ask(REQUEST)
        call = next(block for block in answer.content if block["type"] == "tool_use")
        said: Message = {"role": "assistant", "content": list(answer.content)}
        seen: Message = {
            "role": "user",
            "content": [{"type": "tool_result", "tool_use_id": call["id"], "content": "a.py", "is_error": False}],
        }
        play(Scene.ENDS)

        further = await provider.ask(
            ModelRequest(
                model=REQUEST.model, system=REQUEST.system, tools=REQUEST.tools, messages=(OPENING, said, seen),
                max_tokens=REQUEST.max_tokens, timeout_s=REQUEST.timeout_s,
            )
        )  # fmt: skip

        assert further.content

    @pytest.mark.parametrize(
        ("scene", "reason"), [(Scene.REFUSES, StopReason.REFUSAL), (Scene.CUT_OFF, StopReason.MAX_TOKENS)]
    )
    async def test_an_answer_that_is_no_full_turn_says_so(
        self, provider: ModelProvider, play: Play, scene: Scene, reason: StopReason
    ) -> None:
        play(scene)

        answer = await provider.ask(REQUEST)

        assert answer.stop_reason == reason
        assert answer.stop_reason not in FINISHED_TURN

    async def test_an_unknown_ending_is_passed_on_and_is_no_full_turn(
        self, provider: ModelProvider, play: Play
    ) -> None:
        play(Scene.NEW_ENDING)

        answer = await provider.ask(REQUEST)

        assert answer.stop_reason == NEW_WORD
        assert answer.stop_reason not in FINISHED_TURN

    async def test_a_rate_limit_is_worth_another_try_when_the_provider_wants_it(
        self, provider: ModelProvider, play: Play
    ) -> None:
        play(Scene.RATE_LIMITED)

        with pytest.raises(TransientError) as failure:
            await provider.ask(REQUEST)

        assert failure.value.retry_after_s == RETRY_AFTER_S

    @pytest.mark.parametrize("scene", [Scene.OVERLOADED, Scene.BREAKS_OFF, Scene.GARBLED_CALL])
    async def test_what_may_go_better_is_worth_another_try_and_never_half_an_answer(
        self, provider: ModelProvider, play: Play, scene: Scene
    ) -> None:
        play(scene)
        with pytest.raises(TransientError):
            await provider.ask(REQUEST)
        play(Scene.ENDS)

        assert (await provider.ask(REQUEST)).content == ({"type": "text", "text": SPEECH},)

    async def test_a_stream_that_broke_off_tells_what_it_cost(self, provider: ModelProvider, play: Play) -> None:
        play(Scene.BREAKS_OFF)
        seen: list[Usage] = []

        with pytest.raises(TransientError):
            await provider.ask(REQUEST, None, seen.append)

        assert seen
        assert seen[-1].estimated
        assert seen[-1].input_tokens + seen[-1].cache_write_tokens + seen[-1].cache_read_tokens > 0

    @pytest.mark.parametrize("scene", [Scene.WRONG_KEY, Scene.INVALID])
    async def test_what_no_retry_mends_asks_for_a_person_and_shows_no_key(
        self, provider: ModelProvider, play: Play, scene: Scene
    ) -> None:
        play(scene)

        with pytest.raises(PersonNeeded) as failure:
            await provider.ask(REQUEST)

        assert failure.value.reason is PauseReason.PROVIDERS_DOWN
        assert KEY not in f"{failure.value.message} {failure.value.facts}"
