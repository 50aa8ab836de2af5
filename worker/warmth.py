"""What every worker would do first, done once before any of them is forked.

Problem: a fresh process imports on first use, compiles patterns, builds schemas and reads certificates; each worker would
pay for that again, in time before the first model request and in memory of its own. Choice: the fork server does these
things once and throws the results away; what stays are loaded modules and filled caches, which forks share. Invariant:
nothing here opens a loop, a thread, a connection or a file that a fork would inherit.
"""

import asyncio
import json
import os
import select
import signal
from dataclasses import asdict
from importlib import import_module

import structlog
from langgraph.checkpoint.memory import InMemorySaver

from pipeline.adapters.model_providers import anthropic
from pipeline.adapters.sandbox.bubblewrap import start_sandbox
from pipeline.adapters.sandbox.start_up_check import Places
from pipeline.adapters.secret_scanner import DetectSecretsScanner
from pipeline.agents import prompting
from pipeline.agents.roles import AgentRole
from pipeline.agents.submissions.validation import tool_schema
from pipeline.line.graph import compile_line
from pipeline.llm.pricing import load_prices
from pipeline.ports import Isolation
from pipeline.settings.process import ProcessSettings
from pipeline.settings.runtime import RuntimeSettings

CHECK_MAX_S = 60.0
"""What the start-up check may take: it has a limit for each of its commands, but its own process may be held up too."""
_IMPORTED_ON_FIRST_USE = ("anyio._backends._asyncio", "sqlalchemy.dialects.postgresql.psycopg")


def warm() -> None:
    """Fill caches. Call it in a process without threads, before the first fork."""
    for name in _IMPORTED_ON_FIRST_USE:
        import_module(name)
    anthropic.warm()
    prompting.warm()
    DetectSecretsScanner()
    compile_line(InMemorySaver())
    load_prices()
    RuntimeSettings.model_validate(RuntimeSettings().snapshot())
    for role in AgentRole:
        tool_schema(role)


def isolation(settings: ProcessSettings, *, longest_s: float = CHECK_MAX_S) -> Isolation | None:
    """Find out in a child process how tools are isolated here; None when they are not, or it could not be found out.

    A child that has said nothing after `longest_s` seconds is killed: workers then look for themselves, and no change
    request waits for a check that does not end.
    """
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.write(writing, json.dumps(asyncio.run(_probe(settings))).encode())
        finally:
            os._exit(0)
    os.close(writing)
    # One write of a few hundred bytes: it comes whole or not at all.
    with os.fdopen(reading, "rb") as said:
        in_time = bool(select.select([said], [], [], longest_s)[0])
        if not in_time:
            structlog.get_logger().warning("sandbox_check_took_too_long", pid=pid, longest_s=longest_s)
            os.kill(pid, signal.SIGKILL)
        answer = said.read() if in_time else b""
    os.waitpid(pid, 0)
    found = Isolation(**json.loads(answer)) if answer else None
    return found if found is not None and found.active else None


async def _probe(settings: ProcessSettings) -> dict[str, str]:
    root = settings.data_dir
    hidden, places = ((root,), Places.below(root)) if root is not None else ((), None)
    sandbox = await start_sandbox(settings.sandbox, settings.environment, hidden=hidden, places=places)
    return asdict(sandbox.isolation())
