"""Containment of tool processes: bubblewrap where it works, an honest refusal where it does not.

Problem: commands of agents and of target repositories are untrusted, and leave daemons, floods and hung processes
behind. Choice: every command gets file system, process, network and IPC namespaces of its own, a user that owns
nothing else (`sandbox_identity`), a named view of the machine (`sandbox_view`), a system-call filter (`seccomp`) and
limits: of each process (`sandbox_limits`), of memory (`cgroups`, else `tree_memory`), of disk (`disk_watch`). Invariant:
when `run` returns or raises, nothing that the command started is alive.
"""

import asyncio
import inspect
import os
import shutil
import stat
import sys
import time
from collections.abc import Mapping
from contextlib import AsyncExitStack, ExitStack
from dataclasses import replace
from pathlib import Path

from pipeline.adapters.environments.toolchains import own_python, toolchain_paths
from pipeline.adapters.network import egress_forwarder
from pipeline.adapters.network.egress_proxy import EgressProxy
from pipeline.adapters.process_io import CappedOutput, Ending, settle
from pipeline.adapters.sandbox import fixed_place, seccomp, start_up_check, visibility
from pipeline.adapters.sandbox.cgroups import CgroupParent, CommandGroup, candidates, parent_at
from pipeline.adapters.sandbox.disk_watch import DiskWatch, KnownTrees
from pipeline.adapters.sandbox.identity import Identity, give, identity_for
from pipeline.adapters.sandbox.limits import limited, refuse_unstartable
from pipeline.adapters.sandbox.mounts import make_places, mountable
from pipeline.adapters.sandbox.process import Launch, Namespace, in_memory
from pipeline.adapters.sandbox.results import result_of, unavailable
from pipeline.adapters.sandbox.start_up_check import Places
from pipeline.adapters.sandbox.tree_memory import MeasuredMemory
from pipeline.adapters.sandbox.tree_usage import Usage
from pipeline.adapters.sandbox.uncontained import Refusing, Uncontained
from pipeline.ports import CommandResult, Isolation, Network, Sandbox, SandboxCommand
from pipeline.settings.process import EnvironmentSettings, SandboxSettings

_FORWARDER = Path("/run/changeline/forwarder.py")
_EGRESS = Path("/run/changeline/egress")


async def start_sandbox(
    settings: SandboxSettings,
    environment: EnvironmentSettings,
    *,
    hidden: tuple[Path, ...],
    places: Places | None = None,
    known: Isolation | None = None,
) -> Sandbox:
    """Return what this machine can do, checked by doing it: contained, else as the operator allowed, else refusing.

    `hidden` names the pipeline's own directories and files (data, git cache, sockets): no tool ever sees them, except
    paths below them that a command lists itself. `places` are the directories that change requests will work in, so that
    the check is made there. `known` is what an earlier look at this machine found; only good news
    are believed without another look.
    """
    egress = EgressProxy(environment.registries, private_hosts=environment.private_registries)
    sandbox = Bubblewrap(settings, egress, hidden=hidden, known=known)
    isolation = sandbox.isolation() if sandbox.isolation().active else await sandbox.probe(places)
    if isolation.active:
        return sandbox
    return Uncontained(settings, isolation.detail) if settings.allow_uncontained else Refusing(isolation.detail)


class Bubblewrap:
    """The `Sandbox` port by bubblewrap. Refuses to run anything before `probe` has succeeded."""

    def __init__(
        self,
        settings: SandboxSettings,
        egress: EgressProxy,
        *,
        hidden: tuple[Path, ...],
        known: Isolation | None = None,
    ) -> None:
        self._settings = settings
        self._egress = egress
        self._hidden = hidden
        self._isolation = known or Isolation(name="none", detail="not checked yet")
        self._cgroups = parent_at(known.cgroup) if known and known.cgroup else None
        self._trees = KnownTrees()

    def isolation(self) -> Isolation:
        """Say what `probe` found."""
        return self._isolation

    async def probe(self, places: Places | None = None) -> Isolation:
        """Run small commands under full containment and remember whether that works, and why not."""
        problem = _missing_parts()
        if not problem:
            with start_up_check.trial(places) as trial:
                problem = trial.problem or await trial.paths_work(self._run) or await self._find_memory_limit(trial)
        if problem:
            self._isolation = Isolation(name="none", detail=problem)
        else:
            cgroup = str(self._cgroups.memory) if self._cgroups else ""
            self._isolation = Isolation(name="bubblewrap", detail=self._in_words(), cgroup=cgroup)
        return self._isolation

    def _in_words(self) -> str:
        root, filtered = os.geteuid() == 0, seccomp.program() is not None
        whose = "a user of its own for each worktree" if root else "this user, in a user namespace"
        calls = "system calls filtered" if filtered else "no system-call filter on this machine"
        counted = f"by cgroup v{self._cgroups.version}" if self._cgroups else "measured 4 times a second"
        limits = self._settings
        return (
            f"file system, processes and network isolated; {whose}; {calls}; "
            f"memory of a command at most {_in_gib(limits.memory_max_bytes)}, {counted}; "
            f"disk of a tree at most {_in_gib(limits.tree_max_bytes)} in {limits.tree_max_files} entries"
        )

    async def _find_memory_limit(self, trial: start_up_check.Trial) -> str:
        """Choose who counts the memory of commands: whoever stops one that takes too much. Returns why nobody does."""
        why = ""
        for parent in candidates(self._settings.cgroup) if self._settings.cgroup != "off" else ():
            try:
                parent.prepare()
            except OSError as error:
                why = f"{parent.memory}: {error.strerror}"
                continue
            why = await trial.memory_is_limited(self._frugally(parent))
            if not why:
                self._cgroups = parent
                return ""
        if self._settings.cgroup not in {"", "off"}:
            return f"CHANGELINE_SANDBOX__CGROUP={self._settings.cgroup} does not limit memory: {why}"
        return await trial.memory_is_limited(self._frugally(None))

    def _frugally(self, cgroups: CgroupParent | None) -> start_up_check.Run:
        """Return how to run a command with little memory, counted by these cgroups or measured."""
        little = self._settings.model_copy(update={"memory_max_bytes": start_up_check.LITTLE_MEMORY_BYTES})
        other = Bubblewrap(little, self._egress, hidden=self._hidden)
        other._cgroups = cgroups
        return other._run

    async def run(self, command: SandboxCommand) -> CommandResult:
        """Run as the port says, from a thread that outlives the command: the tree dies with the thread that started it."""
        if not self._isolation.active:
            raise unavailable(self._isolation.detail)
        return await self._run(command)

    async def _run(self, command: SandboxCommand) -> CommandResult:
        refuse_unstartable(command)
        command = await asyncio.to_thread(mountable, command)
        identity = identity_for(command.writable[0] if command.writable else command.cwd)
        tree = fixed_place.tree_of(command)
        told = fixed_place.told(command, tree)
        files, read_only, sockets, payload = identity.files(command.account), self._settings.read_only, {}, told.argv
        async with AsyncExitStack() as stack:
            if command.network is Network.REGISTRIES:
                python = own_python()
                sockets[_EGRESS] = await stack.enter_async_context(self._egress.serving())
                files[_FORWARDER] = inspect.getsource(egress_forwarder).encode()
                read_only = (*read_only, *toolchain_paths(python))
                payload = (str(python), "-I", "-S", str(_FORWARDER), str(_EGRESS), *payload)
            descriptors = stack.enter_context(ExitStack())
            shown = {path: in_memory(descriptors, content) for path, content in files.items()}
            view = visibility.View(
                read_only=read_only,
                hidden=self._hidden,
                scratch_max_bytes=self._settings.memory_max_bytes,
                files=shown,
                sockets=sockets,
                tree=tree,
            )
            mounts = visibility.arguments(told, view)
            found: dict[Path, Usage] = {}
            for path in command.writable or visibility.looked_at(command):
                usage = await _hand_over(path, identity, to_read=not command.writable)
                found |= {} if usage is None else {path: usage}
            await asyncio.to_thread(make_places, command)
            for path in command.writable:
                _keep_open(path)
            launch = Launch(
                executable=shutil.which("bwrap") or "bwrap",
                arguments=("--new-session", "--die-with-parent", *identity.arguments, *mounts),
                payload=(*identity.wrapper, *limited(self._settings, (*_environment(told), *payload))),
                stdin=command.stdin,
                seccomp=seccomp.program(memory_counted=self._cgroups is not None),
                descriptors=tuple(shown.values()),
            )
            return await self._supervise(command, launch, found)

    async def _supervise(self, command: SandboxCommand, launch: Launch, found: Mapping[Path, Usage]) -> CommandResult:
        started = time.monotonic()
        output, ending = CappedOutput(command.output_max_bytes), Ending()
        disk = DiskWatch(paths=command.writable, settings=self._settings, known=self._trees)
        try:
            await disk.begin(found)
            memory = self._memory(command)
            namespace = _started(launch, output, memory)
            try:
                ending = await namespace.watch((memory, disk), timeout_s=command.timeout_s)
            finally:
                (starved, peak), cancelled = await settle(_end(namespace, memory))
            if cancelled is not None:
                raise cancelled
            if ending == Ending():
                ending = starved or await disk.after() or ending
        finally:
            disk.cancel()
        result = result_of(ending, output, namespace.exit_code, time.monotonic() - started)
        return replace(result, memory_peak_bytes=peak)

    def _memory(self, command: SandboxCommand) -> CommandGroup | MeasuredMemory:
        limit = self._settings.memory_max_bytes
        if self._cgroups is None:
            return MeasuredMemory(limit=limit, scratch=(*visibility.scratch(command), *command.scratch))
        try:
            return self._cgroups.begin(memory_max_bytes=limit, processes_max=self._settings.processes_max)
        except OSError as error:
            raise unavailable(f"{self._cgroups.memory}: {error.strerror}") from error


def _started(launch: Launch, output: CappedOutput, memory: CommandGroup | MeasuredMemory) -> Namespace:
    try:
        return Namespace(launch, output)
    except BaseException:
        memory.discard()
        raise


async def _end(namespace: Namespace, memory: CommandGroup | MeasuredMemory) -> tuple[Ending | None, int]:
    await namespace.end()
    starved, peak = memory.ending(), memory.peak_bytes
    await memory.end()
    return starved, peak


async def _hand_over(path: Path, identity: Identity, *, to_read: bool) -> Usage | None:
    try:
        return await asyncio.to_thread(give, path, identity, to_read=to_read)
    except OSError as error:
        raise unavailable(
            f"{error.filename or path} cannot be handed to the user of tools: {error.strerror}"
        ) from error


def _environment(command: SandboxCommand) -> tuple[str, ...]:
    """Set variables after privileges were dropped: some of them tell the dynamic linker what to load."""
    variables = visibility.environment(command)
    return ("/usr/bin/env", "-i", *(f"{name}={value}" for name, value in variables.items()))


def _missing_parts() -> str:
    if sys.platform != "linux":
        return "bubblewrap exists on Linux only"
    needed = ("bwrap", "prlimit", *(("setpriv",) if os.geteuid() == 0 else ()))
    missing = [name for name in needed if shutil.which(name) is None]
    return f"not found on PATH: {', '.join(missing)}" if missing else ""


def _keep_open(tree: Path) -> None:
    """Let the owner of a tree enter it: a command that closed it would have stopped all that follow."""
    mode = tree.lstat().st_mode
    if stat.S_ISDIR(mode) and mode & stat.S_IRWXU != stat.S_IRWXU:
        tree.chmod(stat.S_IMODE(mode) | stat.S_IRWXU)


def _in_gib(size: int) -> str:
    return f"{size / 1024**3:.3g} GiB"
