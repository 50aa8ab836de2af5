"""`replay` and `journal` from the command line: what exit codes say, and that a file needs no installation."""

import gzip
import json
from pathlib import Path

import pytest

from pipeline.replay import file
from pipeline.store.engine import Database
from tests.cli.conftest import Verb
from tests.controller.conftest import Controller
from tests.controller.test_journals import finished


@pytest.fixture
async def recorded(controller: Controller, store: Database) -> None:
    """A change request that stands still."""
    del controller
    await finished(store)


@pytest.mark.usefixtures("recorded")
def test_a_change_request_its_file_and_its_import_replay_alike(verb: Verb, tmp_path: Path) -> None:
    saved = tmp_path / "one.journal"
    exported = verb("journal", "export", "cr-1", "-o", str(saved), "--json")
    assert exported.value["bytes"] == saved.stat().st_size
    assert saved.stat().st_mode & 0o077 == 0
    kept = verb("journal", "import", str(saved), "--json").value
    assert verb("journal", "import", str(saved)).out.startswith(f"{kept['id']}: Add a greeting (it was here already)")
    assert kept["id"] in verb("journal", "list").out
    reports = [verb("replay", named, "--json") for named in ("cr-1", "latest", kept["id"], str(saved))]
    assert [one.code for one in reports] == [0, 0, 0, 0], [(one.out, one.err) for one in reports]
    assert len({one.out for one in reports}) == 1
    assert (reports[0].value["ok"], reports[0].value["steps"]) == (True, 2)
    assert "Everything came out as recorded." in verb("replay", str(saved)).out
    unknown = verb("replay", "cr-9", "--json")
    assert (unknown.code, unknown.value["error"]) == (2, "No change request named 'cr-9' exists.")


@pytest.fixture
def journal(recorded: None, verb: Verb, tmp_path: Path) -> Path:
    """An exported file."""
    del recorded
    saved = tmp_path / "one.journal"
    assert verb("journal", "export", "cr-1", "-o", str(saved)).code == 0
    return saved


def test_a_file_is_replayed_without_any_installation(
    journal: Path, verb: Verb, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("CHANGELINE_URL")
    monkeypatch.setenv("CHANGELINE_DATA_DIR", str(tmp_path / "nothing"))
    assert verb("replay", str(journal)).code == 0
    assert verb("replay", "cr-1").code == 5
    assert verb("journal", "import", str(journal)).code == 5


def test_a_step_that_leads_elsewhere_now_is_shown_with_exit_1(journal: Path, verb: Verb) -> None:
    body = json.loads(gzip.decompress(journal.read_bytes().partition(b"\n")[2]))
    body["events"] = [one for one in body["events"] if one["payload"].get("stage") != "screening"]
    journal.write_bytes(file.write(body))
    ran = verb("replay", str(journal), "--json")
    assert ran.code == 1
    found = ran.value["divergence"]
    assert (found["kind"], found["expected"], found["got"]) == ("routing", "repository_identification", "screening")
    told = verb("replay", str(journal))
    assert (told.code, "IT COMES OUT DIFFERENTLY" in told.out) == (1, True)


def test_a_damaged_or_newer_file_is_refused_with_exit_2(journal: Path, verb: Verb) -> None:
    whole = journal.read_bytes()
    for content in (whole[:-1], whole.replace(b'"version": 1', b'"version": 9', 1), b"", b"no journal"):
        journal.write_bytes(content)
        for arguments in (("replay", str(journal)), ("journal", "import", str(journal))):
            refused = verb(*arguments, "--json")
            assert (refused.code, refused.value["field"]) == (2, "FILE"), content[:60]
    assert verb("replay", "/nowhere/at/all.journal").code == 2
