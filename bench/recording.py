"""The product's own processes with a stopwatch at three ports: git, the pipeline's test runs, the agents' tools.

`python -m bench.recording controller FILE` serves as `changeline controller` does and `… fork-server FILE` forks workers
as `changeline worker --fork-server` does; both append a line to FILE for each call. Nothing else differs, so what is
left of a stage when these intervals are taken out is what Changeline itself takes.
"""

import asyncio
import inspect
import json
import os
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

from cli import own_processes
from cli.session import read_settings
from controller import logs
from controller.app import create_app
from controller.launch.process import ProcessLauncher
from controller.process import wiring
from controller.serve import serve
from controller.wiring import EffectExecutor
from pipeline.agents.crew import Crew
from pipeline.effects.effect import Effect
from pipeline.effects.kinds import Result
from pipeline.ports import CommandResult, Isolation, Repository, Sandbox, SandboxCommand
from pipeline.settings.process import ProcessSettings
from worker.fork_server import ForkServer
from worker.main import run
from worker.order import Order
from worker.wiring import Hands

GIT, TESTS, TOOLS = "git", "tests", "tools"


@dataclass(frozen=True, slots=True)
class Stopwatch:
    """Appends (kind, change request, from, to) in monotonic seconds, one JSON line a call."""

    file: Path

    async def time(self, kind: str, cr_id: str, work: Awaitable[Any]) -> Any:
        """Await `work` and write down how long it took."""
        started = time.monotonic()
        try:
            return await work
        finally:
            line = json.dumps([kind, cr_id, started, time.monotonic()]) + "\n"
            descriptor = os.open(self.file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            os.write(descriptor, line.encode())
            os.close(descriptor)


@dataclass(frozen=True, slots=True)
class TimedSandbox:
    """A sandbox whose runs are timed."""

    sandbox: Sandbox
    kind: str
    cr_id: str
    stopwatch: Stopwatch

    async def run(self, command: SandboxCommand) -> CommandResult:
        """See the port."""
        return cast("CommandResult", await self.stopwatch.time(self.kind, self.cr_id, self.sandbox.run(command)))

    def isolation(self) -> Isolation:
        """See the port."""
        return self.sandbox.isolation()


class TimedRepository:
    """A repository whose every coroutine is timed."""

    def __init__(self, repository: Repository, cr_id: str, stopwatch: Stopwatch) -> None:
        self._repository = repository
        self._cr_id = cr_id
        self._stopwatch = stopwatch

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._repository, name)
        if not inspect.iscoroutinefunction(found):
            return found

        async def timed(*given: Any, **named: Any) -> Any:
            return await self._stopwatch.time(GIT, self._cr_id, found(*given, **named))

        return timed


@dataclass(frozen=True, slots=True)
class TimedExecutor:
    """An effect of the controller's, which is git's work; the stage that intended it waits for it."""

    executor: EffectExecutor
    stopwatch: Stopwatch

    async def execute(self, effect: Effect) -> Result:
        """See the port."""
        done = await self.stopwatch.time(GIT, effect.cr_id, self.executor.execute(effect))
        return cast("Result", done)


def timing(hands: Hands, stopwatch: Stopwatch) -> Hands:
    """Return a worker's hands with stopwatches at its ports."""
    context, cr_id = hands.context, hands.context.cr_id
    repositories = {
        name: cast("Repository", TimedRepository(one, cr_id, stopwatch)) for name, one in context.repositories.items()
    }
    tools = TimedSandbox(context.sandbox, TOOLS, cr_id, stopwatch)
    crew = replace(cast("Crew", context.agents), sandbox=tools, repositories=repositories.__getitem__)
    tests = TimedSandbox(context.sandbox, TESTS, cr_id, stopwatch)
    return replace(hands, context=replace(context, agents=crew, sandbox=tests, repositories=repositories))


def serve_controller(file: Path) -> None:
    """Serve as the product does, with timed executors and the recording fork server."""
    settings, stopwatch = read_settings(), Stopwatch(file)
    wired = wiring(settings, own_processes.processes(), alone=True)
    executors = {kind: TimedExecutor(one, stopwatch) for kind, one in wired.executors.items()}
    launcher = ProcessLauncher(own_processes.module("bench.recording", "fork-server", str(file)))
    app = create_app(replace(wired, executors=executors, launcher=launcher))
    asyncio.run(serve(app, settings, on_ready=lambda _url: None))


def serve_forks(file: Path) -> None:
    """Fork workers whose ports are timed."""
    settings, stopwatch = read_settings(), Stopwatch(file)
    logs.set_up(settings.log_level)

    def work(order: Order, given: ProcessSettings, isolation: Isolation | None) -> int:
        return run(order, given, isolation, prepare=lambda hands: timing(hands, stopwatch))

    ForkServer(settings, work=work).serve()


_ROLES: Mapping[str, Callable[[Path], None]] = {"controller": serve_controller, "fork-server": serve_forks}

if __name__ == "__main__":
    _ROLES[sys.argv[1]](Path(sys.argv[2]))
