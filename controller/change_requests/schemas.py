"""What callers send to submit a change request, and what they see of one."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Discriminator, Field, StringConstraints, Tag

from controller.change_requests.snapshots import snapshot_of
from controller.interventions.schemas import AvailableAction
from controller.text import IDENTIFIER, TEXT_MAX, TITLE_MAX, URL, BranchName, FilledLine, FilledText, Line, Stated
from pipeline.change_request import HeldBy, Kind, PauseReason, Stage, Status, WaitKind
from pipeline.effects.kinds import EffectStatus
from pipeline.gates.gate import GateKind
from pipeline.interventions.intervention import Action, Intervention, InterventionStatus, Notice
from pipeline.records import ChangeRequest, RepositoryProgress
from pipeline.repositories.paths import portable_path

if TYPE_CHECKING:  # the command line reads these models too, and waits for no database driver
    from pipeline.store.board import AttemptState, Spending
    from pipeline.store.pull_requests import PullRequest

REPOSITORIES_MAX = 1
"""Changes over several repositories come with a later release; the line already fans out per repository."""

Remote = Annotated[FilledLine, StringConstraints(max_length=2000)]

BehaviourPath = Annotated[
    FilledLine, StringConstraints(max_length=500), AfterValidator(portable_path),
    Field(
        description="A directory of the repository, relative to its top, with forward slashes, whose names every system can hold."
    ),
]  # fmt: skip
"""Where behaviour specs are kept; made when it does not exist."""


class RepositoryChoice(BaseModel):
    """A repository for this change request: a registered one by `name`, or any by `remote`."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, StringConstraints(strip_whitespace=True, pattern=IDENTIFIER)] | None = None
    remote: Remote | None = None
    """An absolute path or a URL without credentials."""
    base_branch: BranchName | None = None
    """None takes the registered one, or the remote's default."""
    test_command: Annotated[FilledLine, StringConstraints(max_length=2000)] | None = None
    """Overrides detection."""
    behaviour_path: BehaviourPath | None = None
    merge_strategy: Annotated[str, StringConstraints(pattern="^(merge|squash|fast_forward)$")] | None = None


def _form(asked: object) -> str:
    return "Text" if isinstance(asked, str) else "Object"


AskedRepository = Annotated[
    Annotated[Remote, Tag("Text")] | Annotated[RepositoryChoice, Tag("Object")], Discriminator(_form)
]


class Submission(BaseModel):
    """A new change request. Nothing is stored unless everything is right."""

    model_config = ConfigDict(extra="forbid")

    title: Annotated[Line, StringConstraints(max_length=TITLE_MAX)] | None = None
    """None takes the first line of the body."""
    body: Annotated[FilledText, StringConstraints(max_length=TEXT_MAX)]
    """What should change and why, in the requester's words."""
    repositories: list[AskedRepository] = Field(min_length=1, json_schema_extra={"maxItems": REPOSITORIES_MAX})
    """Names of registered repositories, absolute paths, URLs, or objects."""
    source: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,30}$")] = "api"
    external_id: Annotated[FilledLine, StringConstraints(max_length=200)] | None = None
    """The issue's id in `source`; at most one unfinished change request works on it."""
    external_url: (
        Annotated[Line, StringConstraints(pattern=r"^https?://[^\s]+$", max_length=2000), Stated(URL)] | None
    ) = None
    report_url: (
        Annotated[
            Line,
            StringConstraints(pattern=r"^https?://[^\s@#]+$", max_length=2000),
            Stated(URL.replace("[^", "[^@#")),
        ]
        | None
    ) = None
    """Where signed reports on its progress go: started, paused, waiting, resumed, completed, failed, cancelled."""


class QueueView(BaseModel):
    """Where it stands in its tenant's queue, and which limit holds the queue: `running` of `limit` are taken."""

    position: int
    """1 is the next of this tenant. What ran before goes before what is new."""
    held_by: HeldBy
    running: int
    limit: int


class _Core(BaseModel):
    """What the board and the full view share."""

    id: str
    kind: Kind
    source: str
    external_id: str | None
    external_url: str | None
    title: str
    status: Status
    stage: Stage | None
    wait_kind: WaitKind | None
    wait_id: str | None
    pause_reason: PauseReason | None
    pause_message: str
    attempt: int
    cost_usd: Decimal
    budget_usd: Decimal
    created_by: str
    created_at: datetime
    updated_at: datetime
    queued_at: datetime
    finished_at: datetime | None
    queue: QueueView | None
    """None unless it is queued."""


class ChangeRequestSummary(_Core):
    """One row of the board. Repositories by name, open gates by id."""

    repositories: list[str]
    open_gates: list[str]
    scripted: bool
    """Whether canned answers stand in for a model."""


class AttentionCounts(BaseModel):
    """How many change requests each group of the board holds."""

    needs_you: int
    running: int
    waiting: int
    ready: int
    done: int


class ChangeRequestPage(BaseModel):
    """A page of the board, newest first."""

    items: list[ChangeRequestSummary]
    next_cursor: str | None
    """None on the last page."""
    events_after: int
    """Follow `/api/v1/events?after=` this number to miss nothing that happens after this page was read."""


class RepositoryView(BaseModel):
    """How far one repository is. Commits are full SHAs."""

    name: str
    remote: str
    base_branch: str
    test_command: str | None
    merge_strategy: str
    branch: str | None
    base_commit: str | None
    tests_commit: str | None
    head_commit: str | None
    merge_commit: str | None
    facts: dict[str, Any]


class PauseView(BaseModel):
    """Why it stopped, and what a person can do about it."""

    reason: PauseReason
    message: str
    facts: dict[str, Any]
    actions: list[AvailableAction]


class GateBrief(BaseModel):
    """An open decision."""

    id: str
    kind: GateKind
    content_hash: str
    created_at: datetime


class WorkerView(BaseModel):
    """Who works on it, or did last. `alive` means that the lease holds."""

    epoch: int
    owner: str
    activity: str
    alive: bool
    beat_at: datetime
    working_s: float


class CostSummary(BaseModel):
    """Money of this change request. `reserved_usd` is set aside for calls that are in flight."""

    spent_usd: Decimal
    reserved_usd: Decimal
    budget_usd: Decimal
    calls: int
    input_tokens: int
    cache_write_tokens: int
    cache_read_tokens: int
    output_tokens: int


class ModelView(BaseModel):
    """Which model does the work. A scripted one only replays a scenario, and says so."""

    name: str
    scripted: bool


class AttemptView(BaseModel):
    """One attempt."""

    attempt: int
    mode: str
    from_stage: str | None
    requested_by: str
    started_at: datetime


class InterventionView(BaseModel):
    """What a person said, and how far it got."""

    id: str
    action: Action | Notice
    repository: str | None
    body: dict[str, Any]
    actor: str
    status: InterventionStatus
    note: str
    created_at: datetime
    delivered_at: datetime | None
    delivered_turn: int | None
    acted_at: datetime | None


class PullRequestView(BaseModel):
    """A pull request of the local forge."""

    repository: str
    attempt: int
    title: str
    body: str
    base_branch: str
    head_branch: str
    head_commit: str
    status: str
    merge_commit: str | None
    updated_at: datetime


class TakenRepository(BaseModel):
    """What a person who took over works on. `status` is the publishing's: `done` means that the commands work."""

    name: str
    branch: str
    remote: str
    status: EffectStatus
    commit: str | None
    message: str
    """Why it was not published, or what of it was not."""
    commands: list[str]
    """Exactly what to type, in order."""


class TakeoverView(BaseModel):
    """Who works on it by hand, since when, and how."""

    by: str
    since: datetime
    from_stage: Stage
    repositories: list[TakenRepository]


class ChangeRequestDetail(_Core):
    """Everything about one change request but its long texts, which have views of their own."""

    body: str
    structured: dict[str, Any]
    repositories: list[RepositoryView]
    gates: list[GateBrief]
    pause: PauseView | None
    takeover: TakeoverView | None
    """Set while a person works on the branch."""
    actions: list[AvailableAction]
    """What a person can do now."""
    worker: WorkerView | None
    queue_position: int | None
    """As in `queue`."""
    report_url: str | None
    request_revision: int
    """The text it works on; `GET …/request` has all of them."""
    proposed_revision: int | None
    """The text that its source has now, while nobody decided about it."""
    cost: CostSummary
    model: ModelView
    attempts: list[AttemptView]
    interventions: list[InterventionView]
    pull_requests: list[PullRequestView]
    settings_snapshot: dict[str, Any]
    warnings: list[str] = Field(default_factory=list)
    """Only in the answer to submit: what a person should know that refused nothing."""
    events_after: int


def budget_of(snapshot: Mapping[str, Any]) -> Decimal:
    """Return the budget in a snapshot; 0 for rows that were stored without one."""
    return snapshot_of(snapshot).pipeline.budget_usd


def core_fields(cr: ChangeRequest) -> dict[str, Any]:
    """Return the fields that the board and the full view share."""
    names = [name for name in _Core.model_fields if name in ChangeRequest.__slots__]
    return {
        **{name: getattr(cr, name) for name in names},
        "cost_usd": plain_usd(cr.cost_usd),
        "budget_usd": plain_usd(budget_of(cr.settings_snapshot)),
    }


def repository_view(progress: RepositoryProgress) -> RepositoryView:
    """Return a repository's progress as the API shows it."""
    target = progress.target
    return RepositoryView(
        name=target.name, remote=target.remote, base_branch=target.base_branch, test_command=target.test_command,
        merge_strategy=target.merge_strategy, branch=progress.branch, base_commit=progress.base_commit,
        tests_commit=progress.tests_commit, head_commit=progress.head_commit, merge_commit=progress.merge_commit,
        facts=dict(progress.facts),
    )  # fmt: skip


def cost_summary(spending: "Spending", budget_usd: Decimal) -> CostSummary:
    """Return a change request's money."""
    return CostSummary(
        spent_usd=plain_usd(spending.settled_usd), reserved_usd=plain_usd(spending.reserved_usd),
        budget_usd=plain_usd(budget_usd), calls=spending.calls, input_tokens=spending.input_tokens,
        cache_write_tokens=spending.cache_write_tokens, cache_read_tokens=spending.cache_read_tokens,
        output_tokens=spending.output_tokens,
    )  # fmt: skip


def attempt_view(attempt: "AttemptState") -> AttemptView:
    """Return an attempt as the API shows it."""
    return AttemptView(**{name: getattr(attempt, name) for name in AttemptView.model_fields})


def intervention_view(intervention: Intervention) -> InterventionView:
    """Return an intervention as the API shows it. Older notes hold a mark that names the activation, which says nothing."""
    fields = {name: getattr(intervention, name) for name in InterventionView.model_fields}
    marked = intervention.activation is not None and intervention.note.endswith(intervention.activation)
    body = intervention.body.model_dump(mode="json", exclude_unset=True)
    return InterventionView(**{**fields, "body": body, "note": "" if marked else intervention.note})


def pull_request_view(pull_request: "PullRequest") -> PullRequestView:
    """Return a pull request as the API shows it."""
    return PullRequestView(**{name: getattr(pull_request, name) for name in PullRequestView.model_fields})


def plain_usd(amount: Decimal) -> Decimal:
    """Return an amount without trailing zeros or exponent, so that `0` is not `0E-8`."""
    return Decimal(format(amount.normalize(), "f")) if amount else Decimal(0)
