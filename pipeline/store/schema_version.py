"""Which migration a database is at, asked on an open connection; cheap enough for every readiness probe."""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection


async def schema_version(connection: AsyncConnection) -> str | None:
    """Return the revision the database was migrated to."""
    return (await connection.execute(text("SELECT version_num FROM alembic_version"))).scalar_one_or_none()
