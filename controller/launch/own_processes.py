"""How an installation starts its own processes, as the command line tells the controller.

Problem: only the command line knows how `changeline` was started, and the controller has to start workers the same way. Choice: a
plain value, handed over once. Invariant: importing it costs nothing, so that the fork server can be started first of all.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnProcesses:
    """How this installation starts its own processes, and what they see of the surrounding environment."""

    fork_server: Sequence[str]
    """The argv that starts workers by fork."""
    environment: Mapping[str, str]
    environment_of_workers: Mapping[str, str]
    """Without the keys that sign deliveries, which are the controller's alone."""
