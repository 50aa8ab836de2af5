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
import hashlib
import os
import re
import shutil
from collections.abc import AsyncIterator, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from pipeline.adapters.git.answers import Answers
from pipeline.adapters.git.process import OUTPUT_MAX_BYTES, Child, Output, decoded, encoded
from pipeline.errors import CallerError, InvariantBroken, TransientError
from pipeline.machine import shortage

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

CONFIGURATION = {
    "core.hooksPath": "/dev/null",
    "core.fsmonitor": "false",
    "core.attributesFile": "/dev/null",
    "core.excludesFile": "/dev/null",
    "core.commitGraph": "false",
    "core.multiPackIndex": "false",
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
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_LITERAL_PATHSPECS": "1",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_ASKPASS": "false",
    "SSH_ASKPASS": "false",
    "GIT_EDITOR": "false",
    "GIT_PAGER": "cat",
    "GIT_SSH_COMMAND": SSH_COMMAND,
}

__all__ = ["Account", "GitCommands", "Output", "decoded", "encoded", "held", "search_path"]

_USERINFO = re.compile(r"(?<=://)[^/\s@]+@")
_NO_SUCH_PROGRAM = 127
_AT_ONCE_MAX = 64
_LOCK_POLL_S = 0.02
_TRANSFERS = frozenset({"fetch", "push", "index-pack", "pack-objects"})


@dataclass(frozen=True, slots=True)
class Account:
    """A user of this machine, as whom root lets git work: whoever a repository belongs to, or whoever a tree is for."""

    uid: int
    gid: int
    past_modes: bool = False
    """Whether files that modes close to this user are open to it all the same, as they are to root."""

    @property
    def wrapper(self) -> tuple[str, ...]:
        """The command that becomes this user for good."""
        kept = ",+dac_override" if self.past_modes else ""
        # Without the bit, `access` would judge by the user alone, and git takes that for the answer.
        ambient = (f"--ambient-caps=-all{kept}", "--securebits=+no_setuid_fixup") if kept else ()
        drop = (
            f"--reuid={self.uid}",
            f"--regid={self.gid}",
            "--clear-groups",
            f"--inh-caps=-all{kept}",
            *ambient,
            f"--bounding-set=-all{kept}",
        )
        return (_program("setpriv"), *drop, "--no-new-privs", "--")


class GitCommands:
    """Runs git commands off the event loop, each killable and with a timeout."""

    def __init__(
        self,
        *,
        timeout_s: float = 120.0,
        transfer_timeout_s: float = 1800.0,
        transfer_max_bytes: int = 16 * 1024**3,
        memory_max_bytes: int = 4 * 1024**3,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """Take the surrounding environment, of which only the names in `PASSED_ON` reach git.

        `transfer_timeout_s` bounds fetches and pushes, which move whole histories; `timeout_s` everything else.
        `transfer_max_bytes` bounds each file that git writes, packs above all; `memory_max_bytes` each git process.
        """
        self.timeout_s = timeout_s
        self.transfer_timeout_s = transfer_timeout_s
        self._file_max_bytes, self._memory_max_bytes = transfer_max_bytes, memory_max_bytes
        self._limits = _limits(transfer_max_bytes, memory_max_bytes)
        self._answers = Answers()
        # Threads of its own: a slow remote must not keep everything else from the loop's few.
        self._threads = ThreadPoolExecutor(_AT_ONCE_MAX, thread_name_prefix="git")
        given = (environment or {}).items()
        passed = {name: value for name, value in given if name in PASSED_ON and not _USERINFO.search(value)}
        self.surroundings: Mapping[str, str] = {**passed, "PATH": search_path()}
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
        account: Account | None = None,
        umask: int | None = None,
        timeout_s: float | None = None,
        unbroken: bool = False,
        file_max_bytes: int | None = None,
    ) -> Output:
        """Run `git <arguments>` to its end.

        Without `git_dir` no repository is used at all. `configuration` adds to what every command is told, or replaces
        it. `lock` is a descriptor from `held`. `account` is whose rights it has, when that is not this process's user;
        `umask` replaces this process's own. `unbroken` lets it end, within its time, when the caller is cancelled.
        `file_max_bytes` is a limit below that of all commands for each file that it writes.
        Raises `TransientError` after the timeout or when the machine is short of something, `CallerError` when the
        answer is absurdly long, `InvariantBroken` for an exit code not in `accept`.
        """
        assignments = self._assignments(index, environment or {}, configuration or {})
        command = [*(account.wrapper if account else ()), *self._command(arguments, git_dir, work_tree, assignments)]
        lower = None if file_max_bytes is None else min(file_max_bytes, self._file_max_bytes)
        limits = self._limits if lower is None else _limits(lower, self._memory_max_bytes)
        child = Child([*limits, *command], cwd=work_tree or Path("/"), stdin=stdin, lock=lock, umask=umask)
        bound = timeout_s or (self.transfer_timeout_s if arguments[0] in _TRANSFERS else self.timeout_s)
        output = await self._supervised(child, arguments[0], bound, unbroken=unbroken)
        return _accepted(output, arguments[0], accept, (work_tree, git_dir, index))

    def run_blocking(
        self, *arguments: str, git_dir: Path | None = None, stdin: bytes = b"", accept: Iterable[int] = (0,)
    ) -> Output:
        """Do the same as `run` for a program that has no event loop."""
        command = self._command(arguments, git_dir, None, self._assignments(None, {}, {}))
        child = Child([*self._limits, *command], cwd=Path("/"), stdin=stdin, lock=None)
        output = _in_time(child.run(self.timeout_s), arguments[0], self.timeout_s)
        return _accepted(output, arguments[0], accept, (git_dir,))

    def settings_in(self, text: bytes) -> list[tuple[str, str | None]] | None:
        """Return key and value of each line of a configuration, as data; None when it cannot be read. Blocks.

        Includes are not followed. The same text says the same for ever, so it is read once.
        """
        question = ("config", hashlib.sha256(text).hexdigest())
        listed = self._answers.to(question)
        if listed is None:
            output = self.run_blocking(
                "config", "--file", "-", "--no-includes", "--null", "--list", stdin=text, accept=(0, 128)
            )
            if output.code:
                return None
            listed = output.stdout
            self._answers.keep(question, listed)
        pairs = (entry.partition("\n") for entry in decoded(listed).split("\0")[:-1])
        return [(key, value if equals else None) for key, equals, value in pairs]

    def _command(
        self, arguments: tuple[str, ...], git_dir: Path | None, work_tree: Path | None, assignments: list[str]
    ) -> list[str]:
        argv = [_program("env"), "-i", *assignments, "git"]
        argv += [f"--git-dir={git_dir or '/dev/null'}"] if arguments[0] != "init" else []
        argv += [f"--work-tree={work_tree}"] if work_tree else []
        return [*argv, *arguments]

    async def _supervised(self, child: Child, name: str, timeout_s: float, *, unbroken: bool) -> Output:
        running = asyncio.get_running_loop().run_in_executor(self._threads, child.run, timeout_s)
        try:
            return _in_time(await asyncio.shield(running), name, timeout_s)
        except asyncio.CancelledError:
            if not unbroken:
                child.kill()
            await asyncio.wait({running})
            raise

    def _assignments(
        self, index: Path | None, environment: Mapping[str, str], configuration: Mapping[str, str]
    ) -> list[str]:
        settings = {**CONFIGURATION, **configuration}
        values = {**self._environment, **environment, "GIT_CONFIG_COUNT": str(len(settings))}
        for number, (key, value) in enumerate(settings.items()):
            values[f"GIT_CONFIG_KEY_{number}"] = key
            values[f"GIT_CONFIG_VALUE_{number}"] = value
        if index:
            values["GIT_INDEX_FILE"] = str(index)
        return [f"{name}={value}" for name, value in values.items()]


def search_path() -> str:
    """Return where programs are looked for: absolute directories only, because git also runs inside foreign trees."""
    return os.pathsep.join(directory for directory in os.get_exec_path() if directory.startswith("/"))


def _program(name: str) -> str:
    """Return where a program is: what is started from inside a foreign tree is never looked for by name."""
    return shutil.which(name, path=search_path()) or f"/usr/bin/{name}"


def _limits(file_max_bytes: int, memory_max_bytes: int) -> list[str]:
    program = shutil.which("prlimit", path=search_path())
    limits = [f"--fsize={file_max_bytes}", f"--data={memory_max_bytes}", "--core=0"]
    return [program, *limits, "--"] if program else []


def _in_time(output: Output | None, name: str, timeout_s: float) -> Output:
    if output is None:
        raise TransientError(f"git {name} did not finish within {timeout_s:g} s.", timeout_s=timeout_s)
    return output


def _accepted(output: Output, name: str, accept: Iterable[int], places: Iterable[Path | None]) -> Output:
    if output.cut:
        raise CallerError(
            f"git {name} answered more than {OUTPUT_MAX_BYTES // 1024**2} MiB.", field="repository",
            remedy="A repository with that many branches, or a change of that size, cannot be handled.",
        )  # fmt: skip
    if output.code == _NO_SUCH_PROGRAM:
        raise CallerError("git is not installed.", field="git", remedy="Install git 2.37 or later.")
    if output.code in accept:
        return output
    used = [place for place in places if place is not None]
    if (short := shortage.told_by(output.complaint) or shortage.without_room(used)) is not None:
        raise short
    raise InvariantBroken(f"git {name} failed.", exit_code=output.code, detail=output.complaint)


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
