"""Exit codes, and how errors become one sentence and a code."""

from enum import IntEnum


class Exit(IntEnum):
    """What a finished command says to a script."""

    COMPLETED = 0
    INTERNAL = 1
    USAGE = 2
    NEEDS_PERSON = 3
    NOT_COMPLETED = 4
    UNREACHABLE = 5


STATUS_EXITS = {
    "completed": Exit.COMPLETED,
    "paused": Exit.NEEDS_PERSON,
    "waiting": Exit.NEEDS_PERSON,
    "failed": Exit.NOT_COMPLETED,
    "cancelled": Exit.NOT_COMPLETED,
}
"""A followed change request's status to the exit code of `run` and `watch`."""
