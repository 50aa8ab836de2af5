"""Principals and their tokens: only hashes are stored, a login code opens once.

Problem: a browser's session outlives the moment in which somebody showed a token for it. Choice: login codes and sessions
name the API token they come from, and every look at one looks at that token too. Invariants: a code or session is valid
only while its API token is; the transaction's tenant comes from the token itself, so a token of one tenant finds nothing
in another.
"""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    FromClause,
    Row,
    Text,
    and_,
    any_,
    exists,
    func,
    insert,
    literal,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from pipeline.access import NotAuthenticated, Principal, Role, TokenPurpose, token_hash
from pipeline.errors import NotFound
from pipeline.store.tables import access_tokens, principals


class Principals:
    """Who is known in one tenant, on one connection."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def ensure(self, principal_id: str, *, name: str, kind: str = "user", roles: Iterable[Role]) -> Principal:
        """Create a principal or set its name and roles. Idempotent."""
        values = {"name": name, "kind": kind, "roles": sorted(role.value for role in roles)}
        statement = upsert(principals).values(id=principal_id, **values)
        await self._connection.execute(statement.on_conflict_do_update(index_elements=["id"], set_=values))
        return await self.get(principal_id)

    async def get(self, principal_id: str) -> Principal:
        """Return it or raise `NotFound`."""
        row = (await self._connection.execute(_SELECT.where(principals.c.id == principal_id))).one_or_none()
        if row is None:
            raise NotFound("principal", principal_id)
        return _principal(row)

    async def add_token(self, principal_id: str, token: str) -> None:
        """Store the hash of an API token, which is valid until it is revoked."""
        row = {"token_hash": token_hash(token), "principal_id": principal_id, "purpose": TokenPurpose.API.value}
        await self._connection.execute(insert(access_tokens).values(row))

    async def derive(self, token: str, purpose: TokenPurpose, *, shown: str, lasts: timedelta) -> None:
        """Store the hash of a code or session of whoever showed `shown`.

        It ends after `lasts`, and with the API token that `shown` is or comes from, whichever is first.
        """
        # From a session or code, its API token: signing out in one browser does not sign out the next.
        source = select(
            literal(token_hash(token)), access_tokens.c.principal_id, literal(purpose.value), func.now() + lasts,
            func.coalesce(access_tokens.c.issued_by, access_tokens.c.token_hash),
        ).where(access_tokens.c.token_hash == token_hash(shown))  # fmt: skip
        columns = ["token_hash", "principal_id", "purpose", "expires_at", "issued_by"]
        await self._connection.execute(insert(access_tokens).from_select(columns, source))

    async def by_token(self, token: str, purpose: TokenPurpose) -> Principal:
        """Return whom a valid token stands for; raises `NotAuthenticated`."""
        query = _SELECT.join(access_tokens, access_tokens.c.principal_id == principals.c.id)
        row = (await self._connection.execute(query.where(*_valid(token, purpose)))).one_or_none()
        if row is None:
            raise _unknown()
        return _principal(row)

    async def use_once(self, token: str, purpose: TokenPurpose) -> Principal:
        """Return whom a single-use token stands for and spend it; of two who come at once, one gets in."""
        spent = (
            update(access_tokens)
            .where(*_valid(token, purpose), access_tokens.c.used_at.is_(None))
            .values(used_at=func.now())
            .returning(access_tokens.c.principal_id)
        )
        principal_id = (await self._connection.execute(spent)).scalar_one_or_none()
        if principal_id is None:
            raise _unknown()
        return await self.get(principal_id)

    async def welcome(self, token_hashes: Iterable[str], role: Role) -> set[str]:
        """Return those of the tokens that are valid and stand for somebody who may act in `role`."""
        asked = access_tokens.c.token_hash == any_(literal(list(token_hashes), ARRAY(Text)))
        query = _SELECT.join(access_tokens, access_tokens.c.principal_id == principals.c.id)
        rows = await self._connection.execute(query.add_columns(access_tokens.c.token_hash).where(asked, _alive()))
        return {row.token_hash for row in rows if _principal(row).may(role)}

    async def revoke(self, token: str) -> None:
        """End a token now, and with it every code and session that comes from it. Idempotent."""
        where = access_tokens.c.token_hash == token_hash(token)
        await self._connection.execute(update(access_tokens).where(where).values(expires_at=func.now()))


async def tenant_ids(connection: AsyncConnection) -> list[str]:
    """Return all tenants; the one table without row-level security, for the controller's background work."""
    return list((await connection.execute(text("SELECT id FROM tenants ORDER BY id"))).scalars())


_SELECT = select(principals.c.id, principals.c.tenant_id, principals.c.name, principals.c.kind, principals.c.roles)


def _valid(token: str, purpose: TokenPurpose) -> list[ColumnElement[bool]]:
    return [access_tokens.c.token_hash == token_hash(token), access_tokens.c.purpose == purpose.value, _alive()]


def _alive() -> ColumnElement[bool]:
    issuer = access_tokens.alias("issuer")
    issued = exists().where(issuer.c.token_hash == access_tokens.c.issued_by, _unexpired(issuer))
    return and_(_unexpired(access_tokens), or_(access_tokens.c.purpose == TokenPurpose.API.value, issued))


def _unexpired(tokens: FromClause) -> ColumnElement[bool]:
    return or_(tokens.c.expires_at.is_(None), tokens.c.expires_at > func.now())


def _unknown() -> NotAuthenticated:
    return NotAuthenticated("Nobody is known by this token.", remedy="Ask for a new one; it may have expired.")


def _principal(row: Row[*tuple[Any, ...]]) -> Principal:
    known = {role.value for role in Role}
    roles = frozenset(Role(role) for role in row.roles if role in known)
    return Principal(id=row.id, tenant=row.tenant_id, name=row.name, kind=row.kind, roles=roles)
