"""What a run keeps and reads again: one small port per subject, for one attempt of one change request.

Problem: one port of forty methods hides what a stage really needs and cannot be faked in part. Choice: a Protocol per
subject, each a field of `StageContext`, each implemented by one class of `pipeline.store.run_records`. Invariant: a node
may run twice, so everything here is safe to repeat.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Protocol

from pipeline.change_request import Stage
from pipeline.effects.effect import Effect
from pipeline.effects.kinds import Payload
from pipeline.events import Event
from pipeline.findings import Finding
from pipeline.gates.content import GateContent
from pipeline.gates.gate import Gate
from pipeline.interventions.intervention import Intervention
from pipeline.records import (
    ModelCall,
    PromptUse,
    RunPurpose,
    SpecRevision,
    StageResult,
    TestRun,
)


class Results(Protocol):
    """What stages ended with, by the hash of their inputs."""

    async def valid(self, repository: str, stage: Stage, inputs_hash: str) -> StageResult | None:
        """Return the stored result of the same inputs, unless a person asked for the stage to run again."""

    async def save(self, result: StageResult, *, announced_by: Event) -> None:
        """Keep a stage's result and its event together; the activation that runs again keeps the first, announced once."""

    async def invalidate(self, stages: Sequence[Stage]) -> None:
        """Forget the results of stages, because a person asked for them to run again."""

    async def carry_over(self, from_attempt: int) -> None:
        """Take over specs, test runs and findings of an earlier attempt, once, to go on from a stage in the middle."""


class Progress(Protocol):
    """How far the change request is, as people see it, and what intake made of its text."""

    async def enter_stage(self, stage: Stage) -> None:
        """Record where the line is, for people."""

    async def record(self, repository: str, **values: Any) -> None:
        """Set base_commit, tests_commit, head_commit, merge_commit, branch or facts of a repository."""

    async def store_structured(self, structured: Mapping[str, Any]) -> None:
        """Keep the structured request."""

    async def structured(self) -> Mapping[str, Any]:
        """Return the structured request; empty before intake ended."""

    async def working_time(self) -> tuple[float, int]:
        """Return the leased working time in seconds, waits excluded, and how often a person let the run go on."""


class Specs(Protocol):
    """The revisions of each repository's behaviour spec."""

    async def save(self, *, repository: str, activation: str, feature: str, spec: Mapping[str, Any]) -> SpecRevision:
        """Keep the next revision; the same activation keeps its own."""

    async def latest(self, repository: str) -> SpecRevision | None:
        """Return the newest revision."""

    async def verify(self, repository: str, revision: int) -> None:
        """Mark a revision as verified."""


class TestRuns(Protocol):
    """The pipeline's own test runs, with what was concluded from them."""

    async def save(
        self, *, repository: str, stage: Stage, activation: str, purpose: RunPurpose, commit: str, ok: bool,
        report: Mapping[str, Any], verdict: Mapping[str, Any],
    ) -> str:  # fmt: skip
        """Keep a run and return its id; running again replaces it."""

    async def all(self, repository: str | None = None) -> Sequence[TestRun]:
        """Return test runs, oldest first."""


class Findings(Protocol):
    """What checks and reviewers reported."""

    async def save(
        self, *, repository: str, stage: Stage, activation: str, reporter: str, found: Sequence[Finding]
    ) -> None:
        """Keep what a check or a reviewer reported in one activation."""

    async def all(self, *, activation: str | None = None, reporter: str = "") -> Sequence[tuple[str, Finding]]:
        """Return (repository, finding), oldest first; all, or of one activation and reporter."""


class ArtifactStore(Protocol):
    """Files of the change request, by content."""

    async def save(self, *, kind: str, name: str, content: bytes, media_type: str, facts: Mapping[str, Any]) -> str:
        """Keep a file by content and return its SHA-256; the newest of a name wins."""

    async def load(self, kind: str, name: str) -> bytes | None:
        """Return a file, None when there is none of that name."""


class Gates(Protocol):
    """Decisions that wait for a person."""

    async def open(self, *, activation: str, content: GateContent, content_hash: str) -> Gate:
        """Open a decision once per activation and announce it once; open gates of the kind with other content become void."""

    async def get(self, gate_id: str) -> Gate:
        """Return a gate."""

    async def all(self) -> Sequence[Gate]:
        """Return all gates of the change request, oldest first."""


class Effects(Protocol):
    """Changes outside: a stage intends them, the controller executes them."""

    async def intend(self, *, key: str, repository: str | None, payload: Payload) -> Effect:
        """Record the intent of a change outside, once per key."""

    async def outcome(self, effect_id: str, *, timeout_s: float) -> Effect:
        """Wait until the controller recorded how an effect ended; returns it undecided after the timeout."""

    async def try_again(self, effect_id: str) -> None:
        """Let the controller try an effect again that was given up, because a person lets the run go on. Idempotent."""

    async def all(self) -> Sequence[Effect]:
        """Return the effects of the change request, oldest first."""


class Interventions(Protocol):
    """What people said to the run, and how far it got."""

    async def get(self, intervention_id: str) -> Intervention:
        """Return an intervention."""

    async def all(self) -> Sequence[Intervention]:
        """Return all interventions, oldest first."""

    async def take_resume(self, *, stage: Stage, activation: str) -> Intervention | None:
        """Take what people said to go on, marking all of it acted on by this activation; the same activation gets the same.

        Returns the newest with instructions, else the newest.
        """

    async def skip_of(self, stage: Stage, repository: str | None, activation: str) -> Intervention | None:
        """Return a person's wish to skip this stage (of this repository), marking it delivered; the activation keeps it."""

    async def skip_waiting(self) -> Stage | None:
        """Return the stage that a person asked to skip and that has not run since."""

    async def settle_skips(self, stage: Stage, *, happened: bool, activation: str) -> None:
        """Answer wishes to skip, now that a stage ended: acted on, or refused because they came too late or could not be."""

    async def settle_instructions(self, repository: str | None) -> None:
        """Mark what agents of an ended stage were told as acted on: what concerns `repository`, or every one (None)."""


class Learnings(Protocol):
    """What earlier change requests taught about a repository."""

    async def approved(self, repository: str) -> Sequence[str]:
        """Return the approved learnings of a repository, newest first."""

    async def propose(self, learnings: Sequence[tuple[str, str, str]], *, activation: str) -> None:
        """Keep (repository, text, evidence) as proposals that a person has to approve."""


class PullRequests(Protocol):
    """What is kept of the pull request of each repository; effects open, update and close it."""

    async def merged(self, *, repository: str, merge_commit: str) -> None:
        """Say that it was merged, which its merge made it."""


class Spending(Protocol):
    """What the models were asked, and what it cost."""

    async def cost_usd(self) -> Decimal:
        """Return what the change request has spent and reserved."""

    async def calls(self) -> Sequence[ModelCall]:
        """Return every model call in order."""

    async def prompts(self) -> Sequence[PromptUse]:
        """Return the prompt of every conversation, oldest first."""
