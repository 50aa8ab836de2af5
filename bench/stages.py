"""What one node costs: LangGraph alone, LangGraph on our fenced tables, and a stage that does nothing.

All three run on the same server with the same saver and `durability="sync"`. The last one is everything the pipeline
adds to a stage: looking for a valid result, storing one, entering, two events with their rings, and the decision.
"""

import asyncio
import time
from dataclasses import replace
from typing import Any, cast

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.graph import END, START, StateGraph

from bench import floors, stored
from bench.figures import Figure, Floor, figure
from bench.installation import Installation
from bench.leased import Leased, leased
from pipeline.adapters.clock import SystemClock
from pipeline.change_request import RepositoryTarget, Stage
from pipeline.limits import Limits
from pipeline.line.execution import stage_node
from pipeline.ports import Author
from pipeline.settings.runtime import RuntimeSettings
from pipeline.snapshots.saving import SnapshotPushes
from pipeline.stage.context import StageContext
from pipeline.stage.registry import declared, line_stages
from pipeline.stage.run import StageEnd, StageRun
from pipeline.stage.state import RepositoryTask, RunState
from pipeline.store.checkpoints import checkpointer
from pipeline.store.run_records.of_run import RunRecords, records_of

GROUP = "stage"
NODES = 20
THREADS = "stages/"


def measure(installation: Installation, *, quick: bool) -> list[Figure]:
    """Measure all three, one after the other."""
    runs = 5 if quick else 15
    return asyncio.run(_measure(installation, runs))


async def _measure(installation: Installation, runs: int) -> list[Figure]:
    plain = await floors.plain_graph(floors.plain_database(installation), NODES, runs)
    async with (
        leased(installation) as lease,
        checkpointer(lease.url, tenant=lease.tenant, worker=lease.identity) as saver,
    ):
        ours = await floors.linear_graph(saver, NODES, runs, lease.identity.cr_id)
        stages = await _stages(saver, lease, installation, runs)
    kept = stored.checkpoint_bytes(installation, THREADS)
    bare = figure(GROUP, "node, LangGraph on plain tables", plain, "ms")
    floor = Floor(bare.name, bare.value)
    return [
        bare,
        figure(GROUP, "node, LangGraph on our fenced tables", ours, "ms", floor=floor),
        figure(GROUP, "stage with a body that does nothing", stages, "ms", floor=floor),
        Figure(
            group=GROUP, name="checkpoints kept per stage", value=kept / len(_stages_alone()) / (runs + 1), unit="bytes"
        ),
    ]


def _stages_alone() -> list[Stage]:
    return [stage for stage in line_stages() if not declared(stage).per_repository]


async def _stages(saver: BaseCheckpointSaver[str], lease: Leased, installation: Installation, runs: int) -> list[float]:
    graph = StateGraph(RunState, context_schema=StageContext)
    previous = START
    for stage in _stages_alone():
        idle = replace(declared(stage), body=_nothing, inputs=_no_inputs)
        graph.add_node(stage.value, cast("Any", stage_node(stage, idle)), input_schema=RepositoryTask)
        graph.add_edge(previous, stage.value)
        previous = stage.value
    graph.add_edge(previous, END)
    line = graph.compile(checkpointer=saver)
    samples: list[float] = []
    for number in range(-1, runs):
        context = _context(lease, installation, attempt=number + 2)
        config: RunnableConfig = {"configurable": {"thread_id": f"{THREADS}{number}"}, "recursion_limit": NODES + 10}
        first: RunState = {"repositories": {}, "outcomes": {}, "loops": {}, "notes": {}}
        started = time.perf_counter()
        await line.ainvoke(first, config, context=context, durability="sync")
        if number >= 0:
            samples.append((time.perf_counter() - started) * 1000 / len(_stages_alone()))
    return samples


def _context(lease: Leased, installation: Installation, *, attempt: int) -> StageContext:
    """Return what a stage runs with; ports that a body of nothing never asks are left out."""
    cr_id = lease.identity.cr_id
    records = records_of(lease.database, cr_id=cr_id, attempt=attempt)
    unused: Any = None
    return StageContext(
        cr_id=cr_id, attempt=attempt, epoch=lease.identity.epoch, title="", request_text="", requested_by="bench",
        requested_at="", source="api", external_url=None, settings=RuntimeSettings(),
        targets={"bench": RepositoryTarget(name="bench", remote="/nowhere", base_branch="main")},
        results=records.results, progress=records.progress, specs=records.specs, test_runs=records.test_runs,
        findings=records.findings, artifacts=records.artifacts, gates=records.gates, effects=records.effects,
        interventions=records.interventions, learnings=records.learnings, pull_requests=records.pull_requests,
        spending=records.spending,
        agents=unused, repositories={}, snapshots=_no_snapshots(lease, records), forges={}, sandbox=unused, environments=unused, scanner=unused, signer=unused,
        clock=SystemClock(), emit=records.events.emit, author=Author(name="Bench", email="bench@localhost"),
        workspaces=installation.root, code_version="bench", scripted=True,
    )  # fmt: skip


def _no_snapshots(lease: Leased, records: RunRecords) -> SnapshotPushes:
    unused: Any = None
    return SnapshotPushes(
        cr_id=lease.identity.cr_id, epoch=lease.identity.epoch, repositories={}, scanner=unused, limits=Limits(),
        author=unused, clock=SystemClock(), emit=records.events.emit,
    )  # fmt: skip


async def _nothing(_run: StageRun) -> StageEnd:
    return StageEnd()


def _no_inputs(_run: StageRun) -> list[Any]:
    return []
