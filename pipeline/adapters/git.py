"""Runs git, and nothing that a repository, a user or the surrounding machine would like git to run.

Problem: git executes what configuration tells it to (hooks, fsmonitor, filters, credential helpers, `ext::` remotes) and
finds that configuration by itself in trees that agents write. Choice: one command layer over GitPython's execution
layer. Each command names its git directory, starts from an empty environment, reads neither system nor user
configuration, and runs in a session of its own. Invariant: nothing outlives its caller. Cancelling or a timeout kills
the process and its transport children before control returns; a lock that a command works under is inherited by it, so
that a process orphaned by `kill -9` keeps others out until it ends.
"""

import asyncio
import contextlib
import fcntl
import os
import re
import signal
import subprocess
import tempfile
import threading
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from git.cmd import Git

from pipeline import shortage
from pipeline.errors import InvariantBroken, TransientError

PASSED_ON = frozenset(
    {
        "HOME",
        "SSH_AUTH_SOCK",
        "HTTPS_PROXY",
        "HTTP_PROXY",
        "NO_PROXY",
        "https_proxy",
        "http_proxy",
        "no_proxy",
        "SSL_CERT_FILE",
        "SSL_CERT_DIR",
    }
)
"""The only names that a composition root's environment may contribute to git's: what ssh and HTTPS need.

Values with a user name or a password in a URL are left out, because other users can see how a process was started.
"""

_CONFIGURATION = {
    "core.hooksPath": "/dev/null",
    "core.fsmonitor": "false",
    "core.attributesFile": "/dev/null",
    "core.excludesFile": "/dev/null",
    "core.autocrlf": "false",
    "core.symlinks": "true",
    "core.fileMode": "true",
    "core.ignoreCase": "false",
    "core.untrackedCache": "false",
    "core.splitIndex": "false",
    "core.quotePath": "false",
    "core.logAllRefUpdates": "false",
    "commit.gpgSign": "false",
    "credential.helper": "",
    "fetch.recurseSubmodules": "false",
    "push.recurseSubmodules": "no",
    "submodule.recurse": "false",
    "gc.auto": "0",
    "maintenance.auto": "false",
    "init.defaultBranch": "main",
    "merge.conflictStyle": "diff3",
    "rerere.enabled": "false",
    "transfer.credentialsInUrl": "die",
    "http.lowSpeedLimit": "1000",
    "http.lowSpeedTime": "60",
    "protocol.allow": "never",
    "protocol.ext.allow": "never",
    "protocol.file.allow": "always",
    "protocol.ssh.allow": "always",
    "protocol.https.allow": "always",
    "protocol.http.allow": "always",
}

SSH_COMMAND = "ssh -oBatchMode=yes -oConnectTimeout=30 -oServerAliveInterval=15 -oServerAliveCountMax=4"

_FIXED = {
    "LC_ALL": "C",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_ATTR_NOSYSTEM": "1",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_LITERAL_PATHSPECS": "1",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_ASKPASS": "false",
    "SSH_ASKPASS": "false",
    "GIT_EDITOR": "false",
    "GIT_PAGER": "cat",
    "GIT_SSH_COMMAND": SSH_COMMAND,
}

_USERINFO = re.compile(r"(?<=://)[^/\s@]+@")
_LOCK_POLL_S = 0.02
_TRANSFERS = frozenset({"fetch", "push"})


@dataclass(frozen=True, slots=True)
class Output:
    """How a command ended. `text` decodes paths so that they can be given back to git byte for byte."""

    code: int
    stdout: bytes
    stderr: bytes

    @property
    def text(self) -> str:
        """The standard output without its last newline."""
        return decoded(self.stdout).removesuffix("\n")

    @property
    def fields(self) -> list[str]:
        """The parts of an output that was asked for with `-z`."""
        return decoded(self.stdout).split("\0")[:-1] if self.stdout else []

    @property
    def complaint(self) -> str:
        """The end of the standard error, free of user names and passwords."""
        return _USERINFO.sub("", self.stderr.decode("utf-8", "replace").strip())[-2000:]


def decoded(raw: bytes) -> str:
    """Decode as git paths are: UTF-8, other bytes as surrogates that encode back to themselves."""
    return raw.decode("utf-8", "surrogateescape")


def encoded(text: str) -> bytes:
    """Undo `decoded`."""
    return text.encode("utf-8", "surrogateescape")


class GitCommands:
    """Runs git commands off the event loop, each killable and with a timeout."""

    def __init__(
        self,
        *,
        timeout_s: float = 120.0,
        transfer_timeout_s: float = 1800.0,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """Take the surrounding environment, of which only the names in `PASSED_ON` reach git.

        `transfer_timeout_s` bounds fetches and pushes, which move whole histories; `timeout_s` everything else.
        """
        self.timeout_s = timeout_s
        self.transfer_timeout_s = transfer_timeout_s
        given = (environment or {}).items()
        passed = {name: value for name, value in given if name in PASSED_ON and not _USERINFO.search(value)}
        self.surroundings: Mapping[str, str] = {**passed, "PATH": os.pathsep.join(os.get_exec_path())}
        self._environment = {**self.surroundings, **_FIXED}

    async def run(
        self,
        *arguments: str,
        git_dir: Path | None = None,
        work_tree: Path | None = None,
        index: Path | None = None,
        stdin: bytes = b"",
        environment: Mapping[str, str] | None = None,
        configuration: Mapping[str, str] | None = None,
        accept: Iterable[int] = (0,),
        lock: int | None = None,
    ) -> Output:
        """Run `git <arguments>` to its end.

        Without `git_dir` no repository is used at all. `configuration` adds to what every command is told, or replaces
        it. `lock` is a descriptor from `held`. Raises `TransientError`
        after the timeout or when the machine is short of something, `InvariantBroken` for an exit code not in `accept`.
        """
        argv = ["env", "-i", *self._assignments(index, environment or {}, configuration or {}), "git"]
        argv += [f"--git-dir={git_dir or '/dev/null'}"] if arguments[0] != "init" else []
        argv += [f"--work-tree={work_tree}"] if work_tree else []
        child = _Child([*argv, *arguments], cwd=work_tree or Path("/"), stdin=stdin, lock=lock)
        timeout_s = self.transfer_timeout_s if arguments[0] in _TRANSFERS else self.timeout_s
        output = await self._supervised(child, arguments[0], timeout_s)
        if output.code in accept:
            return output
        places = [place for place in (work_tree, git_dir, index) if place is not None]
        if (short := shortage.told_by(output.complaint) or shortage.without_room(places)) is not None:
            raise short
        raise InvariantBroken(f"git {arguments[0]} failed.", exit_code=output.code, detail=output.complaint)

    async def _supervised(self, child: "_Child", name: str, timeout_s: float) -> Output:
        running = asyncio.ensure_future(asyncio.to_thread(child.run, timeout_s))
        try:
            output = await asyncio.shield(running)
        except asyncio.CancelledError:
            child.kill()
            await asyncio.wait({running})
            raise
        if output is None:
            raise TransientError(f"git {name} did not finish within {timeout_s:g} s.", timeout_s=timeout_s)
        return output

    def _assignments(
        self, index: Path | None, environment: Mapping[str, str], configuration: Mapping[str, str]
    ) -> list[str]:
        settings = {**_CONFIGURATION, **configuration}
        values = {**self._environment, **environment, "GIT_CONFIG_COUNT": str(len(settings))}
        for number, (key, value) in enumerate(settings.items()):
            values[f"GIT_CONFIG_KEY_{number}"] = key
            values[f"GIT_CONFIG_VALUE_{number}"] = value
        if index:
            values["GIT_INDEX_FILE"] = str(index)
        return [f"{name}={value}" for name, value in values.items()]


class _Child:
    """One git process that leads its own session, so that one signal reaches it and its transport."""

    def __init__(self, argv: list[str], *, cwd: Path, stdin: bytes, lock: int | None) -> None:
        self._argv = argv
        self._cwd = cwd
        self._stdin = stdin
        self._lock = lock
        self._guard = threading.Lock()
        self._killed = False
        self._process: subprocess.Popen[bytes] | None = None

    def run(self, timeout_s: float) -> Output | None:
        """Block until the process ended; None when it was killed or ran out of time."""
        with tempfile.TemporaryFile() as stdin:
            stdin.write(self._stdin)
            stdin.seek(0)
            with self._guard:
                if self._killed:
                    return None
                started = Git(self._cwd).execute(
                    self._argv,
                    istream=stdin,
                    as_process=True,
                    start_new_session=True,
                    pass_fds=() if self._lock is None else (self._lock,),
                )
                process = self._process = started.proc
        if process is None:
            raise InvariantBroken("GitPython handed out no process.")
        try:
            stdout, stderr = process.communicate(timeout=timeout_s)
        except subprocess.TimeoutExpired:
            self.kill()
            process.communicate()
            return None
        return None if self._was_killed() else Output(process.returncode, stdout, stderr)

    def kill(self) -> None:
        """End the whole session at once; a child that has not started yet will not start."""
        with self._guard:
            self._killed = True
            if self._process is not None and self._process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(self._process.pid, signal.SIGKILL)

    def _was_killed(self) -> bool:
        with self._guard:
            return self._killed


@contextlib.asynccontextmanager
async def held(path: Path, *, wait_s: float) -> AsyncIterator[int]:
    """Hold an exclusive lock between processes and tasks; yield its descriptor, to be handed on to commands.

    The holder may delete the file. Raises `TransientError` when others keep the lock for `wait_s`.
    """
    descriptor = None
    try:
        async with asyncio.timeout(wait_s):
            while (descriptor := _locked(path)) is None:  # noqa: ASYNC110 - other processes set no asyncio.Event
                await asyncio.sleep(_LOCK_POLL_S)
    except TimeoutError as error:
        raise TransientError("Another process keeps this repository's lock.", lock=path.name) from error
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _locked(path: Path) -> int | None:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.fstat(descriptor).st_ino == path.stat().st_ino:
            return descriptor
    except (BlockingIOError, FileNotFoundError):
        pass
    os.close(descriptor)
    return None
