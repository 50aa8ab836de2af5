"""Reading, from outside, what a command did to a disk: its directories, its files without a name, its file system.

Problem: an ordinary user's commands run as that same user and can close a directory against it, with the data inside
still growing; and a file that was deleted while it is open is in no directory. Choice: what refuses to be read is read
again by the same walk inside a user namespace, where its owner may read everything that is its own; open files are
looked up in `/proc`. Invariant: reading changes nothing, no mode and no time of access that a test could see as its own.
"""

import contextlib
import inspect
import os
import shutil
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path

from pipeline.adapters.environments.toolchains import own_python
from pipeline.adapters.sandbox import tree_usage
from pipeline.adapters.sandbox.tree_memory import tree
from pipeline.adapters.sandbox.tree_usage import Usage

_TIMEOUT_S = 120.0
_BLOCK = 512


def usage_of(path: Path, stop: Callable[[Usage], bool]) -> Usage:
    """Return what a directory takes; `unread` only if not even its owner in a user namespace could read it. Blocks."""
    try:
        usage = tree_usage.measure(str(path), stop)
    except FileNotFoundError:  # removed by whoever it belongs to
        return Usage()
    if not usage.unread or stop(usage):
        return usage
    reading = ("--unshare-user", "--uid", "0", "--gid", "0", "--cap-drop", "ALL", "--cap-add", "CAP_DAC_READ_SEARCH")
    with contextlib.suppress(OSError, subprocess.SubprocessError, ValueError):
        answer = subprocess.run(
            (shutil.which("bwrap") or "bwrap", *reading, "--die-with-parent", "--ro-bind", "/", "/", "--",
             str(own_python()), "-I", "-S", "-c", inspect.getsource(tree_usage), str(path)),
            env={}, cwd="/", capture_output=True, timeout=_TIMEOUT_S, check=True,
        )  # fmt: skip
        return Usage(*map(int, answer.stdout.split()))
    return usage


def nameless(first: int, path: Path) -> Usage:
    """Return the files on a directory's file system that processes below `first` hold open and nobody else can. Blocks."""
    device = path.stat().st_dev
    found: dict[int, int] = {}
    for pid in tree(first):
        with contextlib.suppress(OSError):  # it ended meanwhile
            for name in os.listdir(f"/proc/{pid}/fd"):  # noqa: PTH208 - names alone
                with contextlib.suppress(OSError):
                    file = Path(f"/proc/{pid}/fd/{name}").stat()
                    if file.st_nlink == 0 and file.st_dev == device and stat.S_ISREG(file.st_mode):
                        found[file.st_ino] = file.st_blocks * _BLOCK
    return Usage(sum(found.values()), len(found))


def written(first: int) -> int:
    """Return the bytes that processes below `first`, and those that they outlived, sent to disks. Blocks."""
    total = 0
    for pid in tree(first):
        with contextlib.suppress(OSError):  # it ended meanwhile
            lines = dict(line.split(": ") for line in Path(f"/proc/{pid}/io").read_text().splitlines())
            total += int(lines["write_bytes"]) - int(lines["cancelled_write_bytes"])
    return total


def taken(path: Path) -> Usage:
    """Return what a directory's whole file system holds; no entries where it does not count them."""
    try:
        found = os.statvfs(path)
    except FileNotFoundError:
        return Usage()
    return Usage((found.f_blocks - found.f_bfree) * found.f_frsize, found.f_files - found.f_ffree)
