"""Roles and database, before any table exists.

Problem: row-level security does nothing for a superuser and a table owner can switch it off, so the application must
be neither, on our own server as well as on one that somebody else runs. Choice: three roles (the superuser only here,
an owner that migrates, an application role without rights of its own) and plain psycopg, because there is no schema yet
for SQLAlchemy to know. Passwords leave this process only as SCRAM verifiers: a server log never holds one.
Invariant: the application role is never a superuser, owner, or exempt from row-level security.
"""

from dataclasses import dataclass

import psycopg
from psycopg import sql

from pipeline.errors import CallerError

OWNER_ROLE = "changeline_owner"
APPLICATION_ROLE = "changeline_app"
DATABASE = "changeline"
_CONNECT_TIMEOUT_S = 10


@dataclass(frozen=True, slots=True)
class RoleRights:
    """What the role of a connection may do."""

    name: str
    superuser: bool
    create_role: bool
    bypass_rls: bool
    is_application: bool
    """It is `changeline_app` or inherits from it, so that the grants of the migrations reach it. Having created that
    role is not enough."""


class LoginRefused(CallerError):
    """The server is not there, or does not accept this login; the message is the server's own, without a password."""


class RoleOfAnother(CallerError):
    """`changeline_app` exists and may not be changed by this login."""


def answers(url: str) -> bool:
    """True when the server accepts this login now."""
    try:
        connect(url).close()
    except psycopg.OperationalError:
        return False
    return True


def connect(url: str) -> psycopg.Connection:
    """A connection in autocommit, closed by the caller or its `with` block."""
    return psycopg.connect(url, autocommit=True, connect_timeout=_CONNECT_TIMEOUT_S, application_name="changeline:up")


def create_roles_and_database(superuser_url: str, *, owner_password: str, application_password: str) -> None:
    """Make our own server ready for the migrations. Idempotent; passwords become the given ones.

    Args:
        superuser_url: of the database `postgres`.
        owner_password: of the role that owns the database and runs migrations.
        application_password: of the role that everything else uses.
    """
    with connect(superuser_url) as connection:
        for role, password in ((OWNER_ROLE, owner_password), (APPLICATION_ROLE, application_password)):
            if not _exists(connection, "SELECT 1 FROM pg_roles WHERE rolname = %s", role):
                connection.execute(sql.SQL("CREATE ROLE {}").format(sql.Identifier(role)))
            connection.execute(
                sql.SQL(
                    "ALTER ROLE {} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS NOREPLICATION PASSWORD {}"
                ).format(sql.Identifier(role), _verifier(connection, role, password))
            )
        if not _exists(connection, "SELECT 1 FROM pg_database WHERE datname = %s", DATABASE):
            connection.execute(
                sql.SQL("CREATE DATABASE {} OWNER {}").format(sql.Identifier(DATABASE), sql.Identifier(OWNER_ROLE))
            )
        connection.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(sql.Identifier(DATABASE)))
        connection.execute(
            sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(
                sql.Identifier(DATABASE), sql.Identifier(APPLICATION_ROLE)
            )
        )


def role_rights(url: str) -> RoleRights:
    """Ask the server what this login may do.

    Raises:
        LoginRefused: no connection, or an address that is none.
    """
    try:
        connection = connect(url)
    except (psycopg.OperationalError, psycopg.ProgrammingError) as error:
        lines = str(error).strip().splitlines()
        raise LoginRefused(lines[-1] if lines else "no answer") from error
    with connection:
        row = connection.execute(
            "SELECT rolname, rolsuper, rolcreaterole, rolbypassrls,"
            " EXISTS (SELECT 1 FROM pg_roles a WHERE a.rolname = %s AND pg_has_role(me.oid, a.oid, 'USAGE'))"
            " FROM pg_roles me WHERE rolname = current_user",
            (APPLICATION_ROLE,),
        ).fetchone()
    if row is None:
        raise LoginRefused("the server does not know the role of its own connection")
    name, superuser, create_role, bypass_rls, member = row
    return RoleRights(name, superuser, create_role, bypass_rls, bool(member) and not superuser)


def ensure_application_role(url: str, password: str) -> None:
    """Create `changeline_app`, or give it this password, on a server that somebody else runs.

    Args:
        url: of a role that may create roles.
        password: the one to log in with afterwards.

    Raises:
        RoleOfAnother: somebody else made `changeline_app` and keeps it.
    """
    with connect(url) as connection:
        exists = _exists(connection, "SELECT 1 FROM pg_roles WHERE rolname = %s", APPLICATION_ROLE)
        statement = sql.SQL("{} ROLE {} LOGIN PASSWORD {}").format(
            sql.SQL("ALTER" if exists else "CREATE"),
            sql.Identifier(APPLICATION_ROLE),
            _verifier(connection, APPLICATION_ROLE, password),
        )
        try:
            connection.execute(statement)
        except psycopg.errors.InsufficientPrivilege as error:
            raise RoleOfAnother(str(error).splitlines()[0]) from error
        row = connection.execute("SELECT current_database()").fetchone()
        connection.execute(
            sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(
                sql.Identifier(str(row[0]) if row else ""), sql.Identifier(APPLICATION_ROLE)
            )
        )


def _exists(connection: psycopg.Connection, query: str, name: str) -> bool:
    return connection.execute(query.encode(), (name,)).fetchone() is not None


def _verifier(connection: psycopg.Connection, role: str, password: str) -> sql.Literal:
    hashed = connection.pgconn.encrypt_password(password.encode(), role.encode(), b"scram-sha-256")
    return sql.Literal(hashed.decode())
