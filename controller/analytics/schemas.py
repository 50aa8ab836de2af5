"""Figures as people read them."""

from datetime import date
from decimal import Decimal

from pydantic import BaseModel

from pipeline.change_request import Stage


class DayView(BaseModel):
    """What happened on one day, in UTC."""

    day: date
    submitted: int
    completed: int
    failed: int
    cancelled: int


class StageFigures(BaseModel):
    """How one stage does. `first_pass` is the share of change requests that it never sent back; None before any ran."""

    stage: Stage
    runs: int
    median_s: float
    p95_s: float
    change_requests: int
    loops: int
    first_pass: float | None


class MoneyView(BaseModel):
    """What one repository, role or model cost. Input that was read from the cache stands apart."""

    name: str
    calls: int
    spent_usd: Decimal
    fresh_tokens: int
    cached_tokens: int
    output_tokens: int


class CostDayView(BaseModel):
    """What one repository, role or model cost on one day, in UTC."""

    day: date
    name: str
    calls: int
    spent_usd: Decimal


class CostPerDay(BaseModel):
    """The same money three times, in the order of days; days without calls are absent."""

    repository: list[CostDayView]
    role: list[CostDayView]
    model: list[CostDayView]


class Analytics(BaseModel):
    """Figures of the last days, of everything or one repository."""

    days: int
    repository: str | None
    throughput: list[DayView]
    median_lead_s: float | None
    """From submission to completion, waits for people included."""
    stages: list[StageFigures]
    by_repository: list[MoneyView]
    by_role: list[MoneyView]
    by_model: list[MoneyView]
    cost_per_day: CostPerDay
