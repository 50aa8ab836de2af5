"""The state of a run: ids, enums, counters and short texts; everything long lies in tables.

A node may run twice, so each channel is a keyed map whose reducer replaces by key: writing the same update again changes
nothing, and parallel branches of different repositories never touch each other's keys.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any, TypedDict, TypeVar

from pipeline.change_request import Stage

STATE_VERSION = 1
"""The meaning of the channels below; part of the version of the line. Raise it when a waiting run could not go on."""

PAUSE = "pause"
RESUME = "resume"
END = "end"

Value = TypeVar("Value")


class Verdict(StrEnum):
    """How a stage ended."""

    PASSED = "passed"
    SENT_BACK = "sent_back"
    BLOCKED = "blocked"
    WAITING = "waiting"


class Outcome(TypedDict, total=False):
    """The result of one stage, for one repository or for the whole change request."""

    verdict: str
    summary: str
    activation: str
    reason: str
    """A `PauseReason`, when blocked."""
    message: str
    facts: dict[str, Any]
    gate_id: str
    """When waiting for a decision."""
    next: str
    """Of sync only: the stage that works next."""
    skip: str
    """The intervention that skipped what may be skipped of this round."""
    note: str | None
    """The intervention this round ran with; what was said then is not said again to a later round."""


class RepositoryState(TypedDict, total=False):
    """What later stages need to know of one repository. Commits are full SHAs."""

    base: str
    """The commit of the base branch that head is built on."""
    tests: str
    head: str
    spec_revision: int
    spec_hash: str
    manifest_hash: str
    spec_feedback: str
    """Name of the artifact with which verification sent the spec back. Never cleared: it is part of translation's inputs."""
    feedback: str
    """Name of the artifact that sent the code back; likewise never cleared."""
    round: int
    """How often development ran, from 1."""
    tested_base: str
    """The base on which the full suite of `head` was proven green."""
    answers: list[str]
    """The spec and the feedback that `head` answers."""
    clean: bool
    """Whether the last rebase replayed without conflicts."""
    merge: str
    handed_back: str
    """The commit of the branch that a person handed back last: where the branch on the remote is known to stand."""
    approved_round: int
    """The development round that the release approval was given for."""


class Wait(TypedDict, total=False):
    """What a run that stopped waits for."""

    kind: str
    """`pause` or `gate`."""
    stage: str
    """The stage that works when the run goes on."""
    repository: str
    repositories: list[str]
    """Whom the stop concerns; none means all."""
    reason: str
    message: str
    facts: dict[str, Any]
    gate_id: str


class Approval(TypedDict, total=False):
    """The release approval that holds, and the heads it was given for."""

    gate_id: str
    content_hash: str
    decided_by: str
    decided_at: str
    heads: dict[str, str]


def _by_key(old: Mapping[str, Value], new: Mapping[str, Value]) -> dict[str, Value]:
    return {**old, **new}


def _by_repository(
    old: Mapping[str, RepositoryState], new: Mapping[str, RepositoryState]
) -> dict[str, RepositoryState]:
    merged = dict(old)
    for name, facts in new.items():
        merged[name] = {**merged.get(name, {}), **facts}
    return merged


class RunState(TypedDict, total=False):
    """The channels of the graph."""

    repositories: Annotated[dict[str, RepositoryState], _by_repository]
    outcomes: Annotated[dict[str, Outcome], _by_key]
    """Key: `stage`, or `stage/repository` for stages that run once per repository."""
    loops: Annotated[dict[str, int], _by_key]
    notes: Annotated[dict[str, str], _by_key]
    """Outcome key (a stage, or one repository's) to the intervention that made it run again; part of a stage's inputs."""
    wait: Wait
    approval: Approval
    goto: str
    """The node that follows, as `routing` decided."""


class RepositoryTask(RunState, total=False):
    """What a fan-out sends: the state, and the repository this branch works on."""

    repository: str


def outcome_key(stage: Stage, repository: str | None) -> str:
    """Return the key of an outcome."""
    return f"{stage.value}/{repository}" if repository else stage.value
