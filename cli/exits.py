"""Exit codes, the same for every command, so that scripts can act on them."""

from enum import IntEnum

from pipeline.change_request import Status


class Exit(IntEnum):
    """What a finished command says to a script."""

    COMPLETED = 0
    INTERNAL = 1
    """A mistake of ours; or the answer `no` of a command that checks something."""
    USAGE = 2
    NEEDS_PERSON = 3
    """A person has to act; of evidence: it fits together, and somebody has to say whether its signer is trusted."""
    NOT_COMPLETED = 4
    UNREACHABLE = 5
    INTERRUPTED = 130
    """Ctrl-C before anything was submitted."""


CHECK_FAILED = Exit.INTERNAL
SIGNER_UNKNOWN = Exit.NEEDS_PERSON

STATUS_EXITS = {
    Status.COMPLETED: Exit.COMPLETED,
    Status.PAUSED: Exit.NEEDS_PERSON,
    Status.WAITING: Exit.NEEDS_PERSON,
    Status.FAILED: Exit.NOT_COMPLETED,
    Status.CANCELLED: Exit.NOT_COMPLETED,
}
"""A followed change request's status to the exit code of `run` and `watch`."""
