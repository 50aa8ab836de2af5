"""Figures say what happened, of everything or of one repository."""

from dataclasses import asdict
from decimal import Decimal
from typing import Any

from sqlalchemy import insert

from pipeline import events
from pipeline.change_request import RepositoryTarget, Stage
from pipeline.ports import Usage
from pipeline.store.engine import Database
from pipeline.store.events import Events
from pipeline.store.ledger import PostgresLedger
from pipeline.store.tables import change_request_repositories
from tests.controller.conftest import Controller

USED = Usage(input_tokens=10, cache_write_tokens=0, cache_read_tokens=30, output_tokens=4)


async def _worked_on(store: Database, cr_id: str, repository: str, seconds: int) -> None:
    """Work done in one repository: a development that review sent back once, and a call that cost a quarter."""
    at: dict[str, Any] = {"repository": repository}
    looped = events.StageLooped(
        stage=Stage.REVIEW, back_to=Stage.DEVELOPMENT, loop=1, loops_max=3, why="A test is missing.", **at
    )
    async with store.transaction() as connection:
        target = RepositoryTarget(name=repository, remote=f"/srv/{repository}", base_branch="main")
        row = {"cr_id": cr_id, "repository": repository, "target": asdict(target)}
        await connection.execute(insert(change_request_repositories).values(**row))
        for event in (
            events.StageEntered(stage=Stage.DEVELOPMENT, **at),
            events.StageCompleted(stage=Stage.DEVELOPMENT, duration_s=seconds, outcome="done", **at),
            events.StageEntered(stage=Stage.REVIEW, **at),
            looped,
        ):
            await Events(connection).append(cr_id, event)
    one = Decimal(1)
    ledger = PostgresLedger(
        store, cr_id=cr_id, attempt=1, budget_usd=one, call_budget_usd=one, stage_budget_usd=None
    )  # fmt: skip
    reserved = await ledger.reserve(
        key=f"{cr_id}/{repository}", role="code_writer", stage="development", repository=repository, model="m",
        worst_case_usd=Decimal("0.5"),
    )  # fmt: skip
    await ledger.settle(reserved, usage=USED, cost_usd=Decimal("0.25"), latency_s=0.1)


async def test_figures_of_one_repository_leave_the_others_out(controller: Controller, store: Database) -> None:
    both, api_only = controller.submit()["id"], controller.submit(title="Another")["id"]
    async with store.transaction() as connection:
        await Events(connection).append(both, events.StageEntered(stage=Stage.RELEASE))
    await _worked_on(store, both, "shop", 10)
    await _worked_on(store, both, "api", 30)
    await _worked_on(store, api_only, "api", 50)

    everything = controller.client().get("/api/v1/analytics?days=7").json()
    shop = controller.client().get("/api/v1/analytics?days=7&repository=shop").json()

    def stage(figures: dict[str, Any], name: str) -> dict[str, Any]:
        return next(dict(one) for one in figures["stages"] if one["stage"] == name)

    assert stage(everything, "development")["median_s"] == 30
    assert stage(everything, "development")["p95_s"] == 48
    assert (stage(everything, "review")["first_pass"], stage(everything, "review")["loops"]) == (0, 3)
    assert stage(shop, "development")["median_s"] == stage(shop, "development")["p95_s"] == 10
    assert stage(shop, "release")["change_requests"] == 1, "a joint stage counts for each repository"
    assert [len(figures["throughput"]) for figures in (everything, shop)] == [7, 7]
    assert [figures["throughput"][-1]["submitted"] for figures in (everything, shop)] == [2, 1]
    assert [(row["name"], row["spent_usd"]) for row in shop["by_repository"]] == [("shop", "0.25")]
    spent = {row["name"]: (row["calls"], row["spent_usd"]) for row in everything["cost_per_day"]["repository"]}
    assert spent == {"shop": (1, "0.25"), "api": (2, "0.5")}
    assert [row["spent_usd"] for row in everything["cost_per_day"]["role"]] == ["0.75"]
    assert [row["name"] for row in shop["cost_per_day"]["model"]] == ["m"]
