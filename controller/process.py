"""The controller as a process on one machine: the place that names its adapters.

Problem: something has to say which git, which launcher and which HTTP the controller works with. Choice: here, once; whoever
starts it hands over settings and how its own processes are started. Invariant: the local user's token works before the
first request is answered.
"""

import asyncio
from pathlib import Path

from controller.app import create_app
from controller.auth.token_file import keep_token
from controller.git_work import BranchPusher, GitDiffs, GitInspector, GitRemoteRefs, Merger, RefDeleter, SnapshotDeleter
from controller.launch.child import ForkServerChild
from controller.launch.own_processes import OwnProcesses
from controller.launch.process import ProcessLauncher
from controller.publishing import SnapshotPublisher
from controller.serve import serve
from controller.wiring import ControllerWiring, Place
from pipeline.adapters.clock import SystemClock
from pipeline.adapters.forges.local import LocalForge
from pipeline.adapters.git.network import Remote, network_of
from pipeline.adapters.git.remotes import inspect_remote
from pipeline.adapters.git.repository import cache_below, open_repository
from pipeline.adapters.git.runner import GitCommands
from pipeline.adapters.network.webhooks import HttpWebhooks
from pipeline.adapters.secret_scanner import DetectSecretsScanner
from pipeline.adapters.settings_secrets import SettingsSecrets
from pipeline.adapters.signing import Ed25519Verifier, FileKeyStore
from pipeline.effects.kinds import EffectKind
from pipeline.errors import CallerError
from pipeline.machine.crash_points import crash_points, unnoticed
from pipeline.ports import Author, RemoteFacts, Repository
from pipeline.settings.process import ProcessSettings

FORGES = {forge.kind: forge for forge in (LocalForge(),)}
"""A further forge is another line here and in the worker's wiring."""


def run_controller(
    settings: ProcessSettings,
    processes: OwnProcesses,
    *,
    alone: bool,
    fork_server: ForkServerChild,
    token_file: Path | None,
) -> None:
    """Serve until told to stop. `alone` states that no other controller serves this database.

    `fork_server` is one that already starts; `token_file` is kept with a token of the local user.
    """
    wired = wiring(settings, processes, alone=alone, fork_server=fork_server)
    if token_file is not None:
        keep_token(wired.database_url, settings.tenant, token_file)
    asyncio.run(serve(create_app(wired), settings, on_ready=lambda _url: None))


def wiring(
    settings: ProcessSettings, processes: OwnProcesses, *, alone: bool, fork_server: ForkServerChild | None = None
) -> ControllerWiring:
    """Put the controller of one machine together. `fork_server` is one that already starts."""
    if settings.database.url is None or settings.data_dir is None:
        raise CallerError(
            "The controller needs a database and a data directory.",
            field="CHANGELINE_DATABASE__URL",
            remedy="Use `changeline up`, which starts everything.",
        )
    opener = _Opener(settings, settings.data_dir / "git", processes)
    launcher = ProcessLauncher(processes.fork_server, begun=fork_server, environment=processes.environment_of_workers)
    return ControllerWiring(
        settings=settings,
        database_url=settings.database.url.get_secret_value(),
        redis_url=settings.redis.url.get_secret_value() if settings.redis.url else None,
        inspector=GitInspector(opener.open, opener.look, fetch_timeout_s=settings.git.first_fetch_timeout_s),
        diffs=GitDiffs(opener.open),
        remote_refs=GitRemoteRefs(opener.open),
        launcher=launcher,
        keys=FileKeyStore(settings.data_dir / "keys"),
        signatures=Ed25519Verifier(),
        surveys=launcher,
        executors={
            EffectKind.PUSH: BranchPusher(opener.open),
            EffectKind.MERGE: Merger(opener.open, FORGES),
            EffectKind.DELETE_REF: RefDeleter(opener.open),
            EffectKind.DELETE_SNAPSHOTS: SnapshotDeleter(opener.open),
            EffectKind.PUBLISH: SnapshotPublisher(opener.open, scanner=DetectSecretsScanner(), author=opener.author),
        },
        forges=FORGES,
        webhooks=HttpWebhooks(
            secrets=SettingsSecrets(settings.webhook.secrets, setting="CHANGELINE_WEBHOOK__SECRETS__"),
            private_hosts=settings.webhook.private_hosts,
            timeout_s=settings.webhook.timeout_s,
        ),
        alone=alone,
        reached=crash_points(settings) or unnoticed,
    )


class _Opener:
    def __init__(self, settings: ProcessSettings, cache_dir: Path, processes: OwnProcesses) -> None:
        self._commands = GitCommands(
            timeout_s=settings.git.command_timeout_s, transfer_timeout_s=settings.git.transfer_timeout_s,
            transfer_max_bytes=settings.git.transfer_max_bytes, memory_max_bytes=settings.git.memory_max_bytes,
            environment=dict(processes.environment),
        )  # fmt: skip
        git = settings.git
        self.author = Author(name=git.author_name, email=git.author_email, signs_off=git.sign_off)
        self._network = network_of(settings, self._commands)
        self._cache_dir = cache_dir
        self._owner = settings.tenant

    async def open(self, name: str, place: Place) -> Repository:
        return await open_repository(
            name=name,
            remote=self._at(place),
            cache_dir=cache_below(self._cache_dir, tenant=place.tenant, owner=self._owner),
            commands=self._commands,
            author=self.author,
            clock=SystemClock(),
        )

    async def look(self, place: Place, base_branch: str | None) -> RemoteFacts:
        return await inspect_remote(self._at(place), base_branch=base_branch)

    def _at(self, place: Place) -> Remote:
        return self._network.remote(place.remote, tenant=place.tenant, reach=place.reach)
