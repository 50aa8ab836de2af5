"""Control groups: one for each command, so that the kernel itself counts and limits its memory.

Problem: memory that no process has mapped (memfds, files in memory, messages on their way) is counted by nobody but the
kernel. Choice: where a memory cgroup may be written, each command gets a child of it, version 2 or version 1. We look in
our own cgroup, and in its parent if systemd has delegated that to us; an operator names another one. Nothing is moved
but the first process of a command, while it waits at its gate. Invariant: a child stays below a cgroup that limits this
process too, so no limit of the operator is left. A lock on the child's directory, held as long as its command runs,
tells a group in use from one that a killed worker left behind.
"""

import asyncio
import contextlib
import errno
import fcntl
import os
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pipeline.adapters.process_io import Ending
from pipeline.adapters.sandbox.results import unavailable
from pipeline.adapters.sandbox.tree_memory import memory_ending

_PREFIX = "changeline-"
_PIDS_SPARE = 4
"""The namespace's first process, and those that end while their successors start."""
_REMOVAL_PAUSES_S = (0.001, 0.002, 0.005, 0.01, 0.02, *[0.05] * 20)
_BEGINNINGS = 3


@dataclass(frozen=True, slots=True)
class CgroupParent:
    """A cgroup that may hold those of commands. `pids` is version 1's separate one for the number of processes."""

    memory: Path
    pids: Path | None = None

    @property
    def version(self) -> int:
        """Return 1 or 2."""
        return 2 if (self.memory / "cgroup.controllers").exists() else 1

    def prepare(self) -> None:
        """Let children have limits, and remove those that nobody uses. Raises `OSError` where that is not ours to do."""
        if self.version == 2:  # noqa: PLR2004 - as the kernel counts them
            given = (self.memory / "cgroup.subtree_control").read_text().split()
            offered = (self.memory / "cgroup.controllers").read_text().split()
            if "memory" not in offered:
                raise OSError(errno.EOPNOTSUPP, "it has no memory controller", str(self.memory))
            for name in {"memory", "pids"}.intersection(offered).difference(given):
                _write(self.memory / "cgroup.subtree_control", f"+{name}")
        for parent in filter(None, (self.memory, self.pids)):
            for left in parent.glob(f"{_PREFIX}*"):
                _sweep(left)

    def begin(self, *, memory_max_bytes: int, processes_max: int) -> "CommandGroup":
        """Make a group for one command. Raises `OSError`."""
        group = CommandGroup(version=self.version, memory_max_bytes=memory_max_bytes)
        processes = str(processes_max + _PIDS_SPARE)
        try:
            place = group.add(self.memory)
            if group.version == 2:  # noqa: PLR2004 - as the kernel counts them
                _limit_second(place, str(memory_max_bytes), processes)
            else:
                _limit_first(place, str(memory_max_bytes))
            if self.pids is not None:
                _write(group.add(self.pids) / "pids.max", processes)
        except BaseException:
            group.discard()
            raise
        return group


class CommandGroup:
    """The cgroup of one command; version 1 needs a second one for the number of processes."""

    def __init__(self, *, version: int, memory_max_bytes: int) -> None:
        self.version = version
        self._limit = memory_max_bytes
        self._places: list[Path] = []
        self._locks: list[int] = []

    def add(self, parent: Path) -> Path:
        """Make a locked child of `parent`. One that was swept away between the two steps is made again."""
        for left in reversed(range(_BEGINNINGS)):
            place = parent / f"{_PREFIX}{secrets.token_hex(8)}"
            place.mkdir()
            try:
                self._locks.append(_locked(place))
            except (FileNotFoundError, BlockingIOError):
                if not left:
                    raise
                continue
            self._places.append(place)
            return place
        raise AssertionError

    def take(self, pid: int) -> None:
        """Move a process in; all its children will be here. Raises `PersonNeeded(sandbox_unavailable)`."""
        for place in self._places:
            try:
                _write(place / "cgroup.procs", str(pid))
            except ProcessLookupError:  # it failed already, and says why itself
                return
            except OSError as error:
                raise unavailable(f"{place}: {error.strerror}") from error

    async def look(self, first: int) -> Ending | None:  # noqa: ARG002 - the kernel has counted
        """Say whether the kernel had to kill something here for want of memory."""
        return self.ending()

    def ending(self) -> Ending | None:
        """As `look`; also true after the command is gone."""
        file = self._places[0] / ("memory.events" if self.version == 2 else "memory.oom_control")  # noqa: PLR2004 - as the kernel counts them
        counted = dict(line.split() for line in file.read_text().splitlines())
        return memory_ending(self._limit) if int(counted["oom_kill"]) else None

    @property
    def peak_bytes(self) -> int:
        """What the kernel counted at most; 0 where it does not say. Asked before `end`."""
        place = self._places[0] / ("memory.peak" if self.version == 2 else "memory.max_usage_in_bytes")  # noqa: PLR2004 - as the kernel counts them
        with contextlib.suppress(OSError, ValueError):
            return int(place.read_text())
        return 0

    async def end(self) -> None:
        """Remove the group; the kernel needs a moment to let go of dead processes. What it keeps is swept by the next."""
        for pause_s in _REMOVAL_PAUSES_S:
            self._places = [place for place in self._places if not _removed(place)]
            if not self._places:
                break
            await asyncio.sleep(pause_s)
        self._unlock()

    def discard(self) -> None:
        """Remove a group that nothing has entered."""
        for place in self._places:
            _removed(place)
        self._unlock()

    def _unlock(self) -> None:
        while self._locks:
            os.close(self._locks.pop())


def candidates(named: str) -> Iterator[CgroupParent]:
    """Yield cgroups that might work, best first: the one that the operator named, else what surrounds this process."""
    if named:
        yield CgroupParent(Path(named))
        return
    own = _own_cgroups()
    if (second := own.get("")) is not None:
        yield CgroupParent(second)
        if _delegated(second.parent):
            yield CgroupParent(second.parent)
    if (first := own.get("memory")) is not None and _counts_for_parents(first):
        pids = own.get("pids")
        yield CgroupParent(first, pids if pids is not None and os.access(pids, os.W_OK) else None)


def parent_at(memory: str) -> CgroupParent:
    """Return what an earlier look at this machine found by its path."""
    found = next((one for one in candidates("") if str(one.memory) == memory), None)
    return found or CgroupParent(Path(memory))


def _own_cgroups() -> dict[str, Path]:
    """Return the directory of this process's cgroup by version 1's controller, `""` for version 2, as far as it is mounted."""
    mounts: dict[str, tuple[str, str]] = {}
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        left, _, right = line.partition(" - ")
        kind, _, options = right.split(" ", 2)
        root, point = left.split(" ")[3:5]
        controllers = {"cgroup": options.split(","), "cgroup2": [""]}.get(kind, [])
        mounts.update(dict.fromkeys(controllers, (root, point)))
    found = {}
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _, names, path = line.split(":", 2)
        for name in names.split(","):
            root, point = mounts.get(name, ("", ""))
            if root and "/.." not in path and (root in {"/", path} or path.startswith(f"{root}/")):
                found[name] = Path(point) / path.removeprefix(root).lstrip("/")
    return found


def _delegated(place: Path) -> bool:
    """Whether systemd has handed this cgroup over (`Delegate=`): else a child there would leave its parent's limits."""
    for name in ("user.delegate", "trusted.delegate"):
        with contextlib.suppress(OSError):
            if os.getxattr(place, name) == b"1":
                return True
    return False


def _counts_for_parents(place: Path) -> bool:
    """Whether a child's memory counts for its parents too; it always does since Linux 5.11."""
    with contextlib.suppress(OSError):
        return (place / "memory.use_hierarchy").read_text().strip() != "0"
    return True


def _limit_first(place: Path, memory: str) -> None:
    _write(place / "memory.limit_in_bytes", memory)
    with_swap = place / "memory.memsw.limit_in_bytes"
    if with_swap.exists():
        _write(with_swap, memory)
    else:
        _write(place / "memory.swappiness", "0")


def _limit_second(place: Path, memory: str, processes: str) -> None:
    _write(place / "memory.max", memory)
    for name, value in (("memory.swap.max", "0"), ("memory.oom.group", "1"), ("pids.max", processes)):
        if (place / name).exists():
            _write(place / name, value)


def _write(file: Path, text: str) -> None:
    """Write one value; never makes a file where the kernel has none."""
    fd = os.open(file, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(fd, text.encode())
    finally:
        os.close(fd)


def _locked(place: Path) -> int:
    fd = os.open(place, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BaseException:
        os.close(fd)
        raise
    return fd


def _sweep(left: Path) -> None:
    with contextlib.suppress(OSError):  # in use, not ours, or just removed by somebody else
        fd = _locked(left)
        try:
            left.rmdir()
        finally:
            os.close(fd)


def _removed(place: Path) -> bool:
    try:
        place.rmdir()
    except OSError as error:
        return error.errno == errno.ENOENT
    return True
