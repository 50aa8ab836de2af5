"""The kinds of effects: what each needs to know before it happens, and what is known afterwards.

Problem: a commit that travels as `payload["commit"]` from a stage through a table to an executor is misspelt once and
pushed never. Choice: one model for the payload and one for the result of each kind, declared together in `DECLARED`;
who intends an effect hands over the payload, which decides the kind. Invariant: a row that an earlier version wrote can
be read, so fields are only added, with defaults; deliveries and what can be claimed follow from here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, JsonValue

from pipeline.change_request import PauseReason, Status
from pipeline.errors import InvariantBroken


class EffectKind(StrEnum):
    """What can be changed outside."""

    PUSH = "push"
    MERGE = "merge"
    DELETE_REF = "delete_ref"
    DELETE_SNAPSHOTS = "delete_snapshots"
    PUBLISH = "publish"
    PULL_REQUEST = "pull_request"
    CLOSE_PULL_REQUEST = "close_pull_request"
    REPORT = "report"
    NOTIFICATION = "notification"


class EffectStatus(StrEnum):
    """From intent to outcome."""

    INTENDED = "intended"
    CLAIMED = "claimed"
    RETRY = "retry"
    DONE = "done"
    CONFLICT = "conflict"
    """The outside is not as it was when the effect was intended."""
    REFUSED = "refused"
    """A person has to act first; the refusal says why."""
    DEAD = "dead"
    """Tried too often: a dead letter."""
    DISMISSED = "dismissed"

    @property
    def decided(self) -> bool:
        """Nothing more happens to it unless a person asks."""
        return self not in UNDECIDED


UNDECIDED = frozenset({EffectStatus.INTENDED, EffectStatus.CLAIMED, EffectStatus.RETRY})
GIVEN_UP = frozenset({EffectStatus.REFUSED, EffectStatus.DEAD, EffectStatus.DISMISSED})
"""It did not happen, and only a person can let it be tried again. A conflict is not among them: the line goes on with it."""
NOT_DONE = GIVEN_UP | {EffectStatus.CONFLICT}


class Checkpoint(StrEnum):
    """What a source is told of."""

    STARTED = "started"
    RESUMED = "resumed"
    PAUSED = "paused"
    WAITING = "waiting"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


TOLD_AT = {
    Status.PAUSED: Checkpoint.PAUSED,
    Status.WAITING: Checkpoint.WAITING,
    Status.COMPLETED: Checkpoint.COMPLETED,
    Status.FAILED: Checkpoint.FAILED,
    Status.CANCELLED: Checkpoint.CANCELLED,
}
"""The checkpoint that a status is, whatever came before it."""


class Need(StrEnum):
    """Why a person is wanted."""

    PAUSED = "paused"
    GATE_OPENED = "gate_opened"
    REMINDER = "reminder"
    SILENCE = "silence"
    DEAD_LETTER = "dead_letter"
    CLEANUP_PENDING = "cleanup_pending"


class _Row(BaseModel):
    """Part of a stored row. What a newer version added is left out."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Payload(_Row):
    """What an effect needs: exact commits, built before the intent."""


class OnRemote(Payload):
    """An effect at a remote of the change request."""

    remote: str


class Push(OnRemote):
    """A branch of the change request to a commit, by compare-and-swap from `expected` (None: it must not exist)."""

    ref: str
    commit: str
    expected: str | None = None


class Merge(OnRemote):
    """A base branch from `expected` to the merge commit of `head`."""

    base_branch: str
    commit: str
    expected: str
    head: str


class DeleteRef(OnRemote):
    """A branch that goes if it still stands at `expected`."""

    ref: str
    expected: str


class DeleteSnapshots(OnRemote):
    """What every epoch saved at the remote. The commits `shown` stay in the cache."""

    cr_id: str
    shown: tuple[str, ...] = ()


class SnapshotCaps(_Row):
    """The limits of the change request by which a cut turn's work is judged before it leaves."""

    snapshot_file_max_bytes: int
    snapshot_total_max_bytes: int


class Publish(OnRemote):
    """The newest state of the work, for the person who takes it over."""

    ref: str
    base: str
    proven: str
    snapshot: str | None = None
    """The newest whole snapshot of an unfinished stage."""
    cut: str | None = None
    """What a turn that was cut after it had left in the tree."""
    caps: SnapshotCaps | None = None
    """Set by every version that names a `cut`."""
    ours: tuple[str, ...] = ()
    """Where this change request put the branch before."""
    when: datetime
    by: str


class ProposePullRequest(OnRemote):
    """A pull request with exactly this text and head, opened or brought up to date by the repository's forge."""

    attempt: int
    title: str
    body: str
    base_branch: str
    head_branch: str
    head_commit: str


class ClosePullRequest(Payload):
    """A pull request that nobody will merge."""

    attempt: int
    comment: str
    remote: str = ""
    """Set by every version that leaves the closing to the repository's forge."""
    closed_by: str = ""


class Report(Payload):
    """What the source of the change request is told. The body is text, so each try signs the same bytes."""

    checkpoint: Checkpoint
    body: str


class Notification(Payload):
    """What the tenant's webhook is told."""

    need: Need
    body: str


class Result(_Row):
    """What is known after an effect happened."""


class Pushed(Result):
    """Where the branch is now."""

    ref: str
    commit: str


class Merged(Result):
    """Where the base branch is now."""

    base_branch: str
    commit: str


class RefDeleted(Result):
    """Whether the branch went; `why` says why it was left alone."""

    ref: str
    deleted: bool = True
    why: str | None = None


class SnapshotsDeleted(Result):
    """The refs of the remote that went."""

    refs: tuple[str, ...] = ()


class Published(Result):
    """What was published, and in words what stays here because it may not leave."""

    ref: str
    commit: str
    left_out: str = ""


class PullRequestProposed(Result):
    """Where people find it at the forge; nothing where it lives in Changeline alone."""

    number: int | None = None
    url: str | None = None


class PullRequestClosed(Result):
    """Who closed it."""

    closed_by: str


class Delivered(Result):
    """The status that the receiver answered."""

    status: int


class Refusal(_Row):
    """Why an effect did not happen: for the person who decides what follows."""

    reason: PauseReason | None = None
    """The pause that follows, where the executor knows it."""
    facts: Mapping[str, JsonValue] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Declaration:
    """One kind of effect."""

    payload: type[Payload]
    result: type[Result]
    tells: bool = False
    """It only tells: it outlives its change request, no stage waits for it, and it has an outbox of its own."""


DECLARED: Mapping[EffectKind, Declaration] = {
    EffectKind.PUSH: Declaration(payload=Push, result=Pushed),
    EffectKind.MERGE: Declaration(payload=Merge, result=Merged),
    EffectKind.DELETE_REF: Declaration(payload=DeleteRef, result=RefDeleted),
    EffectKind.DELETE_SNAPSHOTS: Declaration(payload=DeleteSnapshots, result=SnapshotsDeleted),
    EffectKind.PUBLISH: Declaration(payload=Publish, result=Published),
    EffectKind.PULL_REQUEST: Declaration(payload=ProposePullRequest, result=PullRequestProposed),
    EffectKind.CLOSE_PULL_REQUEST: Declaration(payload=ClosePullRequest, result=PullRequestClosed),
    EffectKind.REPORT: Declaration(payload=Report, result=Delivered, tells=True),
    EffectKind.NOTIFICATION: Declaration(payload=Notification, result=Delivered, tells=True),
}
"""Adding a kind: its payload, its result, a line here, and an executor in the controller's wiring.

A stage that always intends one says so in its declaration; crash points around its steps follow from that.
"""

_KINDS: Mapping[type[Payload], EffectKind] = {one.payload: kind for kind, one in DECLARED.items()}

DELIVERIES = frozenset(kind for kind, one in DECLARED.items() if one.tells)
"""Kinds that only tell."""


def kind_of(payload: Payload) -> EffectKind:
    """Return the kind that a payload decides."""
    try:
        return _KINDS[type(payload)]
    except KeyError:
        raise InvariantBroken("A payload is of no declared kind of effect.", payload=type(payload).__name__) from None
