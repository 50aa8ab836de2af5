"""What goes wrong around a line, and waits that are remembered instead of waited for."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from pipeline.adapters.clock import SystemClock
from pipeline.change_request import Stage
from tests.line.harness import LineRun, Prepare, with_context
from worker.wiring import Hands

Happens = Callable[[], Awaitable[None] | None]


class HurriedClock(SystemClock):
    """The system's clock, whose sleeps only yield; `slept` says how long they would have been."""

    def __init__(self) -> None:
        self.slept: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        await asyncio.sleep(0.01)


def hurried(clock: HurriedClock | None = None, **values: Any) -> Prepare:
    """Let a worker wait for nothing between tries; further values replace parts of its context."""

    def prepare(_line: LineRun, held: Hands) -> Hands:
        return with_context(held, clock=clock or HurriedClock(), **values)

    return prepare


def when_entering(stage: Stage, happens: Happens, **values: Any) -> Prepare:
    """Let something happen when a stage begins, once, to a worker that hurries."""

    def prepare(line: LineRun, held: Hands) -> Hands:
        quick = hurried(**values)(line, held)
        return with_context(quick, progress=_Watching(quick.context.progress, stage, happens))

    return prepare


class _Watching:
    def __init__(self, progress: object, stage: Stage, happens: Happens) -> None:
        self._progress = progress
        self._stage = stage
        self._happens: Happens | None = happens

    def __getattr__(self, name: str) -> object:
        return getattr(self._progress, name)

    async def enter_stage(self, stage: Stage) -> None:
        await self._progress.enter_stage(stage)  # type: ignore[attr-defined]  # the progress it stands for
        if stage is self._stage and self._happens is not None:
            happens, self._happens = self._happens, None
            if (doing := happens()) is not None:
                await doing


def answering(status: int, body: bytes = b"", **headers: str) -> ASGIApp:
    """An endpoint that always answers this."""
    return Response(
        body, status_code=status, headers={name.replace("_", "-"): value for name, value in headers.items()}
    )


async def hanging(_scope: Scope, receive: Receive, _send: Send) -> None:
    """An endpoint that never says a byte."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def hanging_mid_stream(_scope: Scope, receive: Receive, send: Send) -> None:
    """An endpoint that begins a stream and falls silent."""
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/event-stream")]})
    await send({"type": "http.response.body", "body": b'event: ping\ndata: {"type": "ping"}\n\n', "more_body": True})
    await hanging(_scope, receive, send)
