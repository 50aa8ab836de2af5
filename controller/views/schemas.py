"""The views of one change request."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from pydantic import BaseModel

from pipeline.change_request import Stage
from pipeline.findings import FindingSource, Severity
from pipeline.gates.content import MovedBase


class SpecView(BaseModel):
    """One revision of the behaviour spec of one repository, in Gherkin."""

    repository: str
    revision: int
    feature: str
    spec: dict[str, Any]
    content_hash: str
    verified: bool


class SpecList(BaseModel):
    """All revisions of an attempt, by repository and revision."""

    attempt: int
    items: list[SpecView]


class ChangedFileView(BaseModel):
    """One path of a diff."""

    path: str
    status: str
    added: int
    removed: int
    binary: bool
    old_path: str | None


class RepositoryDiffView(BaseModel):
    """What changed in one repository. Without commits so far, `patch` is empty."""

    repository: str
    base: str | None
    head: str | None
    files: list[ChangedFileView]
    patch: str
    truncated: bool


class DiffList(BaseModel):
    """One diff per repository."""

    items: list[RepositoryDiffView]


class TestRunView(BaseModel):
    """One of the pipeline's own test runs."""

    __test__ = False

    id: str
    attempt: int
    repository: str
    stage: Stage
    purpose: str
    commit: str
    ok: bool
    report: dict[str, Any]
    verdict: dict[str, Any]
    created_at: datetime


class TestRunList(BaseModel):
    """Test runs of an attempt, oldest first."""

    __test__ = False

    attempt: int
    items: list[TestRunView]


class FindingView(BaseModel):
    """What a reviewer or check reported."""

    repository: str
    source: FindingSource
    severity: Severity
    blocking: bool
    category: str
    message: str
    file: str | None
    line: int | None
    remedy: str | None


class JudgeView(BaseModel):
    """What a reviewer or checker opened before its last verdict."""

    role: str
    repository: str
    """Empty where all repositories were judged together."""
    verdict: str
    turns: int
    files: list[str]
    """The first of them, by path."""
    files_opened: int
    commands: int
    calls: int
    """Tool calls, commands included."""
    failed: int
    """How many of the calls failed."""


class FindingList(BaseModel):
    """Findings of an attempt, oldest first, and who judged it."""

    attempt: int
    items: list[FindingView]
    judges: list[JudgeView]


class SpendingView(BaseModel):
    """Money and tokens of one group of calls; cached and fresh input apart."""

    group: dict[str, str]
    calls: int
    spent_usd: Decimal
    reserved_usd: Decimal
    input_tokens: int
    cache_write_tokens: int
    cache_read_tokens: int
    output_tokens: int
    estimated_calls: int


class CallView(BaseModel):
    """One model call."""

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


class CostView(BaseModel):
    """Where the money went."""

    budget_usd: Decimal
    total: SpendingView
    by_stage: list[SpendingView]
    by_role: list[SpendingView]
    by_model: list[SpendingView]
    calls: list[CallView]


class ConversationView(BaseModel):
    """One conversation of one agent."""

    attempt: int
    activation: str
    role: str
    instance: str
    entries: int
    first_at: datetime
    last_at: datetime


class EntryView(BaseModel):
    """One journal entry, with the large texts it names put in."""

    attempt: int
    activation: str
    role: str
    instance: str
    seq: int
    kind: str
    body: dict[str, Any]
    at: datetime


class ConversationPage(BaseModel):
    """Entries, oldest first. `conversations` lists all of them on the first page only."""

    conversations: list[ConversationView]
    items: list[EntryView]
    next_cursor: str | None


class RequestTextView(BaseModel):
    """One text of a request: as submitted, as a person edited it, or as its source has it now."""

    revision: int
    origin: str
    """`submitted`, `edited` or `source`."""
    state: str
    """`taken`, `proposed` (nobody decided so far), `declined`, or `late` (it was completed first)."""
    title: str
    body: str
    changed_by: str
    created_at: datetime
    decided_by: str | None
    decided_at: datetime | None
    compared_with: int | None
    """The revision that was worked on when it came; None for the first, or when they are too long to be compared."""
    diff: str
    """Unified, of title and body."""


class RequestTexts(BaseModel):
    """Every text of a request, oldest first. `in_use` is the one that is worked on."""

    in_use: int
    proposed: int | None
    items: list[RequestTextView]


class RebaseView(MovedBase):
    """One move of a base branch, and the rebase that followed it by itself."""

    repository: str


class RebaseList(BaseModel):
    """Every move of a base branch under the present attempt, oldest first."""

    items: list[RebaseView]
