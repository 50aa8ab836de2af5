"""The migrations make exactly the tables of the code, and the database itself keeps tenants and epochs apart."""

import asyncio

import psycopg
import pytest
from langgraph.checkpoint.postgres import PostgresSaver
from sqlalchemy import text

from pipeline.errors import LeaseLost
from pipeline.store import migrations
from pipeline.store.engine import Database, WorkerIdentity
from pipeline.store.tables import metadata
from tests.database import TestDatabase, TestServer

WITHOUT_TENANT = {"tenants"}


def test_the_migrated_database_equals_the_tables_in_code(database: TestDatabase) -> None:
    assert migrations.drift(database.owner_url) == []
    assert migrations.schema_state(database.app_url).up_to_date


def test_downgrade_and_upgrade_again_gives_the_same_schema(database: TestDatabase) -> None:
    migrations.downgrade(database.owner_url, "base")
    assert migrations.schema_state(database.owner_url).current is None
    migrations.upgrade(database.owner_url, app_role="changeline_app")
    assert migrations.drift(database.owner_url) == []


def test_every_table_but_the_registry_of_tenants_forces_row_level_security(database: TestDatabase) -> None:
    with psycopg.connect(database.superuser_url) as connection:
        rows = connection.execute(
            "SELECT relname FROM pg_class JOIN pg_namespace n ON n.oid = relnamespace "
            "WHERE nspname = 'public' AND relkind = 'r' AND relrowsecurity AND relforcerowsecurity"
        ).fetchall()
    assert {row[0] for row in rows} == set(metadata.tables) - WITHOUT_TENANT


def test_the_application_role_is_neither_superuser_nor_owner(database: TestDatabase) -> None:
    with psycopg.connect(database.app_url) as connection:
        flags = connection.execute(
            "SELECT rolsuper, rolbypassrls, rolcreaterole, rolcreatedb FROM pg_roles WHERE rolname = current_user"
        ).fetchone()
        owned = connection.execute("SELECT count(*) FROM pg_class WHERE relowner = current_user::regrole").fetchone()
    assert flags == (False, False, False, False)
    assert owned == (0,)


async def test_a_tenant_sees_and_writes_only_its_own_rows(database: TestDatabase) -> None:
    with psycopg.connect(database.superuser_url) as connection:
        connection.execute("INSERT INTO tenants (id, name) VALUES ('other', 'Other')")
    store = Database(database.app_url, tenant="default")
    insert = text("INSERT INTO principals (id, name) VALUES (:id, :id)")
    try:
        async with store.transaction() as connection:
            await connection.execute(insert, {"id": "ours"})
        async with store.transaction("other") as connection:
            await connection.execute(insert, {"id": "theirs"})
            assert (await connection.execute(text("SELECT id FROM principals"))).scalars().all() == ["theirs"]
        with pytest.raises(Exception, match="row-level security"):
            async with store.transaction() as connection:
                await connection.execute(
                    text("INSERT INTO principals (id, name, tenant_id) VALUES ('x', 'x', 'other')")
                )
    finally:
        await store.close()


async def test_a_stale_epoch_can_write_nothing_that_anyone_reads(database: TestDatabase) -> None:
    controller = Database(database.app_url, tenant="default")
    async with controller.transaction() as connection:
        await connection.execute(
            text("INSERT INTO change_requests (id, title, body, created_by) VALUES ('cr-1', 't', 'b', 'me')")
        )
        await connection.execute(text("INSERT INTO leases (cr_id, epoch, owner) VALUES ('cr-1', 2, 'new')"))
    stale = Database(database.app_url, tenant="default", worker=WorkerIdentity(cr_id="cr-1", epoch=1))
    current = Database(database.app_url, tenant="default", worker=WorkerIdentity(cr_id="cr-1", epoch=2))
    write = text("INSERT INTO events (cr_id, type) VALUES ('cr-1', 'warned')")
    try:
        async with current.transaction() as connection:
            await connection.execute(write)
        with pytest.raises(LeaseLost):
            async with stale.transaction() as connection:
                await connection.execute(write)
    finally:
        await asyncio.gather(controller.close(), stale.close(), current.close())


def test_langgraphs_tables_are_those_its_own_setup_would_make(postgres: TestServer, database: TestDatabase) -> None:
    theirs = postgres.create("langgraph_setup")
    with PostgresSaver.from_conn_string(theirs.superuser_url) as saver:
        saver.setup()
    query = (
        "SELECT table_name, column_name, data_type, is_nullable FROM information_schema.columns "
        "WHERE table_name LIKE 'checkpoint%' AND column_name <> 'tenant_id' ORDER BY 1, 2"
    )
    with psycopg.connect(theirs.superuser_url) as one, psycopg.connect(database.superuser_url) as other:
        assert one.execute(query).fetchall() == other.execute(query).fetchall()
    postgres.drop(theirs.name)
