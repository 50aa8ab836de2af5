"""The controller as a process on this machine: names the adapters, starts the fork server through the launcher."""

import os
import sys
from pathlib import Path

from controller.git_work import DeleteRef, GitDiffs, GitInspector, Merge, PushBranch
from controller.launch.process import ProcessLauncher
from controller.serve import serve
from controller.wiring import ControllerWiring
from pipeline.adapters.clock import SystemClock
from pipeline.adapters.forge_local import LocalForge
from pipeline.adapters.git import GitCommands
from pipeline.adapters.git_remotes import inspect_remote
from pipeline.adapters.git_repository import open_repository
from pipeline.errors import CallerError
from pipeline.ports import Author, RemoteFacts, Repository
from pipeline.settings import Settings

WORKER_ARGV = [sys.executable, "-m", "cli", "worker", "--fork-server"]


def run_controller(settings: Settings, *, alone: bool) -> None:
    """Serve until told to stop. `alone` states that no other controller serves this database."""
    serve(wiring(settings, alone=alone))


def wiring(settings: Settings, *, alone: bool) -> ControllerWiring:
    """Put the controller of one machine together."""
    if settings.database.url is None or settings.data_dir is None:
        raise CallerError(
            "The controller needs a database and a data directory.",
            field="CHANGELINE_DATABASE__URL",
            remedy="Use `changeline up`, which starts everything.",
        )
    opener = _Opener(settings, settings.data_dir / "git")
    return ControllerWiring(
        settings=settings,
        database_url=settings.database.url.get_secret_value(),
        redis_url=settings.redis.url.get_secret_value() if settings.redis.url else None,
        inspector=GitInspector(opener.open, opener.look),
        diffs=GitDiffs(opener.open),
        launcher=ProcessLauncher(WORKER_ARGV),
        executors={
            "push": PushBranch(opener.open),
            "merge": Merge(opener.open, LocalForge()),
            "delete_ref": DeleteRef(opener.open),
        },
        alone=alone,
    )


class _Opener:
    def __init__(self, settings: Settings, cache_dir: Path) -> None:
        # The composition root is where the surrounding environment enters; git takes only what it names itself.
        self._commands = GitCommands(timeout_s=settings.git.command_timeout_s, environment=os.environ)  # noqa: TID251 - as said above
        self._author = Author(name=settings.git.author_name, email=settings.git.author_email)
        self._cache_dir = cache_dir

    async def open(self, name: str, remote: str) -> Repository:
        return await open_repository(
            name=name,
            remote=remote,
            cache_dir=self._cache_dir,
            commands=self._commands,
            author=self._author,
            clock=SystemClock(),
        )

    async def look(self, remote: str, base_branch: str | None) -> RemoteFacts:
        return await inspect_remote(self._commands, remote, base_branch=base_branch)
