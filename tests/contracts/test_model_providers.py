"""The fake and every provider's adapter keep one contract; each far end is a real server where there is one."""

import json
from collections.abc import AsyncIterator, Iterator

import pytest
from starlette.responses import Response

from pipeline.adapters.model_providers.anthropic import AnthropicProvider
from pipeline.change_request import PauseReason
from pipeline.errors import PersonNeeded, TransientError
from pipeline.ports import AnswerBlock, Json, ModelAnswer, Usage
from pipeline.testing import PlayedProvider
from tests.contracts.model_provider import (
    COMMAND,
    KEY,
    NEW_WORD,
    RETRY_AFTER_S,
    SPEECH,
    ModelProviderContract,
    Play,
    Scene,
)
from tests.scripted import ScriptedServer, scripted_server

SAID: AnswerBlock = {"type": "text", "text": SPEECH}
CALLED: AnswerBlock = {"type": "tool_use", "id": "call-1", "name": "bash", "input": COMMAND}
USED = Usage(input_tokens=10, cache_write_tokens=0, cache_read_tokens=0, output_tokens=100)
SO_FAR = Usage(input_tokens=10, cache_write_tokens=0, cache_read_tokens=0, output_tokens=5, estimated=True)


def answer(*blocks: AnswerBlock, reason: str = "end_turn") -> ModelAnswer:
    return ModelAnswer(model="scripted", content=blocks, stop_reason=reason, usage=USED)


PLAYED: dict[Scene, tuple[Usage | ModelAnswer | Exception, ...]] = {
    Scene.ACTS: (answer(SAID, CALLED, reason="tool_use"),),
    Scene.ENDS: (SO_FAR, answer(SAID)),
    Scene.CUT_OFF: (answer(SAID, reason="max_tokens"),),
    Scene.REFUSES: (answer(SAID, reason="refusal"),),
    Scene.RATE_LIMITED: (TransientError("Too many requests.", retry_after_s=RETRY_AFTER_S),),
    Scene.OVERLOADED: (TransientError("Overloaded."),),
    Scene.BREAKS_OFF: (SO_FAR, TransientError("The stream ended.")),
    Scene.GARBLED_CALL: (TransientError("The tool input is no JSON."),),
    Scene.NEW_ENDING: (answer(SAID, reason=NEW_WORD),),
    Scene.WRONG_KEY: (PersonNeeded(PauseReason.PROVIDERS_DOWN, "The key was refused."),),
    Scene.INVALID: (PersonNeeded(PauseReason.PROVIDERS_DOWN, "The request was refused."),),
}


class TestPlayedProvider(ModelProviderContract):
    @pytest.fixture
    def provider(self) -> PlayedProvider:
        return PlayedProvider()

    @pytest.fixture
    def play(self, provider: PlayedProvider) -> Play:
        return lambda scene: provider.outcomes.extend(PLAYED[scene])


SPOKEN = f"text: '{SPEECH}'"
ACTING = f"{SPOKEN}, tools: [{{name: bash, input: {json.dumps(COMMAND)}}}]"
TURNS = {
    Scene.ACTS: ACTING,
    Scene.ENDS: SPOKEN,
    Scene.CUT_OFF: f"{SPOKEN}, stop_reason: max_tokens",
    Scene.REFUSES: f"{SPOKEN}, stop_reason: refusal",
    Scene.RATE_LIMITED: f"{SPOKEN}, fault: {{status: 429, retry_after_s: {RETRY_AFTER_S:g}}}",
    Scene.OVERLOADED: f"{SPOKEN}, fault: {{status: 529}}",
    Scene.BREAKS_OFF: f"{SPOKEN}, fault: {{stream: truncate}}",
    Scene.GARBLED_CALL: f"{ACTING}, fault: {{stream: garbage_input}}",
    Scene.WRONG_KEY: f"{SPOKEN}, fault: {{status: 401}}",
    Scene.INVALID: f"{SPOKEN}, fault: {{status: 400}}",
}


def new_ending() -> Response:
    """Return an answer of the Messages API that stops for a reason of tomorrow."""
    usage = {"input_tokens": 5, "output_tokens": 1}
    message = {"id": "m", "type": "message", "role": "assistant", "model": "scripted", "content": [], "usage": usage}
    events: list[Json] = [
        {"type": "message_start", "message": message},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": SPEECH}},
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": NEW_WORD}, "usage": {"output_tokens": 100}},
        {"type": "message_stop"},
    ]
    body = "".join(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in events)
    return Response(body, media_type="text/event-stream")


@pytest.fixture(scope="module")
def server() -> Iterator[ScriptedServer]:
    with scripted_server() as running:
        yield running


class TestAnthropicProvider(ModelProviderContract):
    @pytest.fixture
    async def provider(self, server: ScriptedServer) -> AsyncIterator[AnthropicProvider]:
        adapter = AnthropicProvider(api_key=KEY, base_url=server.base_url, max_retries=0)
        yield adapter
        await adapter.aclose()

    @pytest.fixture
    def play(self, server: ScriptedServer) -> Play:
        server.disturbance = None

        def scene(wanted: Scene) -> None:
            server.disturbance = new_ending() if wanted is Scene.NEW_ENDING else None
            if wanted in TURNS:
                turn = f"{{{TURNS[wanted]}}}"
                server.play(f"name: t\nscripts: [{{role: code_writer, repeat: true, turns: [{turn}]}}]")

        return scene
