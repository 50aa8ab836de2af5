"""Readiness: the database answers, its schema is this version's, the background works."""

from controller.context import ControllerContext
from controller.operations.schema_check import OK
from controller.operations.schemas import AuditPage, AuditView, Readiness
from pipeline.access import Principal
from pipeline.errors import TransientError
from pipeline.store.audit import Audit
from pipeline.store.board import Board
from pipeline.store.principals import tenant_ids


async def readiness(context: ControllerContext) -> Readiness:
    """Check everything and name what is not right."""
    checks = {"database": await _database(context), "workers": _workers(context)}
    checks |= {loop.name: OK if loop.healthy else "not working" for loop in context.loops}
    return Readiness(ready=all(state == OK for state in checks.values()), checks=checks)


async def measure(context: ControllerContext) -> bytes:
    """Return metrics, with gauges brought up to date as far as the database answers."""
    metrics = context.metrics
    metrics.streams.set(context.tailer.clients)
    for loop in context.loops:
        metrics.loop_healthy.labels(loop=loop.name).set(int(loop.healthy))
    try:
        totals = await _count(context)
    except TransientError:
        totals = {}
    for status, number in totals.items():
        metrics.change_requests.labels(status=status).set(number)
    return metrics.render()


async def audit(
    context: ControllerContext, principal: Principal, *, limit: int, before: int | None, target: str | None
) -> AuditPage:
    """Return audit entries, newest first."""
    async with context.database.transaction(principal.tenant) as connection:
        found = await Audit(connection).page(limit=limit + 1, before=before, target=target)
    shown = found[:limit]
    items = [AuditView(**{name: getattr(one, name) for name in AuditView.model_fields}) for one in shown]
    return AuditPage(items=items, next_before=shown[-1].id if len(found) > limit else None)


async def _database(context: ControllerContext) -> str:
    try:
        return await context.schema.state()
    except TransientError as away:
        return away.message


def _workers(context: ControllerContext) -> str:
    return OK if context.wiring.launcher.ready else "workers cannot be started yet"


async def _count(context: ControllerContext) -> dict[str, int]:
    async with context.database.transaction() as connection:
        tenants = await tenant_ids(connection)
    totals: dict[str, int] = {}
    for tenant in tenants:
        async with context.database.transaction(tenant) as connection:
            for status, number in (await Board(connection).count_by_status()).items():
                totals[status] = totals.get(status, 0) + number
    return totals
