"""Why a change request has no worker any more, or never got one: a fact of whoever saw it, not a guess from a message.

Problem: "worker lost" tells a person nothing, and what to do about a missing image differs from what to do about a full
quota. Choice: each launcher maps what it sees to one kind here, with a line in words; the event, the pause and the metrics
carry the kind. Invariant: a kind is set where it is seen, and one that nobody saw is `UNKNOWN`.
"""

from dataclasses import dataclass, replace
from enum import StrEnum


class LossKind(StrEnum):
    """What became of a worker. The second group only launchers on a cluster can see."""

    LAUNCHER_AWAY = "launcher_away"
    """What starts workers could not be reached, so none was started."""
    CRASHED_AT_START = "crashed_at_start"
    """It ended before it took up its change request."""
    CRASHED = "crashed"
    """It ended with an error."""
    KILLED = "killed"
    """A signal ended it, sent by a person or by the system."""
    LEFT = "left"
    """It ended as if all were well, without having given its change request back."""
    SILENT = "silent"
    """It renewed its lease no more; whether it still runs is unknown, and it does not matter."""
    LAUNCHER_LOST = "launcher_lost"
    """What started it ended, and took it along."""
    CONTROLLER_LOST = "controller_lost"
    """The controller that watched it is gone."""

    IMAGE_MISSING = "image_missing"
    QUOTA = "quota"
    NO_MACHINE = "no_machine"
    OUT_OF_MEMORY = "out_of_memory"
    EVICTED = "evicted"
    MACHINE_LOST = "machine_lost"
    DEADLINE = "deadline"

    UNKNOWN = "unknown"
    """Recorded by a version that did not say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerLoss:
    """How one worker was lost. `cause` is one line for people, with the platform's own words where there are any."""

    kind: LossKind
    cause: str

    def before_it_began(self) -> "WorkerLoss":
        """Return the same loss of a worker that had not taken up its change request yet."""
        ended = self.kind in {LossKind.CRASHED, LossKind.KILLED, LossKind.LEFT}
        return replace(self, kind=LossKind.CRASHED_AT_START) if ended else self
