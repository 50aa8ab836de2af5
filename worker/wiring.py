"""The worker's composition root: the only module of this room that names concrete adapters."""

import asyncio
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from pipeline.adapters.clock import SystemClock
from pipeline.adapters.environments.cache import SandboxEnvironments
from pipeline.adapters.forges.local import LocalForge
from pipeline.adapters.git.network import network_of
from pipeline.adapters.git.repository import cache_below, open_repository
from pipeline.adapters.git.runner import GitCommands
from pipeline.adapters.model_providers.anthropic import AnthropicProvider
from pipeline.adapters.redis_bell import RedisDeltas
from pipeline.adapters.sandbox.bubblewrap import start_sandbox
from pipeline.adapters.sandbox.identity import user_of_a_new_tree
from pipeline.adapters.sandbox.start_up_check import Places
from pipeline.adapters.secret_scanner import DetectSecretsScanner
from pipeline.adapters.signing import FileKeyStore
from pipeline.agents.crew import Crew
from pipeline.agents.live_text import LiveText
from pipeline.agents.messages_loop import MessagesLoop
from pipeline.change_request import RepositoryTarget
from pipeline.concurrency.rings import Rings
from pipeline.errors import CallerError
from pipeline.line.graph import Line, compile_line
from pipeline.llm.chains import scripted_models
from pipeline.llm.gateway import Gateway
from pipeline.llm.pricing import load_prices
from pipeline.machine.crash_points import crash_points
from pipeline.ports import Author, Bell, Clock, Deltas, Isolation, ModelProvider, Repository, Sandbox
from pipeline.settings.process import ProcessSettings
from pipeline.settings.runtime import RuntimeSettings
from pipeline.snapshots.saving import SnapshotPushes
from pipeline.snapshots.turn_diffs import TurnDiffs
from pipeline.stage.context import StageContext
from pipeline.store.bell import PostgresBell
from pipeline.store.checkpoints import checkpointer
from pipeline.store.deltas import PostgresDeltas
from pipeline.store.engine import Database, WorkerIdentity
from pipeline.store.instructions import StoredInstructions
from pipeline.store.journal import PostgresJournal
from pipeline.store.ledger import PostgresLedger
from pipeline.store.run_records.of_run import records_of
from pipeline.store.runs import Runs
from pipeline.version import version
from worker.mortality import mortal
from worker.order import Order

FORGES = {forge.kind: forge for forge in (LocalForge(),)}
"""A further forge is another line here and in the controller's wiring."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hands:
    """Everything one worker works with."""

    order: Order
    line: Line
    context: StageContext
    runs: Runs
    bell: Bell
    identity: WorkerIdentity
    heard: Rings


@asynccontextmanager
async def hands(order: Order, settings: ProcessSettings, isolation: Isolation | None = None) -> AsyncIterator[Hands]:
    """Open connections and adapters for one order; closes them in reverse. `isolation` is what is known of tools here."""
    url = database_url(settings)
    identity = WorkerIdentity(cr_id=order.cr_id, epoch=order.epoch)
    async with AsyncExitStack() as stack:
        database = Database(url, tenant=order.tenant, pool_max=4, worker=identity)
        stack.push_async_callback(database.close)
        bell = PostgresBell(database, url)
        runs = Runs(database, cr_id=order.cr_id, epoch=order.epoch)
        reached = crash_points(settings)
        saver = await stack.enter_async_context(
            checkpointer(url, tenant=order.tenant, worker=identity, reached=reached)
        )
        provider = _provider(settings)
        stack.push_async_callback(provider.aclose)
        sandbox = await start_sandbox(
            settings.sandbox, settings.environment, hidden=(data_directory(settings),),
            places=Places.below(data_directory(settings)), known=isolation,
        )  # fmt: skip
        live = await stack.enter_async_context(LiveText(_deltas(settings, order, database), order.cr_id))
        heard = Rings()
        context = await _context(order, settings, runs, database, provider, sandbox, live, heard)
        for repository in context.repositories.values():
            stack.callback(repository.close)
            stack.push_async_callback(repository.drop_spares)
        saving = asyncio.create_task(context.snapshots.run(), name="snapshots")
        stack.push_async_callback(_stop, saving)
        if reached is not None:
            context = mortal(context, reached)
        yield Hands(
            order=order, line=compile_line(saver), context=context, runs=runs, bell=bell, identity=identity, heard=heard
        )


async def _stop(background: "asyncio.Task[None]") -> None:
    background.cancel()
    await asyncio.wait({background})
    if not background.cancelled():
        background.result()


def database_url(settings: ProcessSettings) -> str:
    """Return the application role's URL; a worker without one was started by hand and told nothing."""
    if settings.database.url is None:
        raise CallerError(
            "A worker needs a database.", field="CHANGELINE_DATABASE__URL", remedy="Let `changeline up` start workers."
        )
    return settings.database.url.get_secret_value()


def data_directory(settings: ProcessSettings) -> Path:
    """Return the data directory, which whoever starts workers has fixed."""
    if settings.data_dir is None:
        raise CallerError("A worker needs the data directory.", field="CHANGELINE_DATA_DIR", remedy="Set it.")
    return settings.data_dir


async def _context(
    order: Order,
    settings: ProcessSettings,
    runs: Runs,
    database: Database,
    provider: ModelProvider,
    sandbox: Sandbox,
    live: LiveText,
    heard: Rings,
) -> StageContext:
    root = data_directory(settings)
    cr, progress = await runs.load()
    runtime_settings = RuntimeSettings.model_validate(cr.settings_snapshot)
    clock = SystemClock()
    records = records_of(database, cr_id=cr.id, attempt=order.attempt)
    author = own_author(settings)
    targets = {one.target.name: one.target for one in progress}
    repositories = await open_repositories(settings, order.tenant, targets, sandbox)
    scanner = DetectSecretsScanner()
    pushes = SnapshotPushes(
        cr_id=cr.id, epoch=order.epoch, repositories=repositories, scanner=scanner, limits=runtime_settings.pipeline,
        author=author, clock=clock, emit=records.events.emit,
    )  # fmt: skip
    crew = Crew(
        cr_id=cr.id, attempt=order.attempt, epoch=order.epoch, backend=MessagesLoop(),
        gateway=_gateway(settings, runtime_settings, order, database, clock, provider),
        journal=PostgresJournal(database), sandbox=sandbox, repositories=repositories.__getitem__,
        bring_back=pushes.bring_back,
        keep_diff=TurnDiffs(artifacts=records.artifacts, repository=repositories.__getitem__).keep,
        instructions=lambda _: StoredInstructions(database, cr_id=cr.id, heard=heard), emit=records.events.emit,
        limits=runtime_settings.pipeline, clock=clock, on_text=live.of,
    )  # fmt: skip
    return StageContext(
        cr_id=cr.id, attempt=order.attempt, epoch=order.epoch, title=cr.title, request_text=f"{cr.title}\n\n{cr.body}",
        requested_by=cr.created_by, requested_at=cr.created_at.isoformat(), source=cr.source, external_url=cr.external_url, settings=runtime_settings,
        targets=targets, agents=crew, repositories=repositories, snapshots=pushes, forges={name: FORGES[target.forge] for name, target in targets.items()}, sandbox=sandbox,
        environments=SandboxEnvironments(sandbox, root / "environments", settings.environment),
        results=records.results, progress=records.progress, specs=records.specs, test_runs=records.test_runs, findings=records.findings,
        artifacts=records.artifacts, gates=records.gates, effects=records.effects, interventions=records.interventions,
        learnings=records.learnings, pull_requests=records.pull_requests, spending=records.spending,
        scanner=scanner, signer=FileKeyStore(root / "keys").current(), clock=clock, emit=records.events.emit, author=author,
        workspaces=root / "worktrees" / cr.id / str(order.epoch), code_version=version(), scripted=settings.scenario is not None, known_hosts=settings.environment.registries,
    )  # fmt: skip


def own_author(settings: ProcessSettings) -> Author:
    """Return the identity of Changeline's commits."""
    git = settings.git
    return Author(name=git.author_name, email=git.author_email, signs_off=git.sign_off)


def _deltas(settings: ProcessSettings, order: Order, database: Database) -> Deltas:
    if settings.redis.url is None:
        return PostgresDeltas(database)
    return RedisDeltas(settings.redis.url.get_secret_value(), order.tenant)


async def open_repositories(
    settings: ProcessSettings, tenant: str, targets: Mapping[str, RepositoryTarget], sandbox: Sandbox
) -> dict[str, Repository]:
    """Open the caches of repositories, by their names; to be closed. `sandbox` is where tools will work in their trees."""
    # The composition root is where the surrounding environment enters; git takes only what it names itself.
    commands = GitCommands(
        timeout_s=settings.git.command_timeout_s, transfer_timeout_s=settings.git.transfer_timeout_s,
        transfer_max_bytes=settings.git.transfer_max_bytes, memory_max_bytes=settings.git.memory_max_bytes,
        environment=os.environ,  # noqa: TID251 - as said above
    )  # fmt: skip
    network = network_of(settings, commands)
    cache_dir = cache_below(data_directory(settings) / "git", tenant=tenant, owner=settings.tenant)
    author, clock = own_author(settings), SystemClock()
    contained = sandbox.isolation().active
    return {
        name: await open_repository(
            name=name, remote=network.remote(target.remote, tenant=tenant, reach=target.reach), cache_dir=cache_dir,
            commands=commands, author=author, clock=clock, new_user=user_of_a_new_tree if contained else lambda: None,
        )
        for name, target in targets.items()
    }  # fmt: skip


def _provider(settings: ProcessSettings) -> AnthropicProvider:
    key = settings.anthropic_api_key
    return AnthropicProvider(
        api_key=key.get_secret_value() if key else "", base_url=settings.anthropic_base_url,
        max_retries=settings.anthropic.max_retries, stall_timeout_s=settings.anthropic.stall_timeout_s,
    )  # fmt: skip


def _gateway(
    settings: ProcessSettings, runtime_settings: RuntimeSettings, order: Order, database: Database, clock: Clock,
    provider: ModelProvider,
) -> Gateway:  # fmt: skip
    limits = runtime_settings.pipeline
    ledger = PostgresLedger(
        database, cr_id=order.cr_id, attempt=order.attempt, budget_usd=limits.budget_usd,
        call_budget_usd=limits.call_budget_usd, stage_budget_usd=None,
    )  # fmt: skip
    models = scripted_models() if settings.scenario else runtime_settings.models
    return Gateway(providers={"anthropic": provider}, settings=models, prices=load_prices(), ledger=ledger, clock=clock)
