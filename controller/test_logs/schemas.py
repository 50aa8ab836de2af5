"""The log of a test run, page by page."""

from pydantic import BaseModel


class LogPage(BaseModel):
    """A part of the log of one test run: plain text, cut at a line's end.

    `whole` is false when only the end of the output is known; then `note` says why. `cut` says that the middle of a very
    long log was left out when it was stored.
    """

    run_id: str
    text: str
    offset: int
    """Where this part begins, in bytes."""
    next_offset: int | None
    """Where the next part begins; None at the end."""
    size_bytes: int
    whole: bool
    cut: bool
    note: str
