"""What the store hands out: frozen read models, one per aggregate."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict

from pipeline.change_request import Kind, PauseReason, RepositoryTarget, Stage, Status, WaitKind
from pipeline.events import Event, read_event
from pipeline.stage.state import RunState


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeRequest:
    """One change request as stored."""

    id: str
    tenant_id: str
    kind: Kind
    source: str
    external_id: str | None
    external_url: str | None
    title: str
    body: str
    status: Status
    stage: Stage | None
    pause_reason: PauseReason | None
    pause_message: str
    pause_facts: Mapping[str, Any]
    wait_kind: WaitKind | None
    wait_id: str | None
    attempt: int
    structured: Mapping[str, Any]
    settings_snapshot: Mapping[str, Any]
    cost_usd: Decimal
    created_by: str
    created_at: datetime
    updated_at: datetime
    queued_at: datetime
    finished_at: datetime | None
    report_url: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewChangeRequest:
    """What submit stores. `repositories` are frozen copies of the registered ones."""

    id: str
    title: str
    body: str
    created_by: str
    repositories: tuple[RepositoryTarget, ...]
    settings_snapshot: Mapping[str, Any]
    source: str = "api"
    external_id: str | None = None
    external_url: str | None = None
    kind: Kind = Kind.CHANGE
    report_url: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestRevision:
    """One text of a request. `origin` is submitted, edited or source; `state` is taken, proposed, declined or late."""

    revision: int
    origin: str
    state: str
    title: str
    body: str
    changed_by: str
    created_at: datetime
    decided_by: str | None
    decided_at: datetime | None

    @property
    def text(self) -> str:
        """Title and body as one text."""
        return f"{self.title}\n\n{self.body}"


@dataclass(frozen=True, slots=True, kw_only=True)
class RepositoryProgress:
    """How far one repository of a change request is: full commit SHAs, None until known."""

    target: RepositoryTarget
    base_commit: str | None
    tests_commit: str | None
    head_commit: str | None
    merge_commit: str | None
    branch: str | None
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredEvent:
    """One event with its commit-ordered public number, and those of the tenant's and the change request's event before it.

    Who only looks back reads them without the numbers before them.
    """

    seq: int
    previous: int | None = None
    previous_of_cr: int | None = None
    cr_id: str
    type: str
    payload: Mapping[str, Any]
    """As stored: what streams send without looking into it."""
    at: datetime

    @property
    def event(self) -> Event | None:
        """What happened; None for an event that this version cannot read. Parsed each time it is asked for."""
        return read_event(self.payload)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpiredLease:
    """A lease whose holder fell silent."""

    cr_id: str
    epoch: int
    owner: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SpecRevision:
    """One revision of the behaviour spec of one repository. `spec` is the validated submission, JSON-plain."""

    repository: str
    revision: int
    feature: str
    spec: Mapping[str, Any]
    content_hash: str
    verified: bool


class RunPurpose(StrEnum):
    """Which proof one of the pipeline's own test runs serves."""

    BASELINE = "baseline"
    BASELINE_AGAIN = "baseline_again"
    """Only where a test fails on the head that passed on the base: which tests are flaky."""
    PRESERVE_ON_BASE = "preserve_on_base"
    RED = "red"
    GREEN_CHANGE = "green_change"
    GREEN_PRESERVE = "green_preserve"
    GREEN_SUITE = "green_suite"
    GREEN_SUITE_AGAIN = "green_suite_again"
    """What failed on the head and not on the base, run again before it is blamed."""
    INVERTED = "inverted"
    """The change tests on the head with a failure planted at the end of each."""
    REVERTED = "reverted"
    """The change tests on the head with the change taken out again; only where the red witness saw another tree."""
    MUTATED = "mutated"
    """The change tests on a small wrong version of the head; none of these runs is kept."""
    HANDED_BACK = "handed_back"
    OTHER = "other"
    """Of a row that an earlier version wrote; nothing is concluded from it."""

    @classmethod
    def _missing_(cls, _value: object) -> "RunPurpose":
        return cls.OTHER


@dataclass(frozen=True, slots=True, kw_only=True)
class TestRun:
    """One of the pipeline's own test runs. `report` and `verdict` are JSON-plain; `pipeline.proof.stored_runs` reads them."""

    __test__ = False

    id: str
    attempt: int
    repository: str
    stage: Stage
    activation: str
    purpose: RunPurpose
    commit: str
    ok: bool
    report: Mapping[str, Any]
    verdict: Mapping[str, Any]
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelCall:
    """One model call as the ledger has it: reserved at its worst case, settled to what it cost."""

    key: str
    attempt: int
    stage: str
    repository: str | None
    role: str
    model: str
    status: str
    worst_case_usd: Decimal
    cost_usd: Decimal
    input_tokens: int
    cache_write_tokens: int
    cache_read_tokens: int
    output_tokens: int
    estimated: bool
    latency_ms: int
    reserved_at: datetime
    settled_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptUse:
    """The prompt that one conversation of a role began with, by its SHA-256; empty where it was not recorded."""

    role: str
    prompt_hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StageResult:
    """What a stage produced for one repository (or '' for the whole change request) from the inputs of that hash."""

    repository: str
    stage: Stage
    activation: str
    inputs_hash: str
    update: RunState
    """What it adds to the state of the run."""


class StoredResult(BaseModel):
    """The column that keeps what a stage produced."""

    model_config = ConfigDict(frozen=True)

    update: dict[str, Any]
    """As `StageResult.update`, of whatever version."""
