"""What the numbers were measured on, and what processes take of it."""

import os
import platform
from dataclasses import dataclass

import psutil

_MB = 1024**2


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
    """Return what a process takes, its shared pages counted by share."""
    taken = psutil.Process(pid).memory_full_info()
    return Memory(taken.rss / _MB, taken.pss / _MB, taken.uss / _MB)


def cpu_s(pid: int) -> float:
    """Return the processor time that a process has taken so far, all its threads and the kernel's part included."""
    taken = psutil.Process(pid).cpu_times()
    return taken.user + taken.system


def children(pid: int) -> list[int]:
    """Return the direct children of a process; none of one that is gone."""
    try:
        return [child.pid for child in psutil.Process(pid).children()]
    except psutil.NoSuchProcess:
        return []


def family(pid: int) -> list[int]:
    """Return a process and everything below it."""
    return [pid, *(child.pid for child in psutil.Process(pid).children(recursive=True))]
