"""A PostgreSQL server that somebody else runs: whose address is whose."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from pydantic import SecretStr

from cli.local.external import address_of, prepare_external_database
from cli.local.servers import LocalServers, running_urls
from pipeline.errors import CallerError
from pipeline.settings.process import DatabaseSettings, ProcessSettings, RedisSettings
from tests.cli.local.conftest import Said

PASSWORD = "made-for-this-installation"


@pytest.fixture(scope="module")
def managed() -> Iterator[LocalServers]:
    """Stands for a managed server: two roles that its administrator made, and none of ours."""
    path = Path(tempfile.mkdtemp(prefix="changeline-test-"))
    path.chmod(0o755)
    settings = ProcessSettings(data_dir=path / "data", redis=RedisSettings(embedded=False))
    with LocalServers(settings, report=Said(), durable=False) as servers:
        with psycopg.connect(superuser(servers), autocommit=True) as admin:
            admin.execute("CREATE ROLE plain LOGIN PASSWORD 'plain'")
            admin.execute("CREATE ROLE maker LOGIN CREATEROLE PASSWORD 'maker'")
            admin.execute("GRANT ALL ON DATABASE changeline TO plain, maker WITH GRANT OPTION")
        yield servers
    shutil.rmtree(path)


@pytest.fixture
def elsewhere(managed: LocalServers) -> LocalServers:
    """As its administrator left it, whatever the last test did."""
    with psycopg.connect(superuser(managed), autocommit=True) as admin:
        if has_application(admin):
            for grantor in ("changeline_owner", "maker"):
                admin.execute(f"SET ROLE {grantor}".encode())
                admin.execute("REVOKE ALL ON DATABASE changeline FROM changeline_app")
            admin.execute("RESET ROLE")
            admin.execute("DROP ROLE changeline_app")
    return managed


def has_application(admin: psycopg.Connection) -> bool:
    return admin.execute("SELECT 1 FROM pg_roles WHERE rolname = 'changeline_app'").fetchone() is not None


def superuser(servers: LocalServers) -> str:
    assert servers.postgres is not None
    return servers.postgres.superuser_url("changeline")


def as_role(servers: LocalServers, role: str) -> str:
    return f"postgresql://{role}:{role}@{address_of(superuser(servers))}"


@pytest.mark.parametrize("role", ["superuser", "maker"])
def test_an_address_that_may_create_roles_is_the_owners_and_the_application_gets_a_role_of_its_own(
    elsewhere: LocalServers, said: Said, role: str
) -> None:
    url = superuser(elsewhere) if role == "superuser" else as_role(elsewhere, role)
    first = prepare_external_database(url, None, password=PASSWORD, report=said)
    assert first.owner_url == url
    with psycopg.connect(first.application_url) as connection:
        assert connection.execute(
            "SELECT current_user, rolsuper, rolbypassrls FROM pg_roles WHERE rolname = current_user"
        ).fetchone() == ("changeline_app", False, False)
    assert len(said.all) == 1
    assert prepare_external_database(url, None, password=PASSWORD, report=said) == first
    assert len(said.all) == 1, "a role that works is left alone"
    rekeyed = prepare_external_database(url, None, password="another", report=said)
    psycopg.connect(rekeyed.application_url).close()
    assert PASSWORD not in repr(first) + " ".join(said.all)


def test_a_plain_owner_is_refused_with_the_name_of_the_setting(elsewhere: LocalServers) -> None:
    with pytest.raises(CallerError, match="nor may it create roles") as refused:
        prepare_external_database(as_role(elsewhere, "plain"), None, password=PASSWORD)
    assert refused.value.field == "CHANGELINE_DATABASE__OWNER_URL"


def test_two_addresses_are_used_as_given_once_their_roles_fit(elsewhere: LocalServers) -> None:
    owner = as_role(elsewhere, "plain")
    application = prepare_external_database(superuser(elsewhere), None, password=PASSWORD).application_url
    given = prepare_external_database(application, owner, password="unused")
    assert (given.application_url, given.owner_url) == (application, owner)
    alone = prepare_external_database(
        application.replace("postgresql:", "postgresql+psycopg:"), None, password="unused"
    )
    assert (alone.application_url, alone.owner_url) == (application, None)


def test_an_application_that_tenants_are_not_safe_from_is_refused(elsewhere: LocalServers) -> None:
    owner = as_role(elsewhere, "plain")
    with pytest.raises(CallerError, match="is a superuser"):
        prepare_external_database(superuser(elsewhere), owner, password=PASSWORD)
    with pytest.raises(CallerError, match="owns the tables"):
        prepare_external_database(owner, owner, password=PASSWORD)
    with pytest.raises(CallerError, match="which 'maker' is not"):
        prepare_external_database(as_role(elsewhere, "maker"), owner, password=PASSWORD)
    with psycopg.connect(superuser(elsewhere), autocommit=True) as admin:
        admin.execute("CREATE ROLE changeline_app LOGIN BYPASSRLS")
    with pytest.raises(CallerError, match="is exempt from row-level security"):
        prepare_external_database(superuser(elsewhere), None, password=PASSWORD)
    with pytest.raises(CallerError, match="may not be changed") as refused:
        prepare_external_database(as_role(elsewhere, "maker"), None, password="unknown")
    assert refused.value.field == "CHANGELINE_DATABASE__OWNER_URL"


def test_an_unreachable_or_wrong_address_is_named_without_its_password() -> None:
    with pytest.raises(CallerError, match=r"CHANGELINE_DATABASE__URL at 127\.0\.0\.1:1/db does not accept") as refused:
        prepare_external_database("postgresql://someone:hunter2@127.0.0.1:1/db", None, password=PASSWORD)
    assert "hunter2" not in refused.value.message


def test_with_an_external_address_no_server_of_ours_is_started(
    elsewhere: LocalServers, place: Path, said: Said
) -> None:
    settings = ProcessSettings(
        data_dir=place / "data",
        database=DatabaseSettings(url=SecretStr(superuser(elsewhere))),
        redis=RedisSettings(url=SecretStr("redis://:secret@127.0.0.1:6390/0")),
    )
    with LocalServers(settings, report=said) as servers:
        assert servers.supervisor.running() == []
        assert servers.redis_url == "redis://:secret@127.0.0.1:6390/0"
        assert not servers.directory.postgres.exists()
        assert all("(external)" in sentence for sentence in servers.describe())
        assert "secret" not in " ".join(servers.describe()) + servers.directory.runtime_file.read_text()
        with psycopg.connect(servers.app_url) as connection:
            assert connection.execute("SELECT current_user").fetchone() == ("changeline_app",)
        found = running_urls(settings)
        assert found is not None
        assert (found.application, found.owner) == (servers.app_url, servers.owner_url)
