"""What ended change requests left at remotes: branches and saved work in progress that nobody decided about.

Problem: a record of pushes says what was put there, not what still is. Choice: the remotes are asked each time, one
question per remote; what is gone is not shown, what could not be asked is shown as unknown. Nothing is deleted here: the
choices are those of the cleanup of each change request.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from controller.cleanup.schemas import AtRemote, CleanupArtifact, StaleBranch, StaleBranches
from controller.cleanup.service import Branch, Left, branch_view, left_of, snapshots_view
from controller.context import ControllerContext
from controller.wiring import Place, RemoteRefs
from pipeline.access import Principal
from pipeline.change_request import Reach, wip_prefixes
from pipeline.errors import ChangelineError
from pipeline.store.change_requests import ChangeRequests
from pipeline.store.effects import Effects
from pipeline.store.interventions import Interventions
from pipeline.store.pull_requests import PullRequests

CHANGE_REQUESTS_MAX = 200
PREFIXES = ("refs/heads/changeline/", "refs/changeline/wip/")
PATIENCE_S = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Answer:
    """What one remote said: its refs, or why they are not known."""

    refs: Mapping[str, str] = field(default_factory=dict)
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    left: Left
    artifact: CleanupArtifact
    name: str
    remote: str
    reach: Reach
    branch: Branch | None

    def judged(self, answer: _Answer) -> AtRemote | None:
        """Say where it is now; None when it is gone."""
        if answer.problem:
            return AtRemote.UNKNOWN
        if self.branch is None:
            saved = wip_prefixes(self.left.cr.id, self.name)
            return AtRemote.THERE if any(ref.startswith(saved) for ref in answer.refs) else None
        commit = answer.refs.get(self.branch.ref)
        if commit is None:
            return None
        return AtRemote.THERE if commit == self.branch.commit else AtRemote.MOVED


async def look(context: ControllerContext, principal: Principal, repository: str | None) -> StaleBranches:
    """Return what is left, the longest ended first."""
    async with context.database.transaction(principal.tenant) as connection:
        requests = ChangeRequests(connection)
        ended = await requests.ended_without_success(limit=CHANGE_REQUESTS_MAX + 1)
        aggregates = Effects(connection), PullRequests(connection), Interventions(connection)
        lefts = [await left_of(cr, requests, *aggregates) for cr in ended[:CHANGE_REQUESTS_MAX]]
    found = [one for left in lefts for one in _leftovers(left) if repository in {None, one.name}]
    places = {(one.name, Place(tenant=principal.tenant, remote=one.remote, reach=one.reach)) for one in found}
    answers = await _ask_all(context.wiring.remote_refs, places)
    judged = [(one, one.judged(answers[one.remote])) for one in found]
    items = [_view(one, place, answers[one.remote].problem) for one, place in judged if place is not None]
    return StaleBranches(items=items, truncated=len(ended) > CHANGE_REQUESTS_MAX)


def _leftovers(left: Left) -> Iterable[_Found]:
    reaches = {one.target.name: one.target.reach for one in left.worked_on}
    for branch in left.branches:
        artifact = branch_view(left, branch)
        reach = reaches.get(branch.repository, Reach.PUBLIC)
        yield _Found(
            left=left, artifact=artifact, name=branch.repository, remote=branch.remote, reach=reach, branch=branch
        )
    for one in left.worked_on:
        artifact = snapshots_view(left, one)
        target = one.target
        yield _Found(
            left=left, artifact=artifact, name=target.name, remote=target.remote, reach=target.reach, branch=None
        )


async def _ask_all(refs: RemoteRefs | None, places: set[tuple[str, Place]]) -> Mapping[str, _Answer]:
    """Ask each remote once, all at the same time; of two that may reach differently far, as the farther."""
    ordered = sorted(places, key=lambda one: (one[1].reach is Reach.PRIVATE, one[0]))
    by_remote = {place.remote: (name, place) for name, place in ordered}
    answers: Sequence[_Answer] = await asyncio.gather(*(_ask(refs, *one) for one in by_remote.values()))
    return dict(zip(by_remote, answers, strict=True))


async def _ask(refs: RemoteRefs | None, name: str, place: Place) -> _Answer:
    if refs is None:
        return _Answer(problem="This controller does not ask remotes.")
    try:
        async with asyncio.timeout(PATIENCE_S):
            return _Answer(refs=await refs.below(name, place, PREFIXES))
    except ChangelineError as problem:
        return _Answer(problem=problem.message)
    except TimeoutError:
        return _Answer(problem="The remote did not answer in time.")


def _view(one: _Found, place: AtRemote, problem: str) -> StaleBranch:
    cr = one.left.cr
    return StaleBranch(
        change_request=cr.id, title=cr.title, status=cr.status, created_by=cr.created_by,
        ended_at=cr.finished_at or cr.updated_at, artifact=one.artifact, remote=one.remote, at_remote=place,
        why_unknown=problem,
    )  # fmt: skip
