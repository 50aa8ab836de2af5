"""The local user's token in a file of the installation, which the command line reads.

Problem: a restored or exchanged database does not know the token that lies on the disk. Choice: the controller looks whether it
works and writes another where it does not, before it serves. Invariant: only the file's owner may read it.
"""

import asyncio
from pathlib import Path

from controller.auth.service import ensure_local_principal, token_works
from pipeline.machine.private_files import write_private
from pipeline.store.engine import Database


def keep_token(database_url: str, tenant: str, file: Path) -> None:
    """Make `file` hold a token of the local user that works on this database. Idempotent."""
    kept = file.read_text(encoding="utf-8").strip() if file.exists() else ""
    token = asyncio.run(_working_token(database_url, tenant, kept))
    if token != kept:
        write_private(file, f"{token}\n")


async def _working_token(database_url: str, tenant: str, kept: str) -> str:
    database = Database(database_url, tenant=tenant, pool_max=1)
    try:
        return kept if await token_works(database, kept) else await ensure_local_principal(database)
    finally:
        await database.close()
