"""The life of a change request as a state machine.

Problem: a status that two writers can set from two half-truths leaves runs that are finished but `running`. Choice:
one table of legal moves and one function, `transition`, through which every status change goes; repeating a move that
already happened is a no-op, anything else that is not in the table raises. Only people make `failed` and `cancelled`.
"""

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What a change request asks for."""

    CHANGE = "change"


class Status(StrEnum):
    """Where a change request stands, for people and machines alike."""

    QUEUED = "queued"
    RUNNING = "running"
    WAITING = "waiting"
    PAUSED = "paused"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def finished(self) -> bool:
        """No worker will ever run for it again unless a person asks for a rerun."""
        return self in FINISHED


FINISHED = frozenset({Status.COMPLETED, Status.FAILED, Status.CANCELLED})


class HeldBy(StrEnum):
    """Why what is queued does not run."""

    GLOBAL_LIMIT = "global_limit"
    TENANT_LIMIT = "tenant_limit"
    TURN = "turn"
    """A worker is free for it, or will be for another first; it is a matter of a moment."""


class WaitKind(StrEnum):
    """What a waiting change request waits for."""

    CI = "ci"
    REVIEW = "review"
    GATE = "gate"
    CONFIRMATION = "confirmation"
    INPUT = "input"


class PauseReason(StrEnum):
    """Why a change request stopped and asks for a person. Add, never overload."""

    INPUT_RISK = "input_risk"
    REQUEST_UNCLEAR = "request_unclear"
    REPOSITORIES_UNKNOWN = "repositories_unknown"
    SPEC_LOOP = "spec_loop"
    SPEC_APPROVAL = "spec_approval"
    RED_WITNESS = "red_witness"
    DEVELOPMENT_LOOP = "development_loop"
    IDENTICAL_FAILURES = "identical_failures"
    TESTS_FAILED = "tests_failed"
    TAMPERING = "tampering"
    REVIEW_LOOP = "review_loop"
    SECRET_FOUND = "secret_found"  # noqa: S105 - the name of a reason, not a secret
    DIFF_SCOPE = "diff_scope"
    REBASE_CONFLICT = "rebase_conflict"
    TARGET_CHECKOUT_DIRTY = "target_checkout_dirty"
    DELIVERY_FAILED = "delivery_failed"
    CI_FAILED = "ci_failed"
    CI_TIMEOUT = "ci_timeout"
    REVIEW_TIMEOUT = "review_timeout"
    SOURCE_CHANGED = "source_changed"
    BUDGET = "budget"
    AGENT_TIMEOUT = "agent_timeout"
    AGENT_STUCK = "agent_stuck"
    MODEL_REFUSED = "model_refused"
    TOTAL_TIME = "total_time"
    PROVIDERS_DOWN = "providers_down"
    SANDBOX_UNAVAILABLE = "sandbox_unavailable"
    ENVIRONMENT_FAILED = "environment_failed"
    REMOTE_UNREACHABLE = "remote_unreachable"
    MACHINE_SHORT = "machine_short"
    ATTEMPTS_EXHAUSTED = "attempts_exhausted"
    GRAPH_CHANGED = "graph_changed"
    HUMAN_PAUSE = "human_pause"
    ABORTED = "aborted"
    HANDED_OVER = "handed_over"
    HANDBACK_REFUSED = "handback_refused"
    INTERNAL_ERROR = "internal_error"


class Stage(StrEnum):
    """The stages of the line, in order. The value is also the node's name in the graph, which is a contract."""

    INTAKE = "intake"
    SCREENING = "screening"
    REPOSITORY_IDENTIFICATION = "repository_identification"
    WORKSPACES = "workspaces"
    TRANSLATION = "translation"
    VERIFICATION = "verification"
    DEVELOPMENT = "development"
    REVIEW = "review"
    REBASE = "rebase"
    DELIVERY = "delivery"
    RELEASE_GATE = "release_gate"
    MERGE_CHECK = "merge_check"
    RELEASE = "release"
    RETROSPECTIVE = "retrospective"
    CLEANUP = "cleanup"
    SYNC = "sync"
    """Beside the line: entered only when a person hands back what they took over, and leads back into it."""

    @property
    def number(self) -> int:
        """Position in the line, from 0; what stands beside it comes last."""
        return list(Stage).index(self)


class Move(StrEnum):
    """What happened to a change request. Each move is legal only from the statuses listed in `MOVES`."""

    DISPATCH = "dispatch"
    WAIT = "wait"
    PAUSE = "pause"
    REQUEUE = "requeue"
    COMPLETE = "complete"
    FAIL = "fail"
    CANCEL = "cancel"
    RERUN = "rerun"


MOVES: dict[Move, tuple[frozenset[Status], Status]] = {
    Move.DISPATCH: (frozenset({Status.QUEUED}), Status.RUNNING),
    Move.WAIT: (frozenset({Status.RUNNING}), Status.WAITING),
    Move.PAUSE: (frozenset({Status.QUEUED, Status.RUNNING, Status.WAITING}), Status.PAUSED),
    Move.REQUEUE: (frozenset({Status.RUNNING, Status.WAITING, Status.PAUSED}), Status.QUEUED),
    Move.COMPLETE: (frozenset({Status.RUNNING}), Status.COMPLETED),
    Move.FAIL: (frozenset({Status.QUEUED, Status.RUNNING, Status.WAITING, Status.PAUSED}), Status.FAILED),
    Move.CANCEL: (frozenset({Status.QUEUED, Status.RUNNING, Status.WAITING, Status.PAUSED}), Status.CANCELLED),
    Move.RERUN: (frozenset({Status.PAUSED, *FINISHED}), Status.QUEUED),
}

PEOPLE_ONLY = frozenset({Move.FAIL, Move.CANCEL, Move.RERUN})
"""Moves that the pipeline itself never makes: it pauses and asks instead."""


class IllegalMove(Exception):
    """The move is not allowed from the present status. Carries both, so that a caller can say what is."""

    def __init__(self, status: Status, move: Move) -> None:
        super().__init__(f"A change request that is {status} cannot {move}.")
        self.status = status
        self.move = move


def transition(status: Status, move: Move) -> Status:
    """Return the status after `move`. A move whose outcome already holds is a no-op; others raise `IllegalMove`."""
    allowed_from, after = MOVES[move]
    if status in allowed_from:
        return after
    if status is after and move is not Move.RERUN:
        return status
    raise IllegalMove(status, move)


BRANCHES = "changeline"
"""Below it lie the branches of all change requests; a branch of this very name leaves them no room."""


def branch_name(cr_id: str, attempt: int) -> str:
    """The branch that carries the change: `changeline/<cr>`, `-r2` and so on for later attempts."""
    return f"{BRANCHES}/{cr_id}" if attempt == 1 else f"{BRANCHES}/{cr_id}-r{attempt}"


def wip_ref(cr_id: str, repository: str, epoch: int) -> str:
    """The only ref a worker may push: private to its epoch, so a stale worker reaches nothing that anyone reads."""
    return f"refs/changeline/wip/{cr_id}/{repository}/{epoch}"


def wip_branch(cr_id: str, repository: str, epoch: int) -> str:
    """The same, as a branch, for remotes that refuse private refs."""
    return f"refs/heads/changeline/wip/{cr_id}/{repository}/{epoch}"


def wip_prefixes(cr_id: str, repository: str) -> tuple[str, str]:
    """Where snapshots of every epoch may lie at a remote: the prefixes of `wip_ref` and `wip_branch`."""
    return f"refs/changeline/wip/{cr_id}/{repository}/", f"refs/heads/changeline/wip/{cr_id}/{repository}/"


class Reach(StrEnum):
    """How far the remote of a repository may lead: decided when it is named, and judged again at each use."""

    PUBLIC = "public"
    """To public addresses, and to hosts that the installation opens for everybody."""
    PRIVATE = "private"
    """Also to private hosts and to paths of this machine: an administrator answers for it."""


class ForgeKind(StrEnum):
    """Where a repository's pull requests live and who merges."""

    LOCAL = "local"
    """Any git remote: Changeline keeps the pull requests itself and merges by compare-and-swap."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RepositoryTarget:
    """One repository a change request works on, as frozen into its snapshot at submit."""

    name: str
    """Unique per tenant; letters, digits, dot, dash and underscore only, because it becomes a directory and a ref."""
    remote: str
    """Any git remote: an absolute path or a URL without credentials."""
    base_branch: str
    test_command: str | None = None
    """Overrides detection when set."""
    behaviour_path: str | None = None
    """Where `.feature` files are committed; None keeps the specs in Changeline only."""
    merge_strategy: str = "merge"
    """`merge` (one merge commit, default), `squash` or `fast_forward`."""
    unprotected_accepted_by: str = ""
    """The administrator who accepted a test command of which a part cannot be protected; empty where nobody did."""
    unprotected_accepted_why: str = ""
    unprotected_accepted: tuple[str, ...] = ()
    """The sentences that were accepted; what another command or a later base adds to them was not."""
    forge: ForgeKind = ForgeKind.LOCAL
    reach: Reach = Reach.PUBLIC
