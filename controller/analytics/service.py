"""Reading figures. Nothing here changes anything."""

from datetime import UTC, datetime, timedelta

from controller.analytics import schemas
from controller.change_requests.schemas import plain_usd
from controller.context import ControllerContext
from pipeline.access import Principal
from pipeline.change_request import Stage
from pipeline.store.analytics import CostDay, Figures, MoneyRow, StageRow


async def over(
    context: ControllerContext, principal: Principal, days: int, repository: str | None
) -> schemas.Analytics:
    """Return the figures of the last `days`, today included, of everything or one repository."""
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    since = today - timedelta(days=days - 1)
    async with context.database.transaction(principal.tenant) as connection:
        figures = Figures(connection, since=since, repository=repository)
        by_day = await figures.throughput()
        lead_s = await figures.median_lead_s()
        stages = await figures.stages()
        by_repository, by_role, by_model = [await figures.money(name) for name in _GROUPS]
        per_day = {name: await figures.cost_per_day(name) for name in _GROUPS}
    return schemas.Analytics(
        days=days,
        repository=repository,
        throughput=[
            schemas.DayView(day=day, **by_day.get(day, _NOTHING))
            for day in ((since + timedelta(days=number)).date() for number in range(days))
        ],
        median_lead_s=lead_s,
        stages=[_stage(stage, stages[stage.value]) for stage in Stage if stage.value in stages],
        by_repository=[_money(row) for row in by_repository],
        by_role=[_money(row) for row in by_role],
        by_model=[_money(row) for row in by_model],
        cost_per_day=schemas.CostPerDay(**{name: [_cost_day(row) for row in rows] for name, rows in per_day.items()}),
    )


_GROUPS = ("repository", "role", "model")
_NOTHING = {"submitted": 0, "completed": 0, "failed": 0, "cancelled": 0}


def _stage(stage: Stage, row: StageRow) -> schemas.StageFigures:
    passed = None if row.entered == 0 else max(0.0, 1 - row.sent_back / row.entered)
    return schemas.StageFigures(
        stage=stage, runs=row.runs, median_s=row.median_s, p95_s=row.p95_s, change_requests=row.entered,
        loops=row.loops, first_pass=passed,
    )  # fmt: skip


def _money(row: MoneyRow) -> schemas.MoneyView:
    return schemas.MoneyView(
        name=row.name, calls=row.calls, spent_usd=plain_usd(row.spent_usd), fresh_tokens=row.fresh_tokens,
        cached_tokens=row.cached_tokens, output_tokens=row.output_tokens,
    )  # fmt: skip


def _cost_day(row: CostDay) -> schemas.CostDayView:
    return schemas.CostDayView(day=row.day, name=row.name, calls=row.calls, spent_usd=plain_usd(row.spent_usd))
