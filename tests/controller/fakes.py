"""Hand-written stand-ins for what lies outside the controller: repositories, git caches, workers."""

import asyncio
from collections.abc import Callable

from controller.wiring import InspectedRepository, LaunchObserver, NotLaunched, Place, RepositoryDiff
from pipeline.change_request import RepositoryTarget
from pipeline.errors import CallerError
from pipeline.ports import ChangedFile
from pipeline.store.dispatching import Dispatched
from pipeline.worker_loss import LossKind, WorkerLoss


class ScriptedInspector:
    """Finds a Python repository everywhere, except where it was told to refuse."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Be as new."""
        self.refusals: dict[str, CallerError] = {}
        self.warnings: tuple[str, ...] = ()
        self.unprotected: tuple[str, ...] = ()
        self.manifest_hash = "0" * 64
        self.places: list[Place] = []
        self.asked: list[tuple[str, str | None, str | None]] = []

    async def inspect(
        self,
        place: Place,
        base_branch: str | None,
        test_command: str | None,
        behaviour_path: str | None = None,  # noqa: ARG002 - the port's name
    ) -> InspectedRepository:
        remote = place.remote
        self.places.append(place)
        self.asked.append((remote, base_branch, test_command))
        if remote in self.refusals:
            raise self.refusals[remote]
        name = remote.rstrip("/").rsplit("/", 1)[-1].removesuffix(".git")
        return InspectedRepository(
            name=name, remote=remote, base_branch=base_branch or "main", base_commit="b" * 40,
            stack="Python, pytest", test_command=test_command or "pytest", warnings=self.warnings,
            manifest_hash=self.manifest_hash, unprotected=self.unprotected,
        )  # fmt: skip


class ScriptedDiffs:
    """Says what it was asked for."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Be as new."""
        self.lost: set[tuple[str, str]] = set()
        """(repository, commit)."""

    async def holds(self, _tenant: str, target: RepositoryTarget, *commits: str) -> bool:
        return self.lost.isdisjoint((target.name, commit) for commit in commits)

    async def read(self, _tenant: str, target: RepositoryTarget, base: str, head: str) -> RepositoryDiff:
        changed = ChangedFile(path="a.py", status="M", added=1, removed=0)
        return RepositoryDiff(files=(changed,), patch=f"--- {target.name} {base[:4]}..{head[:4]}")


class ScriptedLauncher:
    """Remembers what it was asked to launch; exits are up to the test."""

    def __init__(self, *, ready: bool = True, on_launch: Callable[[Dispatched], None] | None = None) -> None:
        self._ready = ready
        self._on_launch = on_launch
        self.observer: LaunchObserver | None = None
        self.forget()

    def forget(self) -> None:
        """Be as new for whoever looks at what was asked for; who watches it stays."""
        self.launched: list[Dispatched] = []
        self.stopped: list[tuple[str, int]] = []

    @property
    def ready(self) -> bool:
        return self._ready

    async def run(self, observer: LaunchObserver) -> None:
        self.observer = observer
        observer.launcher_ready()
        await asyncio.Event().wait()

    async def launch(self, order: Dispatched) -> None:
        if not self._ready:
            raise NotLaunched(WorkerLoss(kind=LossKind.LAUNCHER_AWAY, cause="it is not ready"))
        if any((known.cr_id, known.epoch) == (order.cr_id, order.epoch) for known in self.launched):
            return
        self.launched.append(order)
        if self._on_launch:
            self._on_launch(order)

    async def stop(self, cr_id: str, epoch: int) -> None:
        self.stopped.append((cr_id, epoch))

    async def close(self) -> None:
        self._ready = False


class ScriptedSurveys:
    """Remembers which checks it was asked to start; what they find is up to the test."""

    def __init__(self) -> None:
        self.ready = True
        self.asked: list[tuple[str, str]] = []

    async def survey(self, tenant: str, survey_id: str) -> None:
        if not self.ready:
            raise NotLaunched(WorkerLoss(kind=LossKind.LAUNCHER_AWAY, cause="the fork server is not ready"))
        self.asked.append((tenant, survey_id))
