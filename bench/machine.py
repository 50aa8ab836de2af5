"""What the numbers were measured on, and what processes take of it."""

import os
import platform
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")


@dataclass(frozen=True, slots=True)
class Memory:
    """One process's memory in MB: resident, its proportional share, and what it shares with nobody."""

    rss: float
    pss: float
    private: float


def describe() -> str:
    """Return one line about the machine at this moment."""
    load = " ".join(f"{value:.2f}" for value in os.getloadavg())
    return f"{os.cpu_count()} cores, load {load}, Python {platform.python_version()}, {platform.machine()}"


def memory(pid: int) -> Memory:
    """Return what a process takes, from `smaps_rollup`."""
    fields: dict[str, float] = {}
    for line in (PROC / str(pid) / "smaps_rollup").read_text(encoding="ascii").splitlines()[1:]:
        name, value = line.split(":")
        fields[name] = int(value.split()[0]) / 1024
    return Memory(fields["Rss"], fields["Pss"], fields["Private_Clean"] + fields["Private_Dirty"])


def cpu_s(pid: int) -> float:
    """Return the processor time that a process has taken so far, all its threads and the kernel's part included."""
    after_name = (PROC / str(pid) / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(after_name[11]) + int(after_name[12])) / os.sysconf("SC_CLK_TCK")


def children(pid: int) -> list[int]:
    """Return the direct children of a process."""
    found = (PROC / str(pid) / "task").glob("*/children")
    return [int(child) for path in found for child in path.read_text(encoding="ascii").split()]


def family(pid: int) -> list[int]:
    """Return a process and everything below it."""
    return [pid, *(one for child in children(pid) for one in family(child))]
