"""What the state says, read: frozen values with attributes for everybody who decides by it.

Problem: channels are plain JSON, because checkpoints outlive the code that wrote them, and a fact read by its key is only
missed when it runs. Choice: the state stays as it is stored, and is parsed here, at the border; updates are written as the
typed dictionaries of `state`. Invariants: what an earlier version did not write has its empty value, and what a later
version added is passed over, so a checkpoint of another version is never refused here.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, TypeVar

from pipeline.change_request import PauseReason, Stage
from pipeline.stage.state import Approval, Outcome, RepositoryState, RunState, Verdict, Wait

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownRepository:
    """What earlier stages found out about a repository; empty until known. Each fact is explained in `RepositoryState`."""

    base: str = ""
    tests: str = ""
    head: str = ""
    spec_revision: int = 0
    spec_hash: str = ""
    manifest_hash: str = ""
    spec_feedback: str = ""
    feedback: str = ""
    round: int = 0
    tested_base: str = ""
    answers: list[str] = field(default_factory=list)
    clean: bool = False
    merge: str = ""
    handed_back: str | None = None
    approved_round: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownOutcome:
    """How a stage ended; each fact is explained in `Outcome`."""

    verdict: Verdict
    summary: str = ""
    activation: str = ""
    reason: PauseReason | None = None
    message: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)
    gate_id: str = ""
    next: Stage | None = None
    skip: str | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownWait:
    """What a run that stopped waits for: a person's word, or the gate of that id."""

    stage: Stage
    """The stage that works when the run goes on."""
    repository: str = ""
    repositories: tuple[str, ...] = ()
    """Whom the stop concerns; none means all."""
    reason: PauseReason | None = None
    message: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)
    gate_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownApproval:
    """The release approval that holds, and the heads it was given for."""

    gate_id: str
    content_hash: str
    decided_by: str
    decided_at: str
    heads: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownRun:
    """All channels, in the form in which any version stored them: names in it may be strange to this version."""

    repositories: Mapping[str, RepositoryState] = field(default_factory=dict)
    outcomes: Mapping[str, Outcome] = field(default_factory=dict)
    loops: Mapping[str, int] = field(default_factory=dict)
    notes: Mapping[str, str] = field(default_factory=dict)
    wait: Wait | None = None
    approval: Approval | None = None
    goto: str | None = None
    repository: str | None = None
    """Of a branch of a fan-out: the repository it works on."""

    def passed(self, key: str) -> bool:
        """Whether the outcome of this key is there and passed."""
        return key in self.outcomes and _read(_Ended, self.outcomes[key]).verdict == Verdict.PASSED

    def waits_at(self) -> str:
        """Return the name of the stage that works when a stopped run goes on, empty when it did not stop."""
        return _read(_Stopped, self.wait).stage if self.wait else ""

    def waits_for(self, stage: Stage, reason: PauseReason) -> bool:
        """Whether the run stopped before this stage for this reason."""
        return self.wait is not None and _read(_Stopped, self.wait) == _Stopped(stage=stage.value, reason=reason.value)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ended:
    verdict: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stopped:
    stage: str = ""
    reason: str = ""


def run_of(state: RunState) -> KnownRun:
    """Return the state of a run by channel, none of them judged."""
    return _read(KnownRun, state)


def repositories_of(state: RunState) -> dict[str, KnownRepository]:
    """Return what is known of each repository, by name and in the order of the names."""
    found = run_of(state).repositories
    return {name: _read(KnownRepository, found[name]) for name in sorted(found)}


def outcome_of(outcome: Outcome) -> KnownOutcome:
    """Return a stored outcome."""
    read: dict[str, Any] = {"verdict": Verdict, "reason": PauseReason, "next": Stage}
    return _read(KnownOutcome, outcome, read)


def wait_of(wait: Wait) -> KnownWait:
    """Return what a stop waits for."""
    return _read(KnownWait, wait, {"stage": Stage, "reason": PauseReason, "repositories": tuple})


def approval_of(state: RunState) -> KnownApproval | None:
    """Return the approval that holds, None before there is one."""
    found = run_of(state).approval
    return _read(KnownApproval, found) if found else None


def loops_of(state: RunState, stage: Stage) -> int:
    """Return how often a stage has sent the change back since a person last looked."""
    return run_of(state).loops.get(stage.value, 0)


def _read(
    into: type[T], stored: RunState | RepositoryState | Outcome | Wait | Approval, read: Mapping[str, Any] | None = None
) -> T:
    known: dict[str, Any] = {one.name: stored[one.name] for one in fields(into) if one.name in stored}  # type: ignore[literal-required,arg-type]  # field by field
    return into(**{name: read[name](value) if read and name in read else value for name, value in known.items()})
