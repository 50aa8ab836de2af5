"""What one turn of an agent costs when the model takes no time: the loop, the journal, the ledger, a tool in the sandbox.

A long conversation minus a short one, divided by the turns between them, so that opening and handing in do not count.
"""

import asyncio
import statistics
import time
from pathlib import Path

from pydantic import BaseModel, Field

from bench import floors, sample, stored
from bench.figures import Figure, Floor, figure
from bench.installation import Installation
from bench.leased import Leased, leased
from pipeline.adapters.clock import SystemClock
from pipeline.adapters.model_providers.anthropic import AnthropicProvider
from pipeline.adapters.sandbox.bubblewrap import start_sandbox
from pipeline.agents.loop import run_agent
from pipeline.agents.task import AgentPorts, AgentTask, SubmitTool
from pipeline.agents.tools import ToolScope
from pipeline.agents.toolsets import ToolSet
from pipeline.change_request import Stage
from pipeline.identifiers import new_id
from pipeline.limits import Limits
from pipeline.llm.chains import scripted_models
from pipeline.llm.gateway import Gateway
from pipeline.llm.pricing import load_prices
from pipeline.ports import JournalKey, ModelClass, Sandbox
from pipeline.store.instructions import StoredInstructions
from pipeline.store.journal import PostgresJournal
from pipeline.store.ledger import PostgresLedger
from pipeline.store.run_records.of_run import records_of

GROUP = "turn"


class _Note(BaseModel):
    text: str = Field(min_length=1)


def measure(installation: Installation, *, quick: bool) -> list[Figure]:
    """Measure conversations of two lengths, then a model call and a sandbox by themselves."""
    return asyncio.run(_measure(installation, pairs=2 if quick else 6, floor_times=20 if quick else 50))


async def _measure(installation: Installation, *, pairs: int, floor_times: int) -> list[Figure]:
    tree = installation.root / "tree"
    tree.mkdir(exist_ok=True)
    settings = installation.settings
    sandbox = await start_sandbox(settings.sandbox, settings.environment, hidden=())
    samples: list[float] = []
    few, many = sample.TURNS
    async with leased(installation) as lease:
        ports = agent_ports(installation, lease, sandbox, tree)
        await converse(ports, lease, few)
        for _ in range(pairs):
            short, long = await converse(ports, lease, few), await converse(ports, lease, many)
            samples.append((long - short) * 1000 / (many - few))
        turns = (pairs + 1) * (few + 1) + pairs * (many + 1)
        kept = stored.journal_bytes(installation, lease.identity.cr_id) / turns
    calls = floors.model_calls(installation.model_url, floor_times, sample.FLOOR_ROLE)
    boxes = floors.sandboxes(floor_times) if sandbox.isolation().active else [0.0]
    floor = Floor("model call + bare bwrap", statistics.median(calls) + statistics.median(boxes))
    name = f"turn with one command ({sandbox.isolation().name})"
    return [
        figure(GROUP, name, samples, "ms", floor=floor),
        figure(GROUP, "floor: model call over plain HTTP", calls, "ms"),
        figure(GROUP, "floor: bwrap true", boxes, "ms"),
        Figure(group=GROUP, name="journal kept per turn", value=kept, unit="bytes"),
    ]


async def converse(ports: AgentPorts, lease: Leased, turns: int) -> float:
    """Have one conversation of so many turns with the scripted model; returns the seconds it took."""
    task = AgentTask(
        role=sample.TALKER, instance="bench", stage=Stage.DEVELOPMENT, repository="bench", model_class=ModelClass.DEFAULT,
        system=f"Role: {sample.TALKER}\nYou run commands.", context="", opening=sample.opening(turns),
        submit=SubmitTool(name="submit_note", description="Hand in.", model=_Note, judge=_Note.model_validate), toolset=ToolSet.READ_ONLY,
    )  # fmt: skip
    key = JournalKey(
        cr_id=lease.identity.cr_id, attempt=1, activation=new_id("act"), role=sample.TALKER, instance="bench"
    )
    started = time.perf_counter()
    await run_agent(task, key, ports)
    return time.perf_counter() - started


def agent_ports(installation: Installation, lease: Leased, sandbox: Sandbox, tree: Path) -> AgentPorts:
    """Return what an agent works with, everything of it real but the model's mind."""
    cr_id, limits, clock = lease.identity.cr_id, Limits(), SystemClock()
    records = records_of(lease.database, cr_id=cr_id, attempt=1)
    ledger = PostgresLedger(
        lease.database, cr_id=cr_id, attempt=1, budget_usd=limits.budget_usd, call_budget_usd=limits.call_budget_usd,
        stage_budget_usd=None,
    )  # fmt: skip
    provider = AnthropicProvider(api_key="scripted", base_url=installation.model_url, max_retries=0)
    gateway = Gateway(
        providers={provider.name: provider},
        settings=scripted_models(),
        prices=load_prices(),
        ledger=ledger,
        clock=clock,
    )
    return AgentPorts(
        gateway=gateway, journal=PostgresJournal(lease.database),
        instructions=StoredInstructions(lease.database, cr_id=cr_id), emit=records.events.emit, limits=limits,
        clock=clock, scope=ToolScope(sandbox=sandbox, root=tree, limits=limits),
    )  # fmt: skip
