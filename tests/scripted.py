"""The scripted model on a thread, for tests that use the real SDK in the same process."""

import copy
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from cli.scenario import parse_scenario
from cli.scripted_model import ScriptedModel, listening

Memory = Mapping[str, Any]
"""What a model received and played until some moment."""
_REMEMBERED = ("requests", "bodies", "headers", "arrivals", "streams", "faults_played", "cached_prefixes")
SILENCE = "name: silence\nscripts: [{role: nobody, turns: [{text: '...'}]}]"


class ScriptedServer:
    """One running server; `play` gives it another scenario and an empty memory."""

    def __init__(self) -> None:
        self.model = ScriptedModel(parse_scenario(SILENCE, "silence"))
        self._app = self.model.app()
        self._listener = listening()
        self.disturbance: ASGIApp | None = None
        """Answers instead of the model while it is set; what it answers, the model never saw."""
        self._server = uvicorn.Server(
            uvicorn.Config(
                self._answer,
                interface="asgi3",
                log_level="critical",
                lifespan="off",
                ws="none",
                timeout_graceful_shutdown=1,
            )
        )
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [self._listener]})

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        await (self.disturbance or self._app)(scope, receive, send)

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def play(self, scenario: str) -> None:
        self.model.scenario = parse_scenario(scenario, "scenario")
        for name in _REMEMBERED:
            getattr(self.model, name).clear()

    def memory(self) -> Memory:
        """Return what it remembers now."""
        return {name: copy.copy(getattr(self.model, name)) for name in _REMEMBERED}

    def remember(self, memory: Memory) -> None:
        """Let it remember this and nothing else."""
        for name in _REMEMBERED:
            setattr(self.model, name, copy.copy(memory[name]))

    @property
    def requests(self) -> list[dict[str, Any]]:
        return list(self.model.requests)

    @property
    def bodies(self) -> list[bytes]:
        return list(self.model.bodies)

    @property
    def headers(self) -> list[dict[str, str]]:
        return list(self.model.headers)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._server.should_exit = True
        self._thread.join()
        self._listener.close()


@contextmanager
def scripted_server() -> Iterator[ScriptedServer]:
    """Run a server for the length of the block."""
    server = ScriptedServer()
    server.start()
    try:
        yield server
    finally:
        server.stop()
