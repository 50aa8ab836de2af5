"""What ended change requests left at remotes is listed with who left it, as the remotes say now; nothing goes by itself."""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from controller.git_work import GitRemoteRefs
from controller.wiring import Place
from pipeline.access import Role
from pipeline.effects.kinds import EffectStatus
from pipeline.errors import TransientError
from pipeline.store.change_requests import ChangeRequests
from pipeline.store.effects import Effects
from pipeline.store.engine import Database
from tests.controller import line
from tests.controller.conftest import Controller, Starter
from tests.controller.fakes import ScriptedLauncher
from tests.controller.test_git_work import FILES, at, opener
from tests.effects import push, pushed
from tests.line.repositories import SampleRepository

HEAD = "h" * 40


class ScriptedRefs:
    """Answers as remotes would; a remote without an answer is away."""

    def __init__(self) -> None:
        self.remotes: dict[str, dict[str, str]] = {}
        self.asked: list[str] = []

    async def below(self, name: str, place: Place, prefixes: Sequence[str]) -> Mapping[str, str]:
        remote = place.remote
        self.asked.append(f"{name} at {remote}")
        if remote not in self.remotes:
            raise TransientError("The git remote does not answer.")
        return {ref: at for ref, at in self.remotes[remote].items() if ref.startswith(tuple(prefixes))}


@pytest.fixture
def refs() -> ScriptedRefs:
    return ScriptedRefs()


@pytest.fixture
def controller(start: Starter, refs: ScriptedRefs) -> Iterator[Controller]:
    with start.running(launcher=ScriptedLauncher(ready=False), remote_refs=refs) as running:
        yield running


async def left_behind(store: Database, controller: Controller, cr_id: str, *, action: str = "cancel") -> None:
    """A change request that pushed its branch and then ended."""
    await line.queued(store, cr_id)
    async with store.transaction() as connection:
        await ChangeRequests(connection).record_progress(cr_id, "sample", base_commit="b" * 40)
        effects = Effects(connection)
        ref = f"refs/heads/changeline/{cr_id}"
        first = await effects.intend(
            key=f"push/{cr_id}", cr_id=cr_id, repository="sample", payload=push(ref=ref, commit=HEAD)
        )
        await effects.record(first.id, status=EffectStatus.DONE, result=pushed(ref=ref, commit=HEAD))
    address = f"/api/v1/change-requests/{cr_id}/interventions"
    assert controller.client().post(address, json={"action": action}).status_code == 202


def listed(controller: Controller, **query: str) -> list[dict[str, Any]]:
    answer = controller.client().get("/api/v1/stale-branches", params=query)
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


async def test_what_is_still_there_is_listed_with_its_owner_and_what_is_gone_is_not(
    controller: Controller, store: Database, refs: ScriptedRefs
) -> None:
    for cr_id in ("cr-1", "cr-2", "cr-3"):
        await left_behind(store, controller, cr_id, action="abort" if cr_id == "cr-3" else "fail")
    await line.queued(store, "cr-4")
    refs.remotes["/srv/sample"] = {
        "refs/heads/changeline/cr-1": HEAD, "refs/heads/changeline/cr-3": "e" * 40, "refs/heads/main": "b" * 40,
        "refs/changeline/wip/cr-1/sample/2": "c" * 40,
    }  # fmt: skip
    items = listed(controller)
    assert [(one["change_request"], one["status"], one["artifact"]["id"], one["at_remote"]) for one in items] == [
        ("cr-1", "failed", "branch:sample:1", "there"),
        ("cr-1", "failed", "snapshots:sample", "there"),
        ("cr-3", "paused", "branch:sample:1", "moved"),
    ]
    assert refs.asked == ["sample at /srv/sample"], "one remote is asked once"
    first = items[0]
    assert (first["title"], first["created_by"], first["remote"]) == ("Add a greeting", "local", "/srv/sample")
    assert first["ended_at"] and HEAD[:12] in first["artifact"]["warning"]
    assert first["artifact"]["options"] == ["keep", "delete"]
    assert listed(controller, repository="other") == []


async def test_a_remote_that_does_not_answer_hides_nothing(controller: Controller, store: Database) -> None:
    await left_behind(store, controller, "cr-1")
    items = listed(controller)
    assert {(one["at_remote"], one["why_unknown"]) for one in items} == {("unknown", "The git remote does not answer.")}


async def test_deleting_goes_through_the_cleanup_of_the_change_request(
    controller: Controller, store: Database, refs: ScriptedRefs
) -> None:
    await left_behind(store, controller, "cr-1")
    refs.remotes["/srv/sample"] = {"refs/heads/changeline/cr-1": HEAD}
    (one,) = listed(controller)
    decisions = {"decisions": [{"artifact": one["artifact"]["id"], "choice": "delete"}]}
    assert controller.client().post("/api/v1/change-requests/cr-1/cleanup", json=decisions).status_code == 202
    (deleting,) = listed(controller)
    assert (deleting["artifact"]["state"], deleting["artifact"]["options"]) == ("deleting", [])
    refs.remotes["/srv/sample"] = {}
    assert listed(controller) == []


async def test_a_viewer_may_look(controller: Controller, token_of: Callable[..., str]) -> None:
    token = await asyncio.to_thread(token_of, "vera", Role.VIEWER)
    assert controller.client(token).get("/api/v1/stale-branches").json() == {"items": [], "truncated": False}


async def test_git_says_what_is_at_a_remote_now(tmp_path: Path) -> None:
    sample = SampleRepository.create(tmp_path / "sums", FILES)
    sample.git("branch", "changeline/cr-1")
    sample.git("update-ref", "refs/changeline/wip/cr-1/sums/1", "main")
    asked = GitRemoteRefs(opener(tmp_path / "cache"))
    found = await asked.below("sums", at(sample.path), ("refs/heads/changeline/", "refs/changeline/wip/"))
    assert set(found) == {"refs/heads/changeline/cr-1", "refs/changeline/wip/cr-1/sums/1"}
    sample.git("branch", "-D", "changeline/cr-1")
    assert "refs/heads/changeline/cr-1" not in await asked.below("sums", at(sample.path), ("refs/heads/changeline/",))
