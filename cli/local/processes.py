"""Naming a process for certain, and ending it.

Problem: a number in a pid file outlives its process, and the number is given to another one. Choice: a process is
known by its number together with the moment it started; as root, the servers run under a number of their own.
Invariant: a signal is only ever sent to a process whose start matches what was recorded. A zombie counts as gone.
"""

import os
import pwd
import signal
import stat
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

from pipeline.errors import CallerError

SERVER_UID = 60_832
"""User and group number of PostgreSQL and Redis when root starts them; it needs no account and lies where neither
distributions nor systemd hand numbers out."""
_POLL_S = 0.05


@dataclass(frozen=True, slots=True)
class ServerAccount:
    """The unprivileged identity that servers get when root starts them."""

    uid: int
    gid: int


def server_account() -> ServerAccount | None:
    """None for an ordinary user, whose servers run as that user."""
    return ServerAccount(SERVER_UID, SERVER_UID) if os.geteuid() == 0 else None


def initdb_account() -> ServerAccount:
    """`initdb` refuses a number without an account, so it runs as nobody and its files change hands afterwards."""
    try:
        nobody = pwd.getpwnam("nobody")
    except KeyError as error:
        raise CallerError(
            "PostgreSQL cannot be initialised by root: this system has no account named 'nobody'.",
            remedy="Start Changeline as an ordinary user.",
        ) from error
    return ServerAccount(nobody.pw_uid, nobody.pw_gid)


def reachable_by(path: Path, account: ServerAccount) -> bool:
    """True when permission bits let the account enter every directory above the file and read (or run) it."""
    path = path.resolve()
    wanted = stat.S_IROTH | (stat.S_IXOTH if os.access(path, os.X_OK) else 0)
    return enterable_by(path.parent, account) and _allows(path, account, wanted)


def enterable_by(directory: Path, account: ServerAccount) -> bool:
    """True when permission bits let the account pass through the directory and every one above it."""
    directory = directory.resolve()
    return all(_allows(part, account, stat.S_IXOTH) for part in (directory, *directory.parents))


def identity(pid: int) -> str | None:
    """What distinguishes this process from a later one with the same number; None when it is gone or a zombie."""
    if sys.platform != "linux":
        return _identity_by_clock(pid)
    # psutil reckons a start from the wall clock of the boot, which moves when the clock is set; what is kept in a file
    # between two commands has to stay the same.
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except (FileNotFoundError, ProcessLookupError):
        return None
    state, started = fields[0], fields[19]
    return None if state in {"Z", "X"} else f"{boot}:{started}"


def arguments_of(pid: int) -> list[str]:
    """How the process was started, one by one; none when it is gone."""
    try:
        return psutil.Process(pid).cmdline()
    except psutil.Error:
        return []


def end_process(pid: int, expected: str, *, first: signal.Signals, grace_s: float) -> bool:
    """Signal the recorded process, wait for it, kill its group after the grace. False when it was gone already."""
    if identity(pid) != expected:
        return False
    os.kill(pid, first)
    if not gone_within(pid, expected, grace_s):
        kill_group(pid)
        gone_within(pid, expected, grace_s)
    return True


def gone_within(pid: int, expected: str, seconds: float) -> bool:
    """Wait until the recorded process is gone, at most `seconds`."""
    deadline = time.monotonic() + seconds
    while identity(pid) == expected:
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL_S)
    return True


def kill_group(pid: int) -> None:
    """SIGKILL to the whole process group that the process leads, or to it alone if it leads none."""
    try:
        if os.getpgid(pid) == pid:
            os.killpg(pid, signal.SIGKILL)
        else:
            os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def _allows(path: Path, account: ServerAccount, wanted_of_others: int) -> bool:
    facts = path.stat()
    if facts.st_uid == account.uid:
        return facts.st_mode & (wanted_of_others << 6) == wanted_of_others << 6
    if facts.st_gid == account.gid:
        return facts.st_mode & (wanted_of_others << 3) == wanted_of_others << 3
    return facts.st_mode & wanted_of_others == wanted_of_others


def _identity_by_clock(pid: int) -> str | None:
    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else repr(process.create_time())
    except psutil.NoSuchProcess:
        return None
