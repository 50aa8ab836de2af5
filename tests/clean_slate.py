"""A database as it was at a moment, again and again: cheaper than a new one, and the processes on it may go on.

Problem: a database of its own for each test costs a new controller too, which begins with empty caches. Choice: keep what
was there at the moment in a schema beside it; going back deletes all rows and puts those kept in. Sequences go on, so
that whoever remembers a number is never shown it again. Invariant: what everything hangs on goes first and each table in
a transaction of its own, so whoever works on a row is waited for, nobody waits in a circle, and nothing new hangs on it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psycopg
from psycopg import sql

from tests.database import TestDatabase

_TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename"
_ROOTS = ("change_requests", "timers", "effects")
_NO_TRIGGERS = "-c session_replication_role=replica"
"""Neither the fence nor foreign keys have a say in what a test's end takes away; they still hold for everybody else."""


@dataclass(frozen=True)
class CleanSlate:
    """What a database held when it was `kept`."""

    database: TestDatabase
    connection: psycopg.Connection
    going_back: sql.Composed

    def restore(self) -> None:
        """Go back to what was kept."""
        self.connection.execute(self.going_back)


@contextmanager
def kept(database: TestDatabase) -> Iterator[CleanSlate]:
    """Remember every row that is there now."""
    with psycopg.connect(database.superuser_url, autocommit=True, options=_NO_TRIGGERS) as connection:
        tables = [str(row[0]) for row in connection.execute(_TABLES)]
        filled = {table for table in tables if _has_rows(connection, table)}
        connection.execute("CREATE SCHEMA slate")
        for table in filled:
            keep = sql.SQL("CREATE TABLE slate.{0} AS TABLE public.{0}").format(sql.Identifier(table))
            connection.execute(keep)
        ordered = [*_ROOTS, *(table for table in tables if table not in _ROOTS)]
        steps = sql.SQL(" COMMIT; ").join(_step(table, refilled=table in filled) for table in ordered)
        yield CleanSlate(database, connection, sql.SQL("DO $$ BEGIN {} END $$").format(steps))


def _step(table: str, *, refilled: bool) -> sql.Composed:
    text = "DELETE FROM public.{0};"
    if refilled:
        text += " INSERT INTO public.{0} OVERRIDING SYSTEM VALUE TABLE slate.{0};"
    return sql.SQL(text).format(sql.Identifier(table))


def _has_rows(connection: psycopg.Connection, table: str) -> bool:
    found = connection.execute(sql.SQL("SELECT EXISTS (SELECT FROM public.{})").format(sql.Identifier(table)))
    return bool((found.fetchone() or (False,))[0])
