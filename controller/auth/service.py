"""Signing in: one-time codes become sessions; the local principal of a one-machine installation."""

from datetime import timedelta

from controller.context import ControllerContext
from pipeline.access import NotAuthenticated, Principal, Role, TokenPurpose, new_token, tenant_of
from pipeline.store.audit import Audit
from pipeline.store.engine import Database
from pipeline.store.principals import Principals

CODE_LASTS = timedelta(minutes=15)
SESSION_LASTS = timedelta(days=7)


async def ensure_local_principal(database: Database) -> str:
    """Create the principal `local` with all roles in the database's tenant and return a fresh token for it.

    The caller keeps the token (a file only its user can read); earlier tokens go on working until they are revoked.
    """
    token = new_token(database.tenant)
    # Principal ids are unique over all tenants; the usual tenant keeps the short name.
    name = "local" if database.tenant == "default" else f"local-{database.tenant}"
    async with database.transaction() as connection:
        principals = Principals(connection)
        await principals.ensure(name, name="Local user", roles=list(Role))
        await principals.add_token(name, token)
    return token


async def token_works(database: Database, token: str) -> bool:
    """Whether a kept token still opens this database, so that a restart need not make another."""
    try:
        async with database.transaction(tenant_of(token)) as connection:
            await Principals(connection).by_token(token, TokenPurpose.API)
    except NotAuthenticated:
        return False
    return True


async def new_login_code(database: Database, principal: Principal, shown: str) -> str:
    """Return a code that opens one session for a principal, once, within `CODE_LASTS`, while what was shown is valid."""
    code = new_token(principal.tenant)
    async with database.transaction(principal.tenant) as connection:
        await Principals(connection).derive(code, TokenPurpose.LOGIN, shown=shown, lasts=CODE_LASTS)
    return code


async def open_session(context: ControllerContext, code: str) -> str:
    """Spend a one-time code and return a session token; raises `NotAuthenticated` for a spent or expired code."""
    tenant = tenant_of(code)
    session = new_token(tenant)
    async with context.database.transaction(tenant) as connection:
        principals = Principals(connection)
        principal = await principals.use_once(code, TokenPurpose.LOGIN)
        await principals.derive(session, TokenPurpose.SESSION, shown=code, lasts=SESSION_LASTS)
        await Audit(connection).note(principal.id, "signed_in", principal.id)
    return session


async def close_session(context: ControllerContext, session: str) -> None:
    """End a session now. Idempotent; a text that is no token ends nothing."""
    try:
        tenant = tenant_of(session)
    except NotAuthenticated:
        return
    async with context.database.transaction(tenant) as connection:
        await Principals(connection).revoke(session)
