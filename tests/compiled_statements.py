"""SQL that SQLAlchemy compiled for one engine, used by every other engine of the test process.

Problem: each test has a database of its own, so each has engines of its own, and each of these compiles the same hundred
statements anew. Choice: engines of one process count as speaking the same dialect, which they do, because all test servers
run the same PostgreSQL; they share SQLAlchemy's cache. Invariant: what is sent to the database is what it would be anyhow.
"""

from typing import Any

from sqlalchemy import Engine
from sqlalchemy.dialects import registry
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg, PGDialectAsync_psycopg
from sqlalchemy.util import LRUCache

_COMPILED: LRUCache[Any, Any] = LRUCache(2_000)


class _Alike:
    """Equal to every other dialect of its class."""

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other)

    def __hash__(self) -> int:
        return hash(type(self))

    @classmethod
    def engine_created(cls, engine: Engine) -> None:
        engine.update_execution_options(compiled_cache=_COMPILED)


class _AsyncDialect(_Alike, PGDialectAsync_psycopg):
    supports_statement_cache = True


class _Dialect(_Alike, PGDialect_psycopg):
    supports_statement_cache = True

    @classmethod
    def get_async_dialect_cls(cls, url: Any) -> type[Any]:  # noqa: ARG003 - SQLAlchemy's signature
        return _AsyncDialect


def share() -> None:
    """Let every engine that is made from now on take part."""
    registry.register("postgresql.psycopg", __name__, _Dialect.__name__)
