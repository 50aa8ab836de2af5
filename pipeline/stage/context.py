"""The ports a stage may use, given to every node by LangGraph's runtime: frozen, complete, nothing optional by accident."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from pipeline.agents.job import Agents
from pipeline.change_request import RepositoryTarget
from pipeline.ports import (
    Author,
    Clock,
    Emit,
    Environments,
    Forge,
    Repository,
    Sandbox,
    SecretScanner,
    Signer,
)
from pipeline.ports.records import (
    ArtifactStore,
    Effects,
    Findings,
    Gates,
    Interventions,
    Learnings,
    Progress,
    PullRequests,
    Results,
    Specs,
    Spending,
    TestRuns,
)
from pipeline.settings.runtime import RuntimeSettings
from pipeline.stage.prepared import Prepared


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
    results: Results
    progress: Progress
    specs: Specs
    test_runs: TestRuns
    findings: Findings
    artifacts: ArtifactStore
    gates: Gates
    effects: Effects
    interventions: Interventions
    learnings: Learnings
    pull_requests: PullRequests
    spending: Spending
    agents: Agents
    repositories: Mapping[str, Repository]
    snapshots: Snapshots
    forges: Mapping[str, Forge]
    """Of each repository."""
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
    prepared: dict[tuple[str, str], Prepared] = field(default_factory=dict)
    """Environments by repository and commit, as far as this process has looked: neither can change."""

    def tree(self, repository: str, purpose: str) -> Path:
        """Return the place of one tree of this epoch."""
        return self.workspaces / repository / purpose
