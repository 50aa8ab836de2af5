"""The ports a stage may use, given to every node by LangGraph's runtime: frozen, complete, nothing optional by accident."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, Protocol

from pipeline.agents.job import Agents
from pipeline.change_request import RepositoryTarget, Stage
from pipeline.effects.effect import Effect
from pipeline.effects.kinds import Payload
from pipeline.events import Event
from pipeline.findings import Finding
from pipeline.ports import (
    Author,
    Clock,
    Emit,
    Environment,
    Environments,
    Forge,
    Repository,
    Sandbox,
    SecretScanner,
    Signer,
    Stack,
)
from pipeline.records import Gate, Intervention, SpecRevision, StageResult
from pipeline.settings.runtime import RuntimeSettings


class Records(Protocol):
    """What stages keep and read again, for one attempt of one change request. Everything is safe to repeat."""

    async def valid_result(self, repository: str, stage: Stage, inputs_hash: str) -> StageResult | None:
        """Return the stored result of the same inputs, unless a person asked for the stage to run again."""

    async def save_result(self, result: StageResult, *, announced_by: Event) -> None:
        """Keep a stage's result and its event together; the activation that runs again keeps the first, announced once."""

    async def invalidate(self, stages: Sequence[Stage]) -> None:
        """Forget the results of stages, because a person asked for them to run again."""

    async def carry_over(self, from_attempt: int) -> None:
        """Take over specs, test runs and findings of an earlier attempt, once, to go on from a stage in the middle."""

    async def working_time(self) -> tuple[float, int]:
        """Return the leased working time in seconds, waits excluded, and how often a person let the run go on."""

    async def enter_stage(self, stage: Stage) -> None:
        """Record where the line is, for people."""

    async def store_structured(self, structured: Mapping[str, Any]) -> None:
        """Keep the structured request."""

    async def structured(self) -> Mapping[str, Any]:
        """Return the structured request; empty before intake ended."""

    async def record_progress(self, repository: str, **values: Any) -> None:
        """Set base_commit, tests_commit, head_commit, merge_commit, branch or facts of a repository."""

    async def save_spec(
        self, *, repository: str, activation: str, feature: str, spec: Mapping[str, Any]
    ) -> SpecRevision:
        """Keep the next revision; the same activation keeps its own."""

    async def latest_spec(self, repository: str) -> SpecRevision | None:
        """Return the newest revision."""

    async def verify_spec(self, repository: str, revision: int) -> None:
        """Mark a revision as verified."""

    async def save_test_run(
        self, *, repository: str, stage: Stage, activation: str, purpose: str, commit: str, ok: bool,
        report: Mapping[str, Any], verdict: Mapping[str, Any],
    ) -> str:  # fmt: skip
        """Keep one of the pipeline's own test runs; running again replaces it."""

    async def test_runs(self, repository: str | None = None) -> Sequence[Mapping[str, Any]]:
        """Return test runs, oldest first."""

    async def save_findings(self, *, repository: str, stage: Stage, activation: str, found: Sequence[Finding]) -> None:
        """Keep what was reported in one activation."""

    async def findings(self, *, activation: str | None = None) -> Sequence[tuple[str, Finding]]:
        """Return (repository, finding), oldest first; of one activation, or of all."""

    async def save_artifact(
        self, *, kind: str, name: str, content: bytes, media_type: str, facts: Mapping[str, Any]
    ) -> str:
        """Keep a file by content and return its SHA-256; the newest of a name wins."""

    async def artifact(self, kind: str, name: str) -> bytes | None:
        """Return a file, None when there is none of that name."""

    async def open_gate(self, *, kind: str, activation: str, content: Mapping[str, Any], content_hash: str) -> Gate:
        """Open a decision once per activation and announce it once; open gates of the kind with other content become void."""

    async def gate(self, gate_id: str) -> Gate:
        """Return a gate."""

    async def gates(self) -> Sequence[Gate]:
        """Return all gates of the change request, oldest first."""

    async def save_feedback_of_gate(self, gate: Gate) -> None:
        """Keep an approver's words as the feedback artifact `gate/<id>`. Idempotent."""

    async def intend(self, *, key: str, repository: str | None, payload: Payload) -> Effect:
        """Record the intent of a change outside, once per key; its payload decides the kind."""

    async def outcome(self, effect_id: str, *, timeout_s: float) -> Effect:
        """Wait until the controller recorded how an effect ended; returns it undecided after the timeout."""

    async def try_again(self, effect_id: str) -> None:
        """Let the controller try an effect again that was given up, because a person lets the run go on. Idempotent."""

    async def effects(self) -> Sequence[Effect]:
        """Return the effects of the change request, oldest first."""

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

    async def intervention(self, intervention_id: str) -> Intervention:
        """Return an intervention."""

    async def interventions(self) -> Sequence[Intervention]:
        """Return all interventions, oldest first."""

    async def learnings(self, repository: str) -> Sequence[str]:
        """Return the approved learnings of a repository, newest first."""

    async def propose_learnings(self, learnings: Sequence[tuple[str, str, str]], *, activation: str) -> None:
        """Keep (repository, text, evidence) as proposals that a person has to approve."""

    async def save_pull_request(
        self, *, repository: str, title: str, body: str, base_branch: str, head_branch: str, head_commit: str
    ) -> None:
        """Open or update the internal pull request of a repository."""

    async def close_pull_request(self, *, repository: str, merge_commit: str) -> None:
        """Mark the internal pull request as merged."""

    async def cost_usd(self) -> Decimal:
        """Return what the change request has spent and reserved."""

    async def calls(self) -> Sequence[Mapping[str, Any]]:
        """Return every model call in order."""

    async def prompts(self) -> Sequence[Mapping[str, Any]]:
        """Return role, model and prompt hash of every conversation."""


class Snapshots(Protocol):
    """The saving of work at the remote, beside the run. No method but `bring_back` and `end` waits for a remote."""

    async def run(self) -> None:
        """Push whenever it is due or asked for, until cancelled or ended."""

    def kick(self) -> None:
        """Ask for a push soon; returns at once."""

    async def settle(self) -> None:
        """Push what is left, for a bounded time, before the worker leaves."""

    async def end(self) -> None:
        """Push nothing any more; a push under way is finished first."""

    async def bring_back(self, name: str, commits: Sequence[str]) -> list[str]:
        """Make a repository's cache hold `commits`, from the remote where they are lost; return those lost for good."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StageContext:
    """Everything a stage may ask of the world."""

    cr_id: str
    attempt: int
    epoch: int
    title: str
    request_text: str
    """The raw request. Only intake and screening read it (the spec firewall)."""
    requested_by: str
    requested_at: str
    """ISO 8601, UTC."""
    source: str
    external_url: str | None
    settings: RuntimeSettings
    targets: Mapping[str, RepositoryTarget]
    records: Records
    agents: Agents
    repositories: Mapping[str, Repository]
    snapshots: Snapshots
    forge: Forge
    sandbox: Sandbox
    environments: Environments
    scanner: SecretScanner
    signer: Signer
    clock: Clock
    emit: Emit
    author: Author
    workspaces: Path
    """Directory of this change request's epoch; trees live at `<repository>/<purpose>` below it."""
    code_version: str
    scripted: bool
    """Whether the models are scripted; shown wherever they are named."""
    known_hosts: tuple[str, ...] = ()
    """Hosts that a request may name without being suspicious: the operator's registries."""
    effect_timeout_s: float = 300.0
    prepared: dict[tuple[str, str], tuple[Stack, Environment]] = field(default_factory=dict)
    """Environments by repository and commit, as far as this process has looked: neither can change."""

    def tree(self, repository: str, purpose: str) -> Path:
        """Return the place of one tree of this epoch."""
        return self.workspaces / repository / purpose
