"""Runs migrations inside one transaction per revision, with short lock waits so that a busy table is never blocked long."""

from alembic import context
from sqlalchemy import Connection, create_engine, make_url, pool, text

from pipeline.store import checkpoint_tables, tables

TARGET = tables.metadata
assert checkpoint_tables.metadata is TARGET  # noqa: S101 - importing it is what registers LangGraph's tables


def _run(connection: Connection) -> None:
    connection.execute(text("SET lock_timeout = '5s'"))
    connection.execute(text("SET statement_timeout = '60s'"))
    connection.commit()
    context.configure(connection=connection, target_metadata=TARGET, compare_server_default=False)
    with context.begin_transaction():
        context.run_migrations()


def _online() -> None:
    given = context.config.attributes.get("connection")
    if given is not None:
        _run(given)
        return
    url = make_url(context.get_x_argument(as_dictionary=True)["url"]).set(drivername="postgresql+psycopg")
    with create_engine(url, poolclass=pool.NullPool).connect() as connection:
        _run(connection)


_online()
