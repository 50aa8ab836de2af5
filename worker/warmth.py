"""What every worker would do first, done once before any of them is forked.

Problem: a fresh process imports on first use, compiles patterns, builds schemas and reads certificates; each worker would
pay for that again, in time before the first model request and in memory of its own. Choice: the fork server does these
things once and throws the results away; what stays are loaded modules and filled caches, which forks share. Invariant:
nothing here opens a loop, a thread, a connection or a file that a fork would inherit.
"""

import asyncio
import json
import os
from dataclasses import asdict
from importlib import import_module

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


def isolation(settings: ProcessSettings) -> Isolation | None:
    """Find out in a child process how tools are isolated here; None when they are not, or it could not be found out."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.write(writing, json.dumps(asyncio.run(_probe(settings))).encode())
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as said:
        answer = said.read()
    os.waitpid(pid, 0)
    found = Isolation(**json.loads(answer)) if answer else None
    return found if found is not None and found.active else None


async def _probe(settings: ProcessSettings) -> dict[str, str]:
    root = settings.data_dir
    hidden, places = ((root,), Places.below(root)) if root is not None else ((), None)
    sandbox = await start_sandbox(settings.sandbox, settings.environment, hidden=hidden, places=places)
    return asdict(sandbox.isolation())
