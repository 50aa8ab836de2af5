"""Resource limits of tool processes, set by `prlimit` right before the command starts.

They are set inside the sandbox, because the process limit counts per user namespace and user. Memory is limited as
private writable memory: an address-space limit would stop Node and Java, which reserve far more than they use.
"""

import os
import resource
import shutil

from pipeline.errors import ModelError
from pipeline.ports import SandboxCommand
from pipeline.settings.process import SandboxSettings

_FILES_MAX = 4096
_ARGUMENT_MAX_BYTES = 128 * 1024 - 1


def refuse_unstartable(command: SandboxCommand) -> None:
    """Raise `ModelError` for what no kernel would start, so that an agent can write a file instead."""
    for part in (*command.argv, *(f"{name}={value}" for name, value in command.environment.items())):
        if not _fits(part):
            raise ModelError(
                "The command holds a NUL character, half a character (a lone surrogate) or more than 128 KiB in one "
                "argument; put long text into a file.",
                length=len(part),
            )


def _fits(part: str) -> bool:
    try:
        return "\0" not in part and len(os.fsencode(part)) <= _ARGUMENT_MAX_BYTES
    except UnicodeEncodeError:
        return False


def limited(settings: SandboxSettings, argv: tuple[str, ...], *, processes: bool = True) -> tuple[str, ...]:
    """Return `argv` wrapped. Without `processes` the number of processes stays unlimited (it counts per user)."""
    limits = {
        "data": _at_most(resource.RLIMIT_DATA, settings.memory_max_bytes),
        "fsize": _at_most(resource.RLIMIT_FSIZE, settings.file_max_bytes),
        "nofile": _at_most(resource.RLIMIT_NOFILE, _FILES_MAX),
        "core": 0,
    }
    if processes:
        limits["nproc"] = _at_most(resource.RLIMIT_NPROC, settings.processes_max)
    return (
        shutil.which("prlimit") or "prlimit",
        *(f"--{name}={value}:{value}" for name, value in limits.items()),
        "--",
        *argv,
    )


def _at_most(limit: int, wanted: int) -> int:
    """A hard limit of this process can only be lowered."""
    hard = resource.getrlimit(limit)[1]
    return wanted if hard == resource.RLIM_INFINITY else min(hard, wanted)
