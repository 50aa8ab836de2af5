"""Brings a database to this version's schema, from the checkout or from an installed wheel.

Problem: in an installed wheel a folder named `alembic` would shadow the library. Choice: the wheel carries the migrations
inside this package; a checkout has them at its root; the packaged place is looked up first. Migrations run as the owner;
the application role, which is neither superuser nor owner, only gets grants.
"""

from dataclasses import dataclass
from pathlib import Path

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, make_url, pool, text
from sqlalchemy.engine import Engine
from sqlalchemy.exc import OperationalError

from pipeline.errors import CallerError, InvariantBroken, TransientError
from pipeline.store import checkpoint_tables, tables

_GRANTS = (
    "GRANT USAGE ON SCHEMA public TO {role}",
    "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {role}",
    "GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {role}",
    "REVOKE INSERT, UPDATE, DELETE ON alembic_version FROM {role}",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SchemaState:
    """What a database holds beside what this version needs. `current` is None for an empty database."""

    current: str | None
    head: str
    ahead: bool
    """The database was migrated by a newer version, whose revisions this one does not know."""

    @property
    def up_to_date(self) -> bool:
        """Whether this version may serve on the database."""
        return self.current == self.head


def upgrade(owner_url: str, *, app_role: str, tenant: str = "default", revision: str = "head") -> SchemaState:
    """Apply every missing migration up to `revision`, grant the application role its rights, make the first tenant. Idempotent."""
    with _engine(owner_url).connect() as connection:
        _take_turns(connection)
        if schema_state_of(connection).ahead:
            raise CallerError(
                "The database was migrated by a newer version of Changeline.",
                field="database.url",
                remedy="Install that version.",
            )
        command.upgrade(_config(connection), revision)
        quoted = connection.dialect.identifier_preparer.quote(app_role)
        for grant in _GRANTS:
            connection.execute(text(grant.format(role=quoted)))
        connection.execute(
            text("INSERT INTO tenants (id, name) VALUES (:id, :id) ON CONFLICT DO NOTHING"), {"id": tenant}
        )
        connection.commit()
        return schema_state_of(connection)


def schema_state(url: str) -> SchemaState:
    """Compare a database with this version's head. Raises `TransientError` when it cannot be reached."""
    with _engine(url).connect() as connection:
        return schema_state_of(connection)


def schema_state_of(connection: Connection) -> SchemaState:
    """As `schema_state`, on an open connection."""
    scripts = ScriptDirectory.from_config(_config(None))
    current = MigrationContext.configure(connection).get_current_revision()
    known = {revision.revision for revision in scripts.walk_revisions()}
    heads = scripts.get_heads()
    if len(heads) != 1:
        raise InvariantBroken("Migrations must have exactly one head.", heads=list(heads))
    return SchemaState(current=current, head=heads[0], ahead=current is not None and current not in known)


def drift(owner_url: str) -> list[str]:
    """Return the differences between the tables in code and the migrated database; empty when they agree."""
    if checkpoint_tables.checkpoints.metadata is not tables.metadata:
        raise InvariantBroken("LangGraph's tables are not part of the schema.")
    with _engine(owner_url).connect() as connection:
        context = MigrationContext.configure(connection)
        return [str(difference) for difference in compare_metadata(context, tables.metadata)]


def downgrade(owner_url: str, revision: str) -> None:
    """Go back to a revision (`base` for an empty schema). For tests of the migrations themselves."""
    with _engine(owner_url).connect() as connection:
        command.downgrade(_config(connection), revision)
        connection.commit()


def _take_turns(connection: Connection) -> None:
    # Two controllers that start together must not migrate together; the session lock ends with the connection.
    connection.execute(text("SELECT pg_advisory_lock(hashtext('changeline.migrations'))"))
    connection.commit()


def _engine(url: str) -> Engine:
    engine = create_engine(make_url(url).set(drivername="postgresql+psycopg"), poolclass=pool.NullPool)
    try:
        engine.connect().close()
    except OperationalError as error:
        raise TransientError("The database cannot be reached.", detail=str(error.orig).strip()) from error
    return engine


def _config(connection: Connection | None) -> Config:
    packaged = Path(__file__).parent / "_alembic"
    checkout = Path(__file__).parents[2] / "alembic"
    config = Config()
    config.set_main_option("script_location", str(packaged if packaged.is_dir() else checkout))
    config.attributes["connection"] = connection
    return config
