"""What the controller needs from outside, as Protocols, and the one value that carries all of it into `create_app`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from pipeline.change_request import ForgeKind, Reach, RepositoryTarget
from pipeline.effects.effect import Effect
from pipeline.effects.kinds import EffectKind, Result
from pipeline.errors import TransientError
from pipeline.machine.crash_points import Reached, unnoticed
from pipeline.ports import ChangedFile, Forge, KeyStore, SignatureVerifier, TenantBell, Webhooks
from pipeline.settings.process import ProcessSettings
from pipeline.store.dispatching import Dispatched
from pipeline.worker_loss import WorkerLoss


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a repository is, for whom, and how far its remote may lead."""

    tenant: str
    remote: str
    reach: Reach

    @classmethod
    def of(cls, tenant: str, target: RepositoryTarget) -> "Place":
        """Return the place of a registered or frozen repository."""
        return cls(tenant=tenant, remote=target.remote, reach=target.reach)


@dataclass(frozen=True, slots=True, kw_only=True)
class InspectedRepository:
    """A repository that a change request can work on, as found just now."""

    name: str
    """Proposed from the remote; letters, digits, dot, dash and underscore only."""
    remote: str
    """Normalised: an absolute path or a URL."""
    base_branch: str
    base_commit: str
    stack: str
    """What it is made of and how its tests run, in one line."""
    test_command: str
    manifest_hash: str
    """Identifies what decides the environments of its components; a check of it counts as long as this stays."""
    warnings: tuple[str, ...] = ()
    """What a person should know that refuses nothing, such as uncommitted changes."""
    unprotected: tuple[str, ...] = ()
    """What cannot be followed of the test command, and so not be kept from agents; a sentence each."""


class RepositoryInspector(Protocol):
    """Looks at a remote before anything is stored about it."""

    async def inspect(
        self, place: Place, base_branch: str | None, test_command: str | None, behaviour_path: str | None = None
    ) -> InspectedRepository:
        """Return what is there.

        Raises `CallerError` when it is unreachable, empty, shallow, lacks the branch or tests, or when a file or a link
        stands where the directory of `behaviour_path` has to be, and `NotPublic` when it could be looked at only on an
        administrator's word.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class RepositoryDiff:
    """What differs between two commits of one repository. `patch` is unified; `truncated` says that it was cut."""

    files: tuple[ChangedFile, ...]
    patch: str
    truncated: bool = False


class DiffReader(Protocol):
    """Reads differences from the git caches."""

    async def holds(self, tenant: str, target: RepositoryTarget, /, *commits: str) -> bool:
        """Whether all of these commits (full SHAs) can be read."""

    async def read(self, tenant: str, target: RepositoryTarget, /, base: str, head: str) -> RepositoryDiff:
        """Return the difference between two commits (full SHAs)."""


class RemoteRefs(Protocol):
    """Asks remotes what is there."""

    async def below(self, name: str, place: Place, prefixes: Sequence[str]) -> Mapping[str, str]:
        """Return the refs of a repository's remote below full prefixes, right now: name to commit."""


class EffectExecutor(Protocol):
    """Carries out one kind of effect: looks up first, then acts by compare-and-swap. Safe to repeat."""

    async def execute(self, effect: Effect) -> Result:
        """Return the result to record.

        Raises `Conflict` or `CallerError` for a final refusal by the outside, `PersonNeeded` when a person has to
        act first, `TransientError` for another try later.
        """


class NotLaunched(TransientError):
    """No worker was asked for, and none will come of it."""

    def __init__(self, loss: WorkerLoss) -> None:
        super().__init__(loss.cause)
        self.loss = loss


class LaunchObserver(Protocol):
    """Who wants to know what a launcher sees."""

    def launcher_ready(self) -> None:
        """Workers can be launched from now on."""

    async def worker_lost(self, order: Dispatched, loss: WorkerLoss) -> None:
        """A worker that was asked for did not come about, or is gone. Told once or more for an epoch, and after any delay."""


class Launcher(Protocol):
    """Starts workers: as processes on this machine, or as jobs elsewhere.

    Leases decide whether a worker is needed again, so a launcher never starts an epoch anew by itself.
    """

    @property
    def ready(self) -> bool:
        """Whether `launch` would be carried out now; dispatch waits until it would."""

    async def run(self, observer: LaunchObserver) -> None:
        """Serve until cancelled; raises when what starts workers is lost, and may be called again then."""

    async def launch(self, order: Dispatched) -> None:
        """Start the worker of one epoch, once however often it is asked for. Raises `NotLaunched`.

        What keeps it from starting later than this (no image, no machine) is told to the observer, which may take long.
        """

    async def stop(self, cr_id: str, epoch: int) -> None:
        """End the worker of one epoch if it runs here. Idempotent."""

    async def close(self) -> None:
        """End everything that was launched."""


class SurveyStarter(Protocol):
    """Starts the processes that check repositories. How one stands and ends is in its row, and nobody is told."""

    async def survey(self, tenant: str, survey_id: str) -> None:
        """Start the process of a run, once however often it is asked for while it works. Raises `NotLaunched`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How often background work looks by itself, in seconds; bells make it faster. Tests use fractions."""

    events_s: float = 1.0
    dispatch_s: float = 1.0
    reaper_s: float = 5.0
    outbox_s: float = 1.0
    timers_s: float = 5.0
    announcer_s: float = 1.0
    heartbeat_s: float = 15.0
    """Comment lines on silent event streams."""
    client_stall_s: float = 10.0
    """A client that takes nothing for this long is cut off; it resumes by `Last-Event-ID`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ControllerWiring:
    """Everything a controller is made of. `controller.process` fills it."""

    settings: ProcessSettings
    database_url: str
    """Of the application role."""
    inspector: RepositoryInspector
    diffs: DiffReader
    launcher: Launcher
    keys: KeyStore
    """By which evidence is signed."""
    signatures: SignatureVerifier
    executors: Mapping[EffectKind, EffectExecutor] = field(default_factory=dict)
    """By effect kind."""
    forges: Mapping[ForgeKind, Forge] = field(default_factory=dict)
    """Without the forge of its repository, a pull request waits for a controller that has it."""
    surveys: SurveyStarter | None = None
    """Without it nothing here checks repositories beyond a look."""
    remote_refs: RemoteRefs | None = None
    """Without it nobody can say what is still at a remote."""
    webhooks: Webhooks | None = None
    """Carries reports and notifications; without it they wait for a controller that can."""
    redis_url: str | None = None
    bell: TenantBell | None = None
    """Overrides the bell that follows from the two addresses."""
    alone: bool = False
    """True when no other controller can serve this database; then workers of a predecessor are replaced at once."""
    dashboard: Path | None = None
    """Directory of the built dashboard; None means the packaged one."""
    pace: Pace = field(default_factory=Pace)
    reached: Reached = unnoticed
    """Told the crash points around each effect's claim, act and record."""
