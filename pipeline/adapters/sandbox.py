"""Containment of tool processes: bubblewrap where it works, an honest refusal where it does not.

Problem: commands of agents and of target repositories are untrusted, and leave daemons, floods and hung processes
behind. Choice: every command gets file system, process, network and IPC namespaces of its own, a user that owns
nothing else (`sandbox_identity`), a named view of the machine (`sandbox_view`), a system-call filter (`seccomp`) and
resource limits (`sandbox_limits`). Invariant: when `run` returns or raises, nothing that the command started is alive.
"""

import asyncio
import inspect
import os
import shutil
import sys
import tempfile
import time
from contextlib import AsyncExitStack, ExitStack
from pathlib import Path

from pipeline.adapters import egress_forwarder, sandbox_view, seccomp
from pipeline.adapters.egress_proxy import EgressProxy
from pipeline.adapters.process_io import CappedOutput, Ending, settle
from pipeline.adapters.sandbox_identity import give, identity_for
from pipeline.adapters.sandbox_limits import limited, refuse_unstartable
from pipeline.adapters.sandbox_mounts import mountable
from pipeline.adapters.sandbox_process import Launch, Namespace, in_memory
from pipeline.adapters.toolchains import own_python, toolchain_paths
from pipeline.adapters.uncontained import Refusing, Uncontained, result_of, unavailable
from pipeline.errors import PersonNeeded
from pipeline.ports import CommandResult, Isolation, Network, Sandbox, SandboxCommand
from pipeline.settings import EnvironmentSettings, SandboxSettings

_FORWARDER = Path("/run/changeline/forwarder.py")
_EGRESS = Path("/run/changeline/egress")
_PROBE_TIMEOUT_S = 20.0


async def start_sandbox(
    settings: SandboxSettings,
    environment: EnvironmentSettings,
    *,
    hidden: tuple[Path, ...],
    known: Isolation | None = None,
) -> Sandbox:
    """Return what this machine can do, checked by doing it: contained, else as the operator allowed, else refusing.

    `hidden` names the pipeline's own directories and files (data, git cache, sockets): no tool ever sees them, except
    paths below them that a command lists itself. `known` is what an earlier look at this machine found; only good news
    are believed without another look.
    """
    egress = EgressProxy(environment.registries, private_hosts=environment.private_registries)
    sandbox = Bubblewrap(settings, egress, hidden=hidden, known=known)
    isolation = sandbox.isolation() if sandbox.isolation().active else await sandbox.probe()
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

    def isolation(self) -> Isolation:
        """Say what `probe` found."""
        return self._isolation

    async def probe(self) -> Isolation:
        """Run a small command under full containment and remember whether that works, and why not."""
        problem = _missing_parts() or await self._trial()
        root, filtered = os.geteuid() == 0, seccomp.program() is not None
        whose = "a user of its own for each worktree" if root else "this user, in a user namespace"
        calls = "system calls filtered" if filtered else "no system-call filter on this machine"
        detail = f"file system, processes and network isolated; {whose}; {calls}"
        self._isolation = Isolation(name="none" if problem else "bubblewrap", detail=problem or detail)
        return self._isolation

    async def run(self, command: SandboxCommand) -> CommandResult:
        """Run as the port says, from a thread that outlives the command: the tree dies with the thread that started it."""
        if not self._isolation.active:
            raise unavailable(self._isolation.detail)
        return await self._run(command)

    async def _trial(self) -> str:
        check = ("/bin/sh", "-c", "test $(id -u) -ne 0 && : > written")
        with tempfile.TemporaryDirectory(prefix="changeline-probe-") as directory:
            tree = Path(os.path.realpath(directory))  # noqa: ASYNC240 - one short look at start-up
            command = SandboxCommand(argv=check, cwd=tree, writable=(tree,), timeout_s=_PROBE_TIMEOUT_S)
            try:
                result = await self._run(command)
            except PersonNeeded as error:
                return error.message
        return "" if result.exit_code == 0 else result.output.strip() or f"the trial ended with {result.exit_code}"

    async def _run(self, command: SandboxCommand) -> CommandResult:
        refuse_unstartable(command)
        command = await asyncio.to_thread(mountable, command)
        identity = identity_for(command.writable[0] if command.writable else command.cwd)
        files, read_only, sockets, payload = identity.files(), self._settings.read_only, {}, command.argv
        async with AsyncExitStack() as stack:
            if command.network is Network.REGISTRIES:
                python = own_python()
                sockets[_EGRESS] = await stack.enter_async_context(self._egress.serving())
                files[_FORWARDER] = inspect.getsource(egress_forwarder).encode()
                read_only = (*read_only, *toolchain_paths(python))
                payload = (str(python), "-I", "-S", str(_FORWARDER), str(_EGRESS), *payload)
            descriptors = stack.enter_context(ExitStack())
            shown = {path: in_memory(descriptors, content) for path, content in files.items()}
            view = sandbox_view.View(
                read_only=read_only,
                hidden=self._hidden,
                scratch_max_bytes=self._settings.memory_max_bytes,
                files=shown,
                sockets=sockets,
            )
            mounts = sandbox_view.arguments(command, view)
            for path in command.writable:
                await asyncio.to_thread(give, path, identity)
            launch = Launch(
                executable=shutil.which("bwrap") or "bwrap",
                arguments=("--new-session", "--die-with-parent", *identity.arguments, *mounts),
                payload=(*identity.wrapper, *limited(self._settings, (*_environment(command), *payload))),
                stdin=command.stdin,
                seccomp=seccomp.program(),
                descriptors=tuple(shown.values()),
            )
            return await self._supervise(command, launch)

    async def _supervise(self, command: SandboxCommand, launch: Launch) -> CommandResult:
        started = time.monotonic()
        output, ending = CappedOutput(command.output_max_bytes), Ending()
        namespace = Namespace(launch, output)
        try:
            ending = await namespace.watch(
                timeout_s=command.timeout_s, memory_max_bytes=self._settings.memory_max_bytes
            )
        finally:
            _, cancelled = await settle(namespace.end())
        if cancelled is not None:
            raise cancelled
        return result_of(ending, output, namespace.exit_code, time.monotonic() - started)


def _environment(command: SandboxCommand) -> tuple[str, ...]:
    """Set variables after privileges were dropped: some of them tell the dynamic linker what to load."""
    variables = sandbox_view.environment(command)
    return ("/usr/bin/env", "-i", *(f"{name}={value}" for name, value in variables.items()))


def _missing_parts() -> str:
    if sys.platform != "linux":
        return "bubblewrap exists on Linux only"
    needed = ("bwrap", "prlimit", *(("setpriv",) if os.geteuid() == 0 else ()))
    missing = [name for name in needed if shutil.which(name) is None]
    return f"not found on PATH: {', '.join(missing)}" if missing else ""
