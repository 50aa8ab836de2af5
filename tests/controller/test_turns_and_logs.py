"""What single turns changed, and what test runs printed in full, as people read them."""

from collections.abc import Iterator
from typing import Any

import pytest

from pipeline.change_request import Stage
from pipeline.proof import test_logs
from pipeline.records import RunPurpose
from pipeline.store.engine import Database
from pipeline.store.work import Work
from tests.controller import line
from tests.controller.conftest import Controller, Lent, lending
from tests.controller.fakes import ScriptedLauncher
from tests.database import TestServer

HERE = f"/api/v1/change-requests/{line.CR}"
FIRST, SECOND, THIRD = line.SNAPSHOTS


@pytest.fixture(scope="module")
def lent(postgres: TestServer) -> Iterator[Lent]:
    """Without workers, so that what people caused stays visible."""
    with lending(postgres, launcher=ScriptedLauncher(ready=False)) as one:
        yield one


def get(controller: Controller, address: str, status: int = 200) -> dict[str, Any]:
    answer = controller.client().get(f"{HERE}{address}")
    assert answer.status_code == status, (address, answer.text)
    return dict(answer.json())


async def test_the_turns_that_changed_files_are_listed_round_by_round(controller: Controller, store: Database) -> None:
    await line.queued(store)
    assert get(controller, "/turns") == {"items": []}
    await line.turned(store)
    (only,) = get(controller, "/turns")["items"]
    assert [(one["turn"], one["since"], one["commit"]) for one in only["turns"]] == [
        (1, FIRST, SECOND), (3, SECOND, THIRD),
    ]  # fmt: skip
    assert (only["repository"], only["role"], only["number"], only["ended"]) == ("sample", "code_writer", 1, True)


async def test_what_a_turn_changed_is_shown_from_the_database_when_the_git_cache_is_gone(
    controller: Controller, store: Database
) -> None:
    await line.queued(store)
    await line.turned(store)
    controller.diffs.lost = {("sample", commit) for commit in line.SNAPSHOTS}
    found = get(controller, f"/turns/{THIRD}/diff")
    assert (found["turn"], found["diff"]["base"], found["diff"]["head"]) == (3, SECOND, THIRD)
    assert found["diff"]["patch"].startswith("diff --git a/a.py b/a.py")
    gone = get(controller, f"/turns/{THIRD}/diff?since=conversation", status=410)
    assert gone["type"] == "urn:changeline:problem:no-longer-there"
    assert "no longer kept" in gone["detail"] and "conversation" in gone["remedy"]
    controller.diffs.lost = set()
    whole = get(controller, f"/turns/{THIRD}/diff?since=conversation")
    assert whole["diff"]["patch"] == f"--- sample {FIRST[:4]}..{THIRD[:4]}"


async def test_a_turn_that_is_none_of_this_change_request_is_refused_with_the_remedy(
    controller: Controller, store: Database
) -> None:
    await line.queued(store)
    await line.turned(store)
    unknown = get(controller, f"/turns/{'f' * 40}/diff", status=404)
    assert "List the turns" in unknown["remedy"]
    assert get(controller, "/turns/HEAD/diff", status=422)["field"] == "commit"
    assert get(controller, f"/turns/{THIRD}/diff?since=ever", status=422)["field"] == "since"
    await line.queued(store, "cr-2")
    other = controller.client().get(f"/api/v1/change-requests/cr-2/turns/{THIRD}/diff")
    assert other.status_code == 404


async def test_a_whole_log_comes_in_pages_that_end_at_lines_and_as_one_file(
    controller: Controller, store: Database
) -> None:
    await line.queued(store)
    log = "$ pytest\n" + "".join(f"tests/test_{number}.py::test_ü PASSED\n" for number in range(400))
    run_id = await _ran(store, log.encode(), {})
    read, pages = "", 0
    offset: int | None = 0
    while offset is not None:
        page = get(controller, f"/tests/{run_id}/log?offset={offset}&limit=4096")
        assert (page["whole"], page["cut"], page["note"]) == (True, False, "")
        assert page["text"].endswith("\n")
        read, offset, pages = read + page["text"], page["next_offset"], pages + 1
    assert (read, pages) == (log, -(-len(log.encode()) // 4096))
    file = controller.client().get(f"{HERE}/tests/{run_id}/log.txt")
    assert (file.text, file.headers["content-type"]) == (log, "text/plain; charset=utf-8")
    assert file.headers["content-disposition"] == f'attachment; filename="{line.CR}-{run_id}.log.txt"'


async def test_a_line_longer_than_a_page_is_split_between_characters(controller: Controller, store: Database) -> None:
    await line.queued(store)
    run_id = await _ran(store, ("x" + "ü" * 2_000).encode(), {})
    first = get(controller, f"/tests/{run_id}/log?limit=1024")
    rest = get(controller, f"/tests/{run_id}/log?offset={first['next_offset']}")
    assert first["text"] + rest["text"] == "x" + "ü" * 2_000
    beyond = get(controller, f"/tests/{run_id}/log?offset=100000", status=422)
    assert beyond["field"] == "offset"


async def test_a_log_that_was_never_stored_says_why_and_shows_the_end_that_is_known(
    controller: Controller, store: Database
) -> None:
    await line.queued(store)
    run_id = await _ran(store, None, {"output_tail": "\x1b[31m1 failed\x1b[0m\n"})
    page = get(controller, f"/tests/{run_id}/log")
    assert (page["whole"], page["text"]) == (False, "1 failed\n")
    assert "kept only the end" in page["note"]
    assert "kept only the end" in controller.client().get(f"{HERE}/tests/{run_id}/log.txt").text
    nothing = await _ran(store, None, {}, purpose=RunPurpose.OTHER)
    assert "no output" in get(controller, f"/tests/{nothing}/log")["note"]
    assert "List the test runs" in get(controller, "/tests/run-none/log", status=404)["remedy"]


async def _ran(
    store: Database, log: bytes | None, report: dict[str, Any], purpose: RunPurpose = RunPurpose.GREEN_SUITE
) -> str:
    async with store.transaction() as connection:
        work = Work(connection, cr_id=line.CR, attempt=1)
        if log is not None:
            name = test_logs.name_of("sample", "a", purpose, "h" * 40)
            await work.save_artifact(
                kind=test_logs.KIND, name=name, content=log, media_type="text/plain", facts={"cut": False}
            )
        return await work.save_test_run(
            repository="sample", stage=Stage.DEVELOPMENT, activation="a", purpose=purpose, commit="h" * 40, ok=True,
            report=report, verdict={},
        )  # fmt: skip
