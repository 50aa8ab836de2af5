"""A database of the first schema, with a change request at its gate: migrated with its data, it goes on; and what the
first version reads and writes still works on the newest schema, because two versions serve side by side for a while.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

import psycopg
import pytest
from psycopg import sql

from pipeline.store import migrations
from tests.database import TestDatabase, TestServer
from tests.line import scenarios
from tests.line.harness import LineRun, controller_of, settings_of
from tests.line.savepoints import AT_THE_GATE, begins_at
from tests.line.test_going_on import ORDINARY

FIRST = "0001"
Columns = dict[str, list[str]]
_COLUMNS = """
SELECT table_name, column_name FROM information_schema.columns
WHERE table_schema = 'public' AND table_name <> 'alembic_version' AND is_generated = 'NEVER' ORDER BY 1, ordinal_position
"""
_NUMBERS = "SELECT sequencename FROM pg_sequences WHERE schemaname = 'public'"


@pytest.fixture
def first(postgres: TestServer, database: TestDatabase) -> Iterator[TestDatabase]:
    """A database as version 0001 made it, empty."""
    created = postgres.create(f"{database.name}_first")
    migrations.upgrade(created.owner_url, app_role="changeline_app", revision=FIRST)
    yield created
    postgres.drop(created.name)


@pytest.fixture
def newest(postgres: TestServer, database: TestDatabase) -> Iterator[TestDatabase]:
    """A database as this version makes it, empty."""
    created = postgres.create(f"{database.name}_newest", template="template_changeline")
    yield created
    postgres.drop(created.name)


def columns_of(database: TestDatabase) -> Columns:
    found: Columns = {}
    with psycopg.connect(database.superuser_url) as connection:
        for table, column in connection.execute(_COLUMNS).fetchall():
            found.setdefault(table, []).append(column)
    return found


def copied(columns: Columns, source: TestDatabase, sink_url: str, *, as_first_version: bool) -> None:
    """Read and write every row by statements that name the columns of `columns` alone, as that version does."""
    with psycopg.connect(source.superuser_url) as reading, psycopg.connect(sink_url) as writing:
        if as_first_version:
            writing.execute("SELECT set_config('changeline.tenant', 'default', false)")
        else:
            writing.execute("SET session_replication_role = replica")
        for table in _parents_first(columns):
            names = sql.SQL(", ").join(map(sql.Identifier, columns[table]))
            select = sql.SQL("COPY (SELECT {} FROM {}) TO STDOUT").format(names, sql.Identifier(table))
            staged = sql.SQL("CREATE TEMP TABLE staged ON COMMIT DROP AS SELECT {} FROM {} WITH NO DATA").format(
                names, sql.Identifier(table)
            )
            writing.execute(staged)
            with reading.cursor().copy(select) as out, writing.cursor().copy("COPY staged FROM STDIN") as into:
                for chunk in out:
                    into.write(chunk)
            insert = sql.SQL("INSERT INTO {} ({}) OVERRIDING SYSTEM VALUE SELECT {} FROM staged ON CONFLICT DO NOTHING")
            writing.execute(insert.format(sql.Identifier(table), names, names))
            writing.execute("DROP TABLE staged")
        if not as_first_version:
            for (name,) in writing.execute(_NUMBERS).fetchall():
                writing.execute("SELECT setval(%s, 1000000)", [name])


def _parents_first(columns: Columns) -> list[str]:
    return sorted(
        columns, key=lambda table: (table != "tenants", table not in {"principals", "change_requests"}, table)
    )


def counted(columns: Columns, database: TestDatabase) -> dict[str, int]:
    with psycopg.connect(database.superuser_url) as connection:
        found = {
            table: connection.execute(sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(table))).fetchone()
            for table in columns
        }
    return {table: int(row[0]) for table, row in found.items() if row is not None}


async def at_the_gate(line: LineRun) -> None:
    line.repository(scenarios.FILES)
    line.model.play(scenarios.scenario())
    await line.submit(title=scenarios.TITLE, body=scenarios.BODY)
    await line.to_the_gate()


@begins_at(AT_THE_GATE)
async def test_a_change_request_that_waited_in_the_first_schema_goes_on_in_the_newest(
    line: LineRun, first: TestDatabase
) -> None:
    columns = columns_of(first)
    copied(columns, line.database, first.superuser_url, as_first_version=False)
    assert counted(columns, first) == counted(columns, line.database)
    migrations.upgrade(first.owner_url, app_role="changeline_app")
    assert migrations.schema_state(first.app_url).up_to_date
    settings = settings_of(line.root, first, line.model)
    controller = controller_of(settings)
    moved = replace(line, database=first, settings=settings, controller=controller)
    try:
        await moved.decide_and_finish()
    finally:
        await controller.bells.close()
        await controller.database.close()
    assert Counter(line.asked_roles()) == ORDINARY


@begins_at(AT_THE_GATE)
async def test_what_the_first_version_reads_and_writes_still_works_in_the_newest_schema(
    line: LineRun, first: TestDatabase, newest: TestDatabase
) -> None:
    """Expand only: every column of the first schema is still there, and rows without any newer column are accepted."""
    columns = columns_of(first)
    assert all(set(names) <= set(columns_of(newest)[table]) for table, names in columns.items())
    written = {table: names for table, names in columns.items() if table != "tenants"}
    copied(written, line.database, newest.app_url, as_first_version=True)
    assert counted(written, newest) == counted(written, line.database)
