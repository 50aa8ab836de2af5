"""How much the database keeps: bytes as PostgreSQL stores each column, without indexes."""

import psycopg

from bench.installation import Installation
from pipeline.store import bootstrap

_CHECKPOINTS = """
SELECT coalesce((SELECT sum(pg_column_size(c.*)) FROM checkpoints c WHERE thread_id LIKE %(thread)s), 0)
     + coalesce((SELECT sum(pg_column_size(b.*)) FROM checkpoint_blobs b WHERE thread_id LIKE %(thread)s), 0)
     + coalesce((SELECT sum(pg_column_size(w.*)) FROM checkpoint_writes w WHERE thread_id LIKE %(thread)s), 0)
"""
_COUNT = "SELECT count(*) FROM checkpoints WHERE thread_id LIKE %(thread)s"
_JOURNAL = "SELECT coalesce(sum(pg_column_size(j.*)), 0) FROM journal j WHERE cr_id = %(cr)s"


def checkpoint_bytes(installation: Installation, threads: str) -> float:
    """Return what LangGraph keeps for the threads that begin so."""
    return _number(installation, _CHECKPOINTS, {"thread": f"{threads}%"})


def checkpoints(installation: Installation, threads: str) -> int:
    """Return how many checkpoints there are for the threads that begin so."""
    return int(_number(installation, _COUNT, {"thread": f"{threads}%"}))


def journal_bytes(installation: Installation, cr_id: str) -> float:
    """Return what the journal keeps for a change request."""
    return _number(installation, _JOURNAL, {"cr": cr_id})


def _number(installation: Installation, query: str, given: dict[str, str]) -> float:
    server = installation.servers.postgres
    if server is None:
        raise RuntimeError("A bench runs on the embedded server.")
    with psycopg.connect(server.superuser_url(bootstrap.DATABASE)) as connection:
        row = connection.execute(query.encode(), given).fetchone()
    return float(row[0]) if row else 0.0
