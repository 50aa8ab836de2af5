"""Endpoints that answer anything but the Messages API: never an answer, always told by who must act."""

import gzip
import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest
from starlette.responses import PlainTextResponse, RedirectResponse, Response

from pipeline.adapters.model_providers.anthropic import AnthropicProvider
from pipeline.errors import PersonNeeded, TransientError
from pipeline.ports import Json
from tests.pipeline.adapters.test_anthropic import REQUEST
from tests.scripted import ScriptedServer

USAGE = {"input_tokens": 5, "output_tokens": 1}
START: Json = {
    "type": "message_start",
    "message": {"id": "m", "type": "message", "role": "assistant", "model": "scripted", "content": [], "usage": USAGE},
}
END: list[Json] = [
    {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 3}},
    {"type": "message_stop"},
]


def stream(*events: object, cut: int | None = None) -> Response:
    frames = "".join(f"event: {_type(event)}\ndata: {json.dumps(event)}\n\n" for event in events)
    return Response(frames[:cut], media_type="text/event-stream")


def _type(event: object) -> str:
    return str(event["type"]) if isinstance(event, dict) else "message_start"


def block(content: Json) -> list[Json]:
    return [
        {"type": "content_block_start", "index": 0, "content_block": content},
        {"type": "content_block_stop", "index": 0},
    ]


def usage(**counts: object) -> Json:
    return {**START, "message": {**START["message"], "usage": {**USAGE, **counts}}}


GARBAGE = {
    "a web page": PlainTextResponse("<html>Login</html>", media_type="text/html"),
    "another API's JSON": Response(b'{"choices": []}', media_type="application/json"),
    "no body": Response(b"", media_type="text/event-stream"),
    "not JSON in a frame": Response("event: message_start\ndata: {oops\n\n", media_type="text/event-stream"),
    "a list for an event": stream([1, 2]),
    "bytes that are no text": Response(b"data: \xff\xfe\xfd\n\n" * 4, media_type="text/event-stream"),
    "a broken compression": Response(b"nonsense", headers={"content-encoding": "gzip"}, media_type="text/event-stream"),
    "a cut compression": Response(
        gzip.compress(b"event: x\n\n" * 999)[:40], headers={"content-encoding": "gzip"}, media_type="text/event-stream"
    ),
    "no start": stream(*END),
    "no end": stream(START, *END[:1]),
    "no stop reason": stream(START, {**END[0], "delta": {}}, END[1]),
    "a stop reason that is a number": stream(START, {**END[0], "delta": {"stop_reason": 5}}, END[1]),
    "cut within a frame": stream(START, *END, cut=-40),
    "a model that is a number": stream({**START, "message": {**START["message"], "model": 7}}, *END),
    "a count that is a text": stream(usage(input_tokens="many"), *END),
    "a count below zero": stream(usage(output_tokens=-5), *END),
    "a final count that is a text": stream(START, {**END[0], "usage": {"output_tokens": "x"}}, END[1]),
    "a tool call without a name": stream(START, *block({"type": "tool_use", "id": "t", "input": {}}), *END),
    "a tool call without an id": stream(START, *block({"type": "tool_use", "name": "bash", "input": {}}), *END),
    "a text without text": stream(START, *block({"type": "text"}), *END),
    "a block out of order": stream(START, {**block({"type": "text", "text": ""})[0], "index": 3}, *END),
}


@pytest.mark.parametrize("garbage", GARBAGE)
async def test_garbage_is_never_an_answer(scripted: ScriptedServer, provider: AnthropicProvider, garbage: str) -> None:
    with disturbed(scripted, GARBAGE[garbage]), pytest.raises(TransientError) as failure:
        await provider.ask(REQUEST)

    counts = [value for name, value in failure.value.facts.items() if name.endswith("_tokens")]
    assert all(isinstance(count, int) and count >= 0 for count in counts), failure.value.facts


async def test_a_redirect_is_not_followed_with_the_key(scripted: ScriptedServer, provider: AnthropicProvider) -> None:
    with disturbed(scripted, RedirectResponse("http://127.0.0.1:9/elsewhere")), pytest.raises(PersonNeeded) as failure:
        await provider.ask(REQUEST)

    assert "CHANGELINE_ANTHROPIC__BASE_URL" in failure.value.message


async def test_an_endpoint_that_accepts_and_says_nothing_is_cut() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        stuck = AnthropicProvider(api_key="dummy", base_url=address, max_retries=0, stall_timeout_s=0.2)
        with pytest.raises(TransientError, match="connection"):
            await stuck.ask(replace(REQUEST, timeout_s=30))
        await stuck.aclose()


@contextmanager
def disturbed(scripted: ScriptedServer, answer: Response) -> Iterator[None]:
    scripted.disturbance = answer
    try:
        yield
    finally:
        scripted.disturbance = None
