"""The scripted model: a loopback server that speaks the Messages API from a scenario file.

Problem: a demo and acceptance tests without a key, in which everything but the intelligence is real. Choice: a small
server with the provider's event sequence, its usage numbers (cache reads and writes computed from the prefixes it has
really seen) and its ways to fail, so that the official SDK and the real loop run against it. It is named as scripted in
every answer. For tests and the bench, `GET /requests` shows what it was asked, `GET /arrivals` when, and `GET /streams`
when each answer began and ended, and whether its reader stayed; `python -m cli.scripted_model FILE --port N` runs it.
"""

import argparse
import asyncio
import hashlib
import json
import socket
import sys
import time
from collections import Counter, OrderedDict, deque
from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from cli.scenario import Fault, NoScript, Scenario, ScenarioError, Turn, load_scenario

MODEL = "scripted"
HOST = "127.0.0.1"
REQUESTS_KEPT = 2_000
PREFIXES_KEPT = 50_000
CHARACTERS_PER_TOKEN = 4
TEXT_PIECE = 24
_ERROR_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    529: "overloaded_error",
}


class ConnectionDropped(Exception):
    """Raised inside a stream to break the connection, as the scenario asks."""


@dataclass(slots=True)
class Streamed:
    """One streamed answer, in seconds of the monotonic clock."""

    begun: float
    ended: float | None = None
    whole: bool = False
    """Whether the last event was sent; False at the end says that the reader went away or a fault cut it."""


@dataclass(slots=True)
class ScriptedModel:
    """The server's state: what it was asked, which faults it has played, which prefixes are cached."""

    scenario: Scenario
    requests: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=REQUESTS_KEPT))
    bodies: deque[bytes] = field(default_factory=lambda: deque(maxlen=REQUESTS_KEPT))
    headers: deque[dict[str, str]] = field(default_factory=lambda: deque(maxlen=REQUESTS_KEPT))
    arrivals: deque[float] = field(default_factory=lambda: deque(maxlen=REQUESTS_KEPT))
    """When each request was there, by the monotonic clock, which processes of one machine share."""
    streams: deque[Streamed] = field(default_factory=lambda: deque(maxlen=REQUESTS_KEPT))
    faults_played: Counter[str] = field(default_factory=Counter)
    cached_prefixes: OrderedDict[str, None] = field(default_factory=OrderedDict)

    def app(self) -> Starlette:
        """Return the ASGI application."""
        return Starlette(
            routes=[
                Route("/v1/messages", self._messages, methods=["POST"]),
                Route("/requests", self._journal, methods=["GET"]),
                Route("/arrivals", self._arrivals, methods=["GET"]),
                Route("/streams", self._streams, methods=["GET"]),
                Route("/healthz", self._health, methods=["GET"]),
            ]
        )

    async def _health(self, _request: Request) -> Response:
        return JSONResponse({"status": "ok", "model": MODEL, "scenario": self.scenario.name})

    async def _journal(self, _request: Request) -> Response:
        return JSONResponse(list(self.requests))

    async def _arrivals(self, _request: Request) -> Response:
        return JSONResponse(list(self.arrivals))

    async def _streams(self, _request: Request) -> Response:
        return JSONResponse([asdict(one) for one in self.streams])

    async def _messages(self, http: Request) -> Response:
        raw = await http.body()
        arrived = time.monotonic()
        try:
            request = json.loads(raw)
        except json.JSONDecodeError as error:
            return _error(400, f"The request is not JSON: {error}")
        self.requests.append(request)
        self.arrivals.append(arrived)
        self.bodies.append(raw)
        self.headers.append(dict(http.headers))
        try:
            place, _, turn = self.scenario.turn_for(request)
        except NoScript as error:
            return _error(500, str(error), headers={"x-should-retry": "false"})
        await asyncio.sleep((self.scenario.model_delay_ms + turn.delay_ms) / 1000)
        fault = self._fault(place, raw, turn)
        if fault is not None and fault.status is not None:
            wish = None if fault.retry_after_s is None else {"retry-after": f"{fault.retry_after_s:g}"}
            return _error(fault.status, f"Scripted fault {fault.status}.", headers=wish)
        message = _message(turn, self._usage(request), len(self.requests))
        if not request.get("stream"):
            return JSONResponse(message, headers={"request-id": message["id"]})
        return StreamingResponse(
            self._observe(_stream(message, fault)),
            media_type="text/event-stream",
            headers={"request-id": message["id"]},
        )

    async def _observe(self, stream: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        streamed = Streamed(begun=time.monotonic())
        self.streams.append(streamed)
        try:
            async for frame in stream:
                yield frame
            streamed.whole = True
        finally:
            streamed.ended = time.monotonic()

    def _fault(self, place: str, raw: bytes, turn: Turn) -> Fault | None:
        if turn.fault is None:
            return None
        key = f"{place}/{hashlib.sha256(raw).hexdigest()}"
        if self.faults_played[key] >= turn.fault.times:
            return None
        self.faults_played[key] += 1
        return turn.fault

    def _usage(self, request: dict[str, Any]) -> dict[str, int]:
        """Return input usage as the provider would bill it, and remember the prefixes that this request caches."""
        digest, size, read, written = hashlib.sha256(), 0, 0, 0
        marks: list[str] = []
        for block in _blocks(request):
            text = json.dumps({key: value for key, value in block.items() if key != "cache_control"}, sort_keys=True)
            digest.update(text.encode())
            size += len(text)
            name = digest.hexdigest()
            if name in self.cached_prefixes:
                read = size
                self.cached_prefixes.move_to_end(name)
            if block.get("cache_control"):
                written = size
                marks.append(name)
        for name in marks:
            self.cached_prefixes[name] = None
        while len(self.cached_prefixes) > PREFIXES_KEPT:
            self.cached_prefixes.popitem(last=False)
        return {
            "input_tokens": _tokens(size - max(read, written)),
            "cache_creation_input_tokens": _tokens(max(0, written - read)),
            "cache_read_input_tokens": _tokens(read),
        }


def serve(scenario_path: Path, port: int = 0, host: str = HOST) -> None:
    """Serve a scenario until interrupted, after printing the address. Port 0 takes any free one."""
    app = ScriptedModel(load_scenario(scenario_path)).app()
    with listening(host, port) as listener:
        sys.stdout.write(f"http://{host}:{listener.getsockname()[1]}\n")
        sys.stdout.flush()
        uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="off", ws="none")).run(sockets=[listener])


def listening(host: str = HOST, port: int = 0) -> socket.socket:
    """Return a listening socket that names its protocol: asyncio turns Nagle's delay off only for those."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((host, port))
    listener.listen()
    return listener


def _blocks(request: dict[str, Any]) -> list[dict[str, Any]]:
    """Return every part of the prompt in the provider's order: tools, system, messages."""
    system = request.get("system") or []
    parts = [*request.get("tools", []), *([{"type": "text", "text": system}] if isinstance(system, str) else system)]
    for message in request.get("messages", []):
        content = message["content"]
        blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content
        parts += [{"role": message["role"], **block} for block in blocks]
    return parts


def _message(turn: Turn, usage: dict[str, int], number: int) -> dict[str, Any]:
    content: list[dict[str, Any]] = [{"type": "text", "text": turn.text}] if turn.text else []
    content += [
        {"type": "tool_use", "id": f"toolu_scripted_{number:06}_{index}", "name": use.name, "input": use.input}
        for index, use in enumerate(turn.tools)
    ]
    output = _tokens(sum(len(json.dumps(block)) for block in content)) + 1
    return {
        "id": f"msg_scripted_{number:06}",
        "type": "message",
        "role": "assistant",
        "model": MODEL,
        "content": content,
        "stop_reason": turn.ending,
        "stop_sequence": None,
        "usage": {**usage, "output_tokens": output},
    }


async def _stream(message: dict[str, Any], fault: Fault | None) -> AsyncIterator[bytes]:
    events = _events(message, garbage=fault is not None and fault.stream == "garbage_input")
    if fault is None:
        for event in events:
            yield _frame(event)
        return
    middle = len(events) // 2
    for event in events[:middle]:
        yield _frame(event)
    await asyncio.sleep(fault.stall_s)
    match fault.stream:
        case "truncate":
            return
        case "drop":
            raise ConnectionDropped
        case "malformed":
            yield b'event: content_block_delta\ndata: {"type": "content_block_delta", "index": 0, "del\n\n'
        case _:
            pass
    for event in events[middle:]:
        yield _frame(event)


def _events(message: dict[str, Any], *, garbage: bool) -> list[dict[str, Any]]:
    usage = message["usage"]
    start = {**message, "content": [], "stop_reason": None, "usage": {**usage, "output_tokens": 1}}
    events: list[dict[str, Any]] = [{"type": "message_start", "message": start}, {"type": "ping"}]
    for index, block in enumerate(message["content"]):
        empty: dict[str, Any]
        if block["type"] == "text":
            empty = {"type": "text", "text": ""}
            deltas = [{"type": "text_delta", "text": piece} for piece in _pieces(block["text"])]
        else:
            empty = {**block, "input": {}}
            given = '{"broken' if garbage else json.dumps(block["input"])
            deltas = [{"type": "input_json_delta", "partial_json": piece} for piece in _pieces(given)]
        events.append({"type": "content_block_start", "index": index, "content_block": empty})
        events += [{"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas]
        events.append({"type": "content_block_stop", "index": index})
    ending = {"stop_reason": message["stop_reason"], "stop_sequence": None}
    events.append({"type": "message_delta", "delta": ending, "usage": {"output_tokens": usage["output_tokens"]}})
    return [*events, {"type": "message_stop"}]


def _pieces(text: str) -> list[str]:
    size = max(TEXT_PIECE, len(text) // 20)
    return [text[at : at + size] for at in range(0, len(text), size)]


def _frame(event: dict[str, Any]) -> bytes:
    return f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode()


def _tokens(characters: int) -> int:
    return -(-characters // CHARACTERS_PER_TOKEN)


def _error(status: int, message: str, headers: dict[str, str] | None = None) -> Response:
    kind = _ERROR_TYPES.get(status, "api_error" if status >= 500 else "invalid_request_error")  # noqa: PLR2004 - HTTP
    return JSONResponse(
        {"type": "error", "error": {"type": kind, "message": message}}, status_code=status, headers=headers
    )


def main(arguments: list[str] | None = None) -> int:
    """Run the server from a command line; exit 2 for a scenario that cannot be played."""
    parser = argparse.ArgumentParser(prog="python -m cli.scripted_model", description="Serve a scripted model.")
    parser.add_argument("scenario", type=Path, metavar="FILE")
    parser.add_argument("--port", type=int, default=0, help="0 takes any free port")
    given = parser.parse_args(arguments)
    try:
        serve(given.scenario, given.port)
    except ScenarioError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
