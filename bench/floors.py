"""The same work done as barely as possible: what no product on this machine could do faster.

Samples are in milliseconds. Plain tables lie in a database of their own, without tenants, policies or triggers.
"""

import asyncio
import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypedDict

import httpx2
import psycopg
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
from langgraph.graph import END, START, StateGraph
from psycopg.rows import dict_row
from psycopg_pool import AsyncConnectionPool

from bench.installation import Installation
from cli import own_processes

PLAIN = "bench_plain"
ROW_BYTES = 4_000
_SYSTEM = ("/usr", "/bin", "/lib", "/lib64")


def plain_database(installation: Installation) -> str:
    """Return the address of an empty database beside ours, made on the first call."""
    server = installation.servers.postgres
    if server is None:
        raise RuntimeError("A bench runs on the embedded server.")
    with psycopg.connect(server.superuser_url(), autocommit=True) as connection:
        known = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (PLAIN,)).fetchone()
        if known is None:
            connection.execute(f"CREATE DATABASE {PLAIN}")
    return server.superuser_url(PLAIN)


def round_trips(url: str, times: int) -> list[float]:
    """Ask the controller for a sign of life over one open connection."""
    with httpx2.Client(base_url=url, trust_env=False) as http:
        return timed(lambda: http.get("/healthz"), times)


def committed_inserts(url: str, times: int, body: bytes = b"x" * ROW_BYTES) -> list[float]:
    """Insert one row per transaction on one open connection."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS rows (id bigserial PRIMARY KEY, body bytea NOT NULL)")
        return timed(lambda: connection.execute("INSERT INTO rows (body) VALUES (%s)", (body,)), times)


def committed_rows(url: str, groups: Sequence[Sequence[bytes]]) -> list[float]:
    """Insert groups of rows, one transaction a row; a sample is a group."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS texts (id bigserial PRIMARY KEY, body text NOT NULL)")
        waiting = iter([groups[0], *groups])

        def insert() -> None:
            for body in next(waiting):
                connection.execute("INSERT INTO texts (body) VALUES (%s)", (body.decode(),))

        return timed(insert, len(groups))


def rings(url: str, times: int) -> list[float]:
    """Ring on one connection and hear it on another."""
    with psycopg.connect(url, autocommit=True) as ringing, psycopg.connect(url, autocommit=True) as listening:
        listening.execute("LISTEN bench")

        def ring() -> None:
            ringing.execute("SELECT pg_notify('bench', '')")
            for _ in listening.notifies(stop_after=1):
                pass

        return timed(ring, times)


def kills(times: int) -> list[float]:
    """Kill a process group of a shell and its child, up to the end of both."""
    return [_kill() for _ in range(times)]


def forks(url: str, times: int) -> list[float]:
    """Fork a process that has imported what a worker imports, and let the child open a database connection."""
    argv = own_processes.module("bench.fork_floor", str(times))
    done = subprocess.run(argv, env=own_processes.environment(), input=url, check=True, capture_output=True, text=True)
    return [float(sample) for sample in json.loads(done.stdout)]


def model_calls(url: str, times: int, role: str) -> list[float]:
    """Ask the scripted model over plain HTTP on one open connection, and read its stream to the end."""
    request = {
        "model": "scripted", "max_tokens": 1_000, "system": f"Role: {role}", "stream": True,
        "messages": [{"role": "user", "content": "Hello."}],
    }  # fmt: skip
    with httpx2.Client(base_url=url, trust_env=False) as http:
        return timed(lambda: http.post("/v1/messages", json=request).raise_for_status(), times)


def sandboxes(times: int) -> list[float]:
    """Run `true` under bubblewrap with every namespace and nothing else."""
    binds = [word for path in _SYSTEM if Path(path).exists() for word in ("--ro-bind", path, path)]
    argv = ["bwrap", "--unshare-all", "--die-with-parent", *binds, "--proc", "/proc", "--dev", "/dev", "true"]
    return timed(lambda: subprocess.run(argv, check=True, capture_output=True), times)


class _Counted(TypedDict):
    count: int


async def plain_graph(url: str, nodes: int, times: int) -> list[float]:
    """Run linear graphs on LangGraph's own tables; returns milliseconds a node, one sample a run."""
    pool: AsyncConnectionPool[Any] = AsyncConnectionPool(
        url, min_size=1, max_size=4, open=False,
        kwargs={"autocommit": True, "prepare_threshold": 0, "row_factory": dict_row},
    )  # fmt: skip
    async with pool:
        saver = AsyncPostgresSaver(pool)
        await saver.setup()
        return await linear_graph(saver, nodes, times, "plain")


async def linear_graph(saver: BaseCheckpointSaver[str], nodes: int, times: int, thread: str) -> list[float]:
    """Run a graph of nodes that count, one after the other, each run in a thread of its own."""
    graph = StateGraph(_Counted)
    previous = START
    for number in range(nodes):
        graph.add_node(f"node_{number}", _count)
        graph.add_edge(previous, f"node_{number}")
        previous = f"node_{number}"
    graph.add_edge(previous, END)
    line = graph.compile(checkpointer=saver)
    samples: list[float] = []
    for number in range(-1, times):
        config: RunnableConfig = {"configurable": {"thread_id": f"{thread}/{number}"}, "recursion_limit": nodes + 10}
        started = time.perf_counter()
        await line.ainvoke({"count": 0}, config, durability="sync")
        if number >= 0:
            samples.append((time.perf_counter() - started) * 1000 / nodes)
        await asyncio.sleep(0)
    return samples


def timed(act: Callable[[], object], times: int) -> list[float]:
    """Return the milliseconds of each call after one that does not count."""
    act()
    samples: list[float] = []
    for _ in range(times):
        started = time.perf_counter()
        act()
        samples.append((time.perf_counter() - started) * 1000)
    return samples


def _kill() -> float:
    argv = ["/bin/sh", "-c", "sleep 600 & echo; exec sleep 600"]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, start_new_session=True) as process:
        if process.stdout is None:
            raise RuntimeError("A pipe was asked for.")
        process.stdout.readline()
        started = time.perf_counter()
        os.killpg(process.pid, signal.SIGKILL)
        # Both hold the pipe, so its end is the end of both.
        process.stdout.read()
        return (time.perf_counter() - started) * 1000


async def _count(state: _Counted) -> _Counted:
    return {"count": state["count"] + 1}
