"""Translates what the database says into the product's errors, at the border."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError

from pipeline.errors import DatabaseAway, LeaseLost

FENCED = "CL001"
"""SQLSTATE raised by the fence trigger when the writer's epoch is over."""

_RETRYABLE = {"40001", "40P01", "55P03", "57P01", "57P02", "57P03", "25P03", "57P05"}
"""Serialization, deadlock, lock timeout, server shutdown, terminated back end, idle-in-transaction timeouts."""


@contextmanager
def translated(cr_id: str = "", epoch: int = 0) -> Iterator[None]:
    """Raise `LeaseLost` for the fence and `DatabaseAway` for a database that is away or asks for a retry."""
    try:
        yield
    except DBAPIError as error:
        state = getattr(error.orig, "sqlstate", None)
        if state == FENCED:
            raise LeaseLost(cr_id, epoch) from error
        if state in _RETRYABLE or isinstance(error, OperationalError | InterfaceError) or error.connection_invalidated:
            raise DatabaseAway("The database did not answer; it will be tried again.", sqlstate=state) from error
        raise
