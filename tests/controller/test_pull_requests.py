"""Pull requests as effects: the forge acts, the row follows, and doing it again changes nothing."""

from dataclasses import replace

import pytest

from controller.pull_requests import PullRequestCloser, PullRequestProposer
from pipeline.adapters.forges.local import LocalForge
from pipeline.change_request import ForgeKind
from pipeline.effects.effect import Effect
from pipeline.effects.kinds import ClosePullRequest, ProposePullRequest, PullRequestProposed
from pipeline.errors import InvariantBroken
from pipeline.ports import marker_of
from pipeline.store.effects import Effects
from pipeline.store.engine import Database
from pipeline.store.pull_requests import PullRequest, PullRequests
from pipeline.testing import MemoryForge
from tests.controller import line

WANTED = ProposePullRequest(
    remote="/srv/sample", attempt=1, title="Add rates", body="What and why.", base_branch="main",
    head_branch="changeline/cr-1", head_commit="h" * 40,
)  # fmt: skip
MARKER = marker_of(line.CR, 1, "sample")


@pytest.fixture
def forge() -> MemoryForge:
    return MemoryForge(LocalForge())


async def intended(store: Database, payload: ProposePullRequest | ClosePullRequest, key: str) -> Effect:
    async with store.transaction() as connection:
        return await Effects(connection).intend(key=key, cr_id=line.CR, repository="sample", payload=payload)


async def rows(store: Database) -> list[PullRequest]:
    async with store.transaction() as connection:
        return [one for one in await PullRequests(connection).of(line.CR) if one.repository == "sample"]


async def test_a_pull_request_is_proposed_kept_and_brought_up_to_date(store: Database, forge: MemoryForge) -> None:
    await line.queued(store)
    proposer = PullRequestProposer(store, {ForgeKind.LOCAL: forge})
    first = await intended(store, WANTED, "pull_request/1")

    for _ in range(2):
        assert await proposer.execute(first) == PullRequestProposed(number=1, url="https://forge.example/pulls/1")
    renamed = WANTED.model_copy(update={"title": "Add rates, in words"})
    await proposer.execute(await intended(store, renamed, "pull_request/2"))

    (kept,) = await rows(store)
    assert (kept.title, kept.status, kept.head_commit) == ("Add rates, in words", "open", "h" * 40)
    assert list(forge.kept) == [MARKER]


async def test_a_closed_pull_request_is_closed_at_its_forge_first(store: Database, forge: MemoryForge) -> None:
    await line.queued(store)
    forges = {ForgeKind.LOCAL: forge}
    await PullRequestProposer(store, forges).execute(await intended(store, WANTED, "pull_request/1"))
    closing = ClosePullRequest(attempt=1, comment="It ended.", remote="/srv/sample", closed_by="Olga")
    effect = await intended(store, closing, "close/1")

    for _ in range(2):
        assert (await PullRequestCloser(store, forges).execute(effect)).closed_by == "Olga"

    (kept,) = await rows(store)
    assert kept.status == "closed"
    assert forge.kept[MARKER].comments == ["It ended."]


async def test_a_forge_that_this_controller_does_not_have_is_said(store: Database) -> None:
    await line.queued(store)
    effect = replace(await intended(store, WANTED, "pull_request/1"), forge=ForgeKind.LOCAL)

    with pytest.raises(InvariantBroken, match="no such forge"):
        await PullRequestProposer(store, {}).execute(effect)
    assert await rows(store) == []
