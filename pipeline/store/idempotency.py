"""Idempotency keys: the same key with the same request is the same change request, with another request a mistake."""

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from pipeline.errors import CallerError
from pipeline.store.tables import idempotency_keys


class IdempotencyKeys:
    """The keys of one principal, on one connection."""

    def __init__(self, connection: AsyncConnection, *, principal_id: str) -> None:
        self._connection = connection
        self._principal_id = principal_id

    async def find(self, key: str, request_hash: str) -> str | None:
        """Return the change request a key made; raises `CallerError` when the request was another one."""
        query = select(idempotency_keys.c.cr_id, idempotency_keys.c.request_hash).where(
            idempotency_keys.c.principal_id == self._principal_id, idempotency_keys.c.key == key
        )
        row = (await self._connection.execute(query)).one_or_none()
        if row is None:
            return None
        if row.request_hash != request_hash:
            raise CallerError(
                "This idempotency key was used for another request.",
                field="Idempotency-Key", remedy="Use a new key for a new request.", change_request=row.cr_id,
            )  # fmt: skip
        return str(row.cr_id)

    async def claim(self, key: str, request_hash: str, cr_id: str) -> bool:
        """Bind a key; waits for another transaction that is binding it, and returns False when that one won."""
        row = {"principal_id": self._principal_id, "key": key, "request_hash": request_hash, "cr_id": cr_id}
        statement = upsert(idempotency_keys).values(**row).on_conflict_do_nothing()
        stored = await self._connection.execute(statement.returning(idempotency_keys.c.key))
        return stored.scalar_one_or_none() is not None
