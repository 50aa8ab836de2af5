"""The composition root of the controller: what exists, who knows whom, what starts and stops."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

from fastapi import FastAPI

from controller import errors
from controller.analytics import routes as analytics_routes
from controller.auth import routes as auth_routes
from controller.background.bells import BellHub
from controller.background.deltas import DeltaEar
from controller.background.events import EventTailer
from controller.background.notifications import Announcer, DeliverNotification, DeliverReport
from controller.background.outbox import Outbox
from controller.background.supervision import Loop, supervise
from controller.background.timers import TimerLoop
from controller.background.workers import Workers, owner_name
from controller.change_requests import routes as change_request_routes
from controller.cleanup import routes as cleanup_routes
from controller.context import ControllerContext
from controller.effects import routes as effect_routes
from controller.events import routes as event_routes
from controller.events.open_streams import OpenStreams
from controller.gates import routes as gate_routes
from controller.guard import Guard, allowed_hosts
from controller.interventions import routes as intervention_routes
from controller.journals import routes as journal_routes
from controller.learnings import routes as learning_routes
from controller.metrics import Metrics
from controller.operations import routes as operation_routes
from controller.operations.schema_check import SchemaCheck
from controller.problems import Problem
from controller.pull_requests import PullRequestCloser, PullRequestProposer
from controller.repositories import routes as repository_routes
from controller.settings import routes as settings_routes
from controller.signers import routes as signer_routes
from controller.static import packaged_dashboard, static_routes
from controller.test_logs import routes as test_log_routes
from controller.turns import routes as turn_routes
from controller.version import program_version
from controller.views import routes as view_routes
from controller.wiring import ControllerWiring, EffectExecutor
from pipeline.adapters.network.webhook_receivers import WebhookNotifier, WebhookTracker
from pipeline.adapters.redis_bell import FallbackBell, RedisBell, RedisTenantDeltas
from pipeline.effects.kinds import EffectKind
from pipeline.identifiers import new_id
from pipeline.ports import TenantBell, TenantDeltas
from pipeline.store.bell import PostgresTenantBell
from pipeline.store.deltas import PostgresTenantDeltas
from pipeline.store.engine import Database

_FEATURES = (
    change_request_routes, event_routes, intervention_routes, cleanup_routes, view_routes, turn_routes, test_log_routes, gate_routes, settings_routes,
    repository_routes, learning_routes, journal_routes, effect_routes, auth_routes, operation_routes,
    analytics_routes, signer_routes,
)  # fmt: skip

_PROBLEM = {"$ref": "#/components/schemas/Problem"}
_ERRORS: dict[int | str, dict[str, Any]] = {
    "default": {"description": "A problem (RFC 9457).", "content": {errors.MEDIA_TYPE: {"schema": _PROBLEM}}}
}

Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]


def create_app(wiring: ControllerWiring) -> FastAPI:
    """Build the controller. Nothing is opened before the application starts; everything is closed when it stops."""
    context = _context(wiring)
    app = bare_app(_lifespan(context))
    app.state.context = context
    app.include_router(static_routes(wiring.dashboard or packaged_dashboard()))
    app.add_middleware(Guard, hosts=sorted(allowed_hosts(wiring.settings)), metrics=context.metrics)
    return app


def bare_app(lifespan: Lifespan | None = None) -> FastAPI:
    """Build the routes alone, for the schema; serving them needs the context that `create_app` adds."""
    app = FastAPI(
        title="Changeline",
        summary="Carries a change request from a ticket to released code.",
        version=program_version(),
        openapi_url="/api/openapi.json",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        lifespan=lifespan,
        responses=_ERRORS,
        telemetry={
            "tracing": False,
            "metrics": False,
            "logs": False,
            "operation_spans": False,
            "auto_configure": False,
        },
        generate_unique_id_function=lambda route: route.name,
    )
    for feature in _FEATURES:
        app.include_router(feature.router)
    app.include_router(change_request_routes.attention_router)
    app.include_router(cleanup_routes.stale_router)
    errors.install(app)
    _name_problems(app)
    return app


def _name_problems(app: FastAPI) -> None:
    built = app.openapi

    def openapi() -> dict[str, Any]:
        schema = built()
        problem = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
        schema.setdefault("components", {}).setdefault("schemas", {}).setdefault("Problem", problem)
        return schema

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's documented way to extend the schema


def _context(wiring: ControllerWiring) -> ControllerContext:
    settings, pace = wiring.settings, wiring.pace
    database = Database(wiring.database_url, tenant=settings.tenant, pool_max=settings.database.pool_max)
    bells, metrics = BellHub(wiring.bell or _bell(wiring, database)), Metrics()
    owner = owner_name(new_id("ctl"))
    tailer, streams = EventTailer(database), OpenStreams(database, stall_s=pace.client_stall_s)
    ear = DeltaEar(_deltas(wiring, database), tailer)
    queue_wake = asyncio.Event()
    workers = Workers(
        database=database, bells=bells, launcher=wiring.launcher, settings=settings, metrics=metrics, owner=owner,
        alone=wiring.alone, on_ready=queue_wake.set,
    )  # fmt: skip
    outbox, delivering = (
        Outbox(
            database=database, bells=bells, executors=executors, metrics=metrics, owner=owner, settings=settings.effects,
            deliveries=deliver, alone=wiring.alone, reached=wiring.reached,
        )
        for executors, deliver in ((_executors(wiring, database), False), (_deliverers(wiring, database), True))
    )  # fmt: skip
    timers = TimerLoop(database=database, bells=bells, settings=settings.timers)
    announcer = Announcer(database=database, bells=bells)
    loops = [
        Loop(name="bells", tick=bells.hear, interval_s=pace.events_s, continuous=True),
        Loop(name="events", tick=tailer.tick, interval_s=pace.events_s),
        Loop(name="deltas", tick=ear.hear, interval_s=pace.events_s, continuous=True),
        Loop(name="pulse", tick=tailer.pulse, interval_s=pace.heartbeat_s),
        Loop(name="stalled", tick=streams.end_stalled, interval_s=pace.client_stall_s / 4),
        Loop(name="unwelcome", tick=streams.end_unwelcome, interval_s=pace.heartbeat_s),
        Loop(name="launcher", tick=lambda: wiring.launcher.run(workers), interval_s=pace.dispatch_s, continuous=True),
        Loop(name="dispatch", tick=workers.dispatch, interval_s=pace.dispatch_s, wake=queue_wake),
        Loop(name="reaper", tick=workers.reap, interval_s=pace.reaper_s),
        Loop(name="outbox", tick=outbox.tick, interval_s=pace.outbox_s),
        Loop(name="deliveries", tick=delivering.tick, interval_s=pace.outbox_s),
        Loop(name="announcer", tick=announcer.tick, interval_s=pace.announcer_s),
        Loop(name="timers", tick=timers.tick, interval_s=pace.timers_s),
    ]
    topics = (("events", "events"), ("queue", "dispatch"), ("effects", "outbox"), ("effects", "deliveries"))
    for topic, name in topics:
        bells.wake_on(topic, next(loop.wake for loop in loops if loop.name == name))
    return ControllerContext(
        wiring=wiring, database=database, bells=bells, tailer=tailer, streams=streams, metrics=metrics, loops=loops,
        schema=SchemaCheck(database, wiring.database_url), controller_id=owner,
    )  # fmt: skip


def _executors(wiring: ControllerWiring, database: Database) -> Mapping[EffectKind, EffectExecutor]:
    if not wiring.forges:
        return wiring.executors
    return {
        EffectKind.PULL_REQUEST: PullRequestProposer(database, wiring.forges),
        EffectKind.CLOSE_PULL_REQUEST: PullRequestCloser(database, wiring.forges),
        **wiring.executors,
    }


def _deliverers(wiring: ControllerWiring, database: Database) -> Mapping[EffectKind, EffectExecutor]:
    if wiring.webhooks is None:
        return {}
    secret = wiring.settings.webhook.report_secret
    return {
        EffectKind.REPORT: DeliverReport(database, WebhookTracker(wiring.webhooks), secret=secret),
        EffectKind.NOTIFICATION: DeliverNotification(database, WebhookNotifier(wiring.webhooks)),
    }


def _bell(wiring: ControllerWiring, database: Database) -> TenantBell:
    postgres = PostgresTenantBell(database, wiring.database_url)
    return FallbackBell(RedisBell(wiring.redis_url), postgres) if wiring.redis_url else postgres


def _deltas(wiring: ControllerWiring, database: Database) -> TenantDeltas:
    if wiring.redis_url:
        return RedisTenantDeltas(wiring.redis_url)
    return PostgresTenantDeltas(database, wiring.database_url)


def _lifespan(context: ControllerContext) -> Lifespan:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        background = asyncio.create_task(supervise(context.loops, app.state.outages), name="background")
        try:
            yield
        finally:
            await context.tailer.close()
            await context.wiring.launcher.close()
            background.cancel()
            await asyncio.gather(background, return_exceptions=True)
            await context.bells.close()
            await context.database.close()

    return lifespan
