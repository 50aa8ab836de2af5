"""What a sandbox says: how a command ended, or why none can run and what would help.

Problem: "install bubblewrap" helps nobody whose bubblewrap refused a path. Choice: the remedy follows from what was
found: a program that is missing, a kernel that refuses namespaces, or a path that cannot be shown. Invariant: an ending
that a limit brought about never looks like a success.
"""

import re
import signal

from pipeline.adapters.process_io import CappedOutput, Ending, Excess
from pipeline.change_request import PauseReason
from pipeline.errors import PersonNeeded
from pipeline.machine.shortage import short_of_disk
from pipeline.ports import CommandResult

_KILLED = 128 + signal.SIGKILL
_OR_UNCONTAINED = "; or set CHANGELINE_SANDBOX__ALLOW_UNCONTAINED=true to run tools without isolation."
_MISSING = "Install bubblewrap (Debian, Ubuntu: apt-get install bubblewrap) and util-linux"
_NAMESPACES = "Allow unprivileged user namespaces (sysctl, AppArmor or the container's seccomp profile), or run as root"
_PATH = (
    "Name another directory in CHANGELINE_DATA_DIR: one that this user may write, whose path goes through no symbolic "
    "link, and not below /proc, /usr or a directory of CHANGELINE_SANDBOX__READ_ONLY"
)
_CGROUP = "Name a cgroup in CHANGELINE_SANDBOX__CGROUP that is delegated to this user, or set it to off or to nothing"
_UNKNOWN = "See what bubblewrap says, and docs/isolation.md"
_REMEDIES = (
    (re.compile(r"not found on PATH|exists on Linux only"), _MISSING),
    (re.compile(r"CHANGELINE_SANDBOX__CGROUP|/cgroup"), _CGROUP),
    (re.compile(r"namespace|uid map|gid map|loopback|setgroups|pivot_root"), _NAMESPACES),
    (re.compile(r"Can't (mkdir|create|find|bind|chdir|mount)|No such file|Permission denied|too long"), _PATH),
)


def remedy_for(detail: str) -> str:
    """Return what would help against an obstacle."""
    found = next((remedy for sign, remedy in _REMEDIES if sign.search(detail)), _UNKNOWN)
    return found + _OR_UNCONTAINED


def unavailable(detail: str) -> PersonNeeded:
    """Return the error for a machine, or a command, that cannot be contained."""
    message = f"Tools cannot run contained on this machine: {detail}"
    return PersonNeeded(PauseReason.SANDBOX_UNAVAILABLE, message, detail=detail, remedy=remedy_for(detail))


def result_of(ending: Ending, output: CappedOutput, exit_code: int | None, duration_s: float) -> CommandResult:
    """Word how a process tree ended. Raises `PersonNeeded(sandbox_unavailable)` if the command never started, and
    `TransientError(machine_short)` for one that was stopped because it fills the machine's disk.
    """
    if ending.excess is Excess.MACHINE_DISK:
        raise short_of_disk(ending.words)
    killed = ending.timed_out or ending.excess is not None
    if not killed and exit_code is None:
        raise unavailable(output.text().strip() or "bubblewrap ended without a word")
    return CommandResult(
        exit_code=_KILLED if killed or exit_code is None else exit_code,
        output=output.text() + (f"\n[killed: {ending.words}]\n" if ending.excess else ""),
        timed_out=ending.timed_out,
        truncated=output.truncated,
        duration_s=duration_s,
    )
