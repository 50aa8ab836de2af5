"""Journals leave and enter as whole files: checked, bounded, by principals, and never as something that could run."""

from http.client import HTTPConnection
from urllib.parse import urlsplit

import psycopg

from controller.guard import LARGER_BODIES
from pipeline import events
from pipeline.access import Role
from pipeline.change_request import PauseReason, Stage
from pipeline.replay import file
from pipeline.store.engine import Database
from pipeline.store.events import Events
from tests.controller import line
from tests.controller.conftest import Controller

JOURNAL = "/api/v1/change-requests/cr-1/journal"
JOURNALS = "/api/v1/journals"


async def finished(store: Database) -> None:
    """Leave a change request that stands still after its first steps."""
    await line.queued(store)
    await line.paused(store, PauseReason.REVIEW_LOOP)
    async with store.transaction() as connection:
        for stage, following in ((Stage.INTAKE, Stage.SCREENING), (Stage.SCREENING, Stage.REPOSITORY_IDENTIFICATION)):
            await Events(connection).append("cr-1", events.StageEntered(stage=stage))
            await Events(connection).append("cr-1", events.StageCompleted(stage=stage, outcome="passed"))
            await Events(connection).append("cr-1", events.StageEntered(stage=following))


async def test_an_exported_journal_can_be_imported_once_and_read_back_byte_for_byte(
    controller: Controller, store: Database
) -> None:
    await finished(store)
    client = controller.client()
    exported = client.get(JOURNAL)
    assert exported.headers["content-disposition"] == 'attachment; filename="cr-1.journal"'
    assert file.read(exported.content).body.change_request.title == "Add a greeting"
    assert b"Say hello." not in exported.content
    kept = client.post(JOURNALS, content=exported.content).json()
    assert (kept["cr_id"], kept["title"], kept["new"]) == ("cr-1", "Add a greeting", True)
    again = client.post(JOURNALS, content=exported.content).json()
    assert again == {**kept, "new": False}
    assert [one["id"] for one in client.get(JOURNALS).json()["items"]] == [kept["id"]]
    assert client.get(f"{JOURNALS}/{kept['id']}/file").content == exported.content
    assert [one["id"] for one in client.get("/api/v1/change-requests").json()["items"]] == ["cr-1"], "no second one"
    assert client.get(f"/api/v1/change-requests/{kept['id']}").status_code == 404


async def test_a_growing_journal_is_not_exported_and_an_unfit_file_is_not_kept(
    controller: Controller, store: Database
) -> None:
    await line.queued(store)
    client = controller.client()
    assert client.get(JOURNAL).status_code == 409
    assert client.get("/api/v1/change-requests/cr-9/journal").status_code == 404
    for content in (b"", b"{}", b'{"format": "changeline-journal", "version": 1}\n', b"\0" * 100):
        refused = client.post(JOURNALS, content=content)
        assert (refused.status_code, refused.json()["field"]) == (422, "FILE"), content
    assert announced(controller, LARGER_BODIES[JOURNALS] + 1) == 413
    assert client.post("/api/v1/journals/x", content=b"x" * 3_000_000).status_code == 413, "no other address takes more"
    assert controller.count("imported_journals") == [0]


async def test_viewers_read_journals_and_admins_bring_them_in(controller: Controller, store: Database) -> None:
    await finished(store)
    content = controller.client().get(JOURNAL).content
    assert controller.client(None).get(JOURNAL).status_code == 401
    with psycopg.connect(controller.database.superuser_url) as connection:
        connection.execute("UPDATE principals SET roles = %s", ([Role.VIEWER.value],))
    viewer = controller.client()
    assert viewer.get(JOURNAL).content == content
    assert viewer.post(JOURNALS, content=content).status_code == 403
    assert viewer.get(JOURNALS).json() == {"items": []}


def announced(controller: Controller, length: int) -> int:
    """Return what a client is answered that announces so many bytes and has sent none of them yet."""
    connection = HTTPConnection(urlsplit(controller.url).netloc, timeout=60)
    connection.putrequest("POST", JOURNALS)
    connection.putheader("Authorization", f"Bearer {controller.token}")
    connection.putheader("Content-Length", str(length))
    connection.endheaders()
    status = connection.getresponse().status
    connection.close()
    return status
