"""A backup taken here restores there, and a bad one changes nothing."""

import io
import json
import tarfile
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from cli.local import archive
from cli.local.archive import BACKUP_FORMAT
from cli.local.backup import backup, restore
from cli.local.credentials import credentials_of
from cli.local.data_directory import DataDirectory
from cli.local.servers import LocalServers
from pipeline.errors import CallerError, Conflict
from pipeline.settings.process import ProcessSettings, RedisSettings
from tests.cli.local.conftest import Said


def fill(servers: LocalServers) -> None:
    assert servers.owner_url is not None
    with psycopg.connect(servers.owner_url, autocommit=True) as owner:
        owner.execute("CREATE TABLE change_requests (tenant text, title text)")
        owner.execute("ALTER TABLE change_requests ENABLE ROW LEVEL SECURITY")
        owner.execute("CREATE POLICY everything ON change_requests USING (true)")
        owner.execute("INSERT INTO change_requests VALUES ('default', 'Ünïcode')")
        owner.execute("ALTER TABLE change_requests FORCE ROW LEVEL SECURITY")
        owner.execute("DROP POLICY everything ON change_requests")
        owner.execute("GRANT SELECT ON change_requests TO changeline_app")
        owner.execute(
            "CREATE POLICY own ON change_requests USING (tenant = current_setting('changeline.tenant', true))"
        )
    (servers.directory.artifacts / "ab").mkdir(exist_ok=True)
    (servers.directory.artifacts / "ab" / "report").write_bytes(b"\0green")
    (servers.directory.keys / "installation.pem").write_text("key")
    (servers.directory.git / "cache").write_text("rebuildable")


def seen_by_the_application(settings: ProcessSettings, said: Said) -> list[tuple[str, ...]]:
    with LocalServers(settings, report=said, durable=False) as servers:
        with psycopg.connect(servers.app_url, options="-c changeline.tenant=default") as application:
            rows = application.execute(
                "SELECT title, pg_get_userbyid(relowner) FROM change_requests, pg_class"
                " WHERE relname = 'change_requests'"
            ).fetchall()
        with psycopg.connect(servers.app_url, options="-c changeline.tenant=other") as stranger:
            assert stranger.execute("SELECT * FROM change_requests").fetchall() == []
    return rows


def test_a_backup_of_a_running_installation_restores_elsewhere_and_over_other_data(
    place: Path, settings: ProcessSettings, said: Said
) -> None:
    file = place / "weekly.backup"
    with LocalServers(settings, report=said, durable=False) as servers:
        fill(servers)
        made = backup(settings, file, report=said)
        with pytest.raises(Conflict, match="already runs"):
            restore(settings, file, report=said, force=True, durable=False)
    assert made.size_bytes == file.stat().st_size
    assert file.stat().st_mode & 0o777 == 0o600
    assert sorted(place.iterdir()) == [place / "data", file]

    elsewhere = ProcessSettings(data_dir=place / "elsewhere", redis=RedisSettings(embedded=False))
    restore(elsewhere, file, report=said, durable=False)
    directory = DataDirectory.at(place / "elsewhere")
    assert seen_by_the_application(elsewhere, said) == [("Ünïcode", "changeline_owner")]
    assert (directory.artifacts / "ab" / "report").read_bytes() == b"\0green"
    assert (directory.keys / "installation.pem").read_text() == "key"
    assert list(directory.git.iterdir()) == []
    assert not (directory.path / "restoring").exists()
    assert credentials_of(directory) != credentials_of(DataDirectory.at(place / "data"))

    (directory.artifacts / "ab" / "newer").touch()
    with pytest.raises(CallerError, match="is not empty: it has a database, artifacts, keys"):
        restore(elsewhere, file, report=said, durable=False)
    assert (directory.artifacts / "ab" / "newer").exists()
    restore(elsewhere, file, report=said, force=True, durable=False)
    assert not (directory.artifacts / "ab" / "newer").exists()
    assert seen_by_the_application(elsewhere, said) == [("Ünïcode", "changeline_owner")]


def test_a_backup_of_a_stopped_installation_starts_its_database_for_that_time_only(
    place: Path, settings: ProcessSettings, said: Said
) -> None:
    with LocalServers(settings, report=said, durable=False) as servers:
        fill(servers)
    assert backup(settings, place / "cold.backup", report=said).files == 4
    assert not DataDirectory.at(place / "data").is_locked()
    with pytest.raises(CallerError, match="exists already"):
        backup(settings, place / "cold.backup", report=said)


Spoil = Callable[[list[tuple[tarfile.TarInfo, bytes]]], list[tuple[tarfile.TarInfo, bytes]]]


def entry(name: str, content: bytes) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.size = len(content)
    return info, content


def with_head(**changes: int) -> Spoil:
    head = {"backup_format": BACKUP_FORMAT, "data_format": 1} | changes
    return lambda entries: [entry("changeline-backup.json", json.dumps(head).encode()), *entries[1:]]


@pytest.mark.parametrize(
    ("spoil", "said_so"),
    [
        (lambda entries: entries[:-1], "its end is missing"),
        (
            lambda entries: [*entries[:-2], entry("keys/installation.pem", b"kex"), entries[-1]],
            "checksums do not match",
        ),
        (lambda entries: [entries[0], *entries[2:]], "checksums do not match"),
        (lambda entries: [entries[0], entry("artifacts/../../escape", b"x"), *entries[1:]], "unexpected entry"),
        (lambda entries: [entries[0], entry("/etc/escape", b"x"), *entries[1:]], "unexpected entry"),
        (lambda entries: entries[1:], "was not made by"),
        (with_head(backup_format=BACKUP_FORMAT + 1), "backup format 2"),
        (with_head(data_format=99), "data format 99"),
    ],
)
def test_a_spoiled_backup_is_refused_and_changes_nothing(
    place: Path, small_backup: bytes, spoil: Spoil, said_so: str, settings: ProcessSettings, said: Said
) -> None:
    with tarfile.open(fileobj=io.BytesIO(small_backup)) as tar:
        entries = [(info, file.read()) for info in tar if (file := tar.extractfile(info))]
    spoiled = place / "spoiled.backup"
    with tarfile.open(spoiled, "w") as tar:
        for info, content in spoil(entries):
            tar.addfile(info, io.BytesIO(content))
    directory = DataDirectory.at(place / "data")
    directory.prepare()
    (directory.artifacts / "kept").touch()
    with pytest.raises(CallerError, match=said_so):
        restore(settings, spoiled, report=said, force=True, durable=False)
    assert (directory.artifacts / "kept").exists()
    assert not (directory.path / "restoring").exists()


def test_a_backup_cut_short_or_missing_is_refused(
    place: Path, small_backup: bytes, settings: ProcessSettings, said: Said
) -> None:
    cut = place / "cut.backup"
    end = small_backup.rindex(b"sha256.json")
    for length in (0, 700, end - 100, end, end + 600):
        cut.write_bytes(small_backup[:length])
        with pytest.raises(CallerError, match="cannot be restored"):
            restore(settings, cut, report=said, durable=False)
    with pytest.raises(CallerError, match="There is no file"):
        restore(settings, place / "missing", report=said, durable=False)


def test_an_external_database_is_not_ours_to_back_up(place: Path, said: Said) -> None:
    external = ProcessSettings.model_validate(
        {"data_dir": place / "data", "database": {"url": "postgresql://elsewhere/x"}}
    )
    with pytest.raises(CallerError, match="external server"):
        backup(external, place / "x", report=said)


@pytest.fixture(scope="module")
def small_backup(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("small")
    directory = DataDirectory.at(path / "data", reachable_root=path / "reachable")
    directory.prepare()
    (directory.keys / "installation.pem").write_text("key")
    (path / "dump").write_bytes(b"PGDMP" * 100)
    archive.pack(path / "file", path / "dump", directory.path)
    return (path / "file").read_bytes()
