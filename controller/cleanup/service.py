"""What is left of a change request that failed, was cancelled or aborted, and carrying out what a person chose.

Nothing is deleted without a choice, and a branch only while it stands where this change request left it: the deletion is
an effect, a compare-and-swap from the recorded commit. The pull requests are Changeline's own rows, so closing one is
recorded as an effect in the same transaction. Snapshots are offered only when the change request ended: one that was
aborted may still go on from them. The source is told by itself; `controller.cleanup.source` is about a report that did not
arrive. Choices can be made, and made again, at any time.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from controller.cleanup import source
from controller.cleanup.schemas import (
    OPTIONS,
    ArtifactKind,
    CleanupArtifact,
    CleanupChoice,
    CleanupRequest,
    CleanupView,
)
from controller.context import ControllerContext
from controller.interventions.actions import cleanable
from pipeline import events
from pipeline.access import Principal
from pipeline.effects.effect import Effect, Intent
from pipeline.effects.kinds import (
    NOT_DONE,
    ClosePullRequest,
    DeleteRef,
    EffectStatus,
    OnRemote,
    Published,
    Pushed,
    RefDeleted,
)
from pipeline.errors import CallerError, Conflict
from pipeline.interventions.intervention import Action, CleaningUp, Intervention, InterventionStatus
from pipeline.records import ChangeRequest, RepositoryProgress
from pipeline.snapshots import saving
from pipeline.store.audit import Audit
from pipeline.store.change_requests import ChangeRequests
from pipeline.store.effects import Effects, effect_id
from pipeline.store.events import Events
from pipeline.store.interventions import Interventions
from pipeline.store.pull_requests import PullRequest, PullRequests


@dataclass(frozen=True, slots=True, kw_only=True)
class Branch:
    """A branch that a change request moved, at the commit it was moved to last."""

    repository: str
    attempt: int
    remote: str
    ref: str
    commit: str

    @property
    def id(self) -> str:
        """The artifact's id."""
        return f"{ArtifactKind.BRANCH}:{self.repository}:{self.attempt}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    """What is known of the artifacts of one change request."""

    cr: ChangeRequest
    branches: Sequence[Branch]
    pull_requests: Sequence[PullRequest]
    worked_on: Sequence[RepositoryProgress]
    effects: Sequence[Effect]
    decided: bool


async def look(context: ControllerContext, principal: Principal, cr_id: str) -> CleanupView:
    """Return what is left; of a change request that still works, nothing is offered."""
    async with context.database.transaction(principal.tenant) as connection:
        requests = ChangeRequests(connection)
        left = await left_of(
            await requests.get(cr_id),
            requests,
            Effects(connection),
            PullRequests(connection),
            Interventions(connection),
        )
    return _view(left)


async def decide(context: ControllerContext, principal: Principal, cr_id: str, asked: CleanupRequest) -> CleanupView:
    """Carry out choices, all or none. Raises `Conflict` while it works, `CallerError` for a choice that is none."""
    if asked.dismiss is bool(asked.decisions):
        raise CallerError("Decide about artifacts or dismiss, one of them.", field="decisions", remedy="Name a choice.")
    async with context.database.transaction(principal.tenant) as connection:
        requests = ChangeRequests(connection)
        cr = await requests.lock(cr_id)
        effects, pulls, words = Effects(connection), PullRequests(connection), Interventions(connection)
        left = await left_of(cr, requests, effects, pulls, words)
        _check(left, asked)
        choices = {one.artifact: one.choice.value for one in asked.decisions}
        body = CleaningUp(choices=choices, dismissed=asked.dismiss, instructions=asked.comment)
        said = await words.add(cr_id, action=Action.CLEANUP, body=body, actor=principal.id)
        await words.acted(said.id, note="dismissed" if asked.dismiss else f"{len(choices)} decided")
        log = Events(connection)
        if source.ID in choices:
            await source.carry_out(cr, left.effects, CleanupChoice(choices[source.ID]), principal.id, effects, log)
        for artifact in sorted(choices.keys() - {source.ID}):
            await _carry_out(left, artifact, CleanupChoice(choices[artifact]), said, effects)
        await _announce(log, said, dismissed=asked.dismiss)
        await Audit(connection).note(principal.id, "intervened:cleanup", cr_id, **body.model_dump(mode="json"))
        after = await left_of(cr, requests, effects, pulls, words)
    await context.bells.ring(principal.tenant, "events", "effects", f"cr:{cr_id}")
    return _view(after)


async def _announce(log: Events, said: Intervention, *, dismissed: bool) -> None:
    progressed = events.InterventionProgressed(
        intervention_id=said.id, action=said.action, status=InterventionStatus.ACTED, actor=said.actor
    )
    await log.append(said.cr_id, progressed)
    if dismissed:
        message = "Everything stays as it is until somebody decides."
        await log.append(said.cr_id, events.CleanupPending(actor=said.actor, message=message))


async def left_of(
    cr: ChangeRequest, requests: ChangeRequests, effects: Effects, pulls: PullRequests, words: Interventions
) -> Left:
    """Read everything that says what is left of a change request."""
    known = await effects.of(cr.id)
    decided = any(isinstance(one.body, CleaningUp) and not one.body.dismissed for one in await words.of(cr.id))
    worked_on = [one for one in await requests.progress(cr.id) if one.base_commit is not None]
    return Left(
        cr=cr, branches=_branches(known), pull_requests=await pulls.of(cr.id), worked_on=worked_on, effects=known,
        decided=decided,
    )  # fmt: skip


def _branches(known: Sequence[Effect]) -> list[Branch]:
    """Return every branch that was ever moved, with the commit it was moved to last."""
    newest: dict[tuple[str, str], Branch] = {}
    for effect in known:
        moved = effect.result
        if isinstance(moved, Pushed | Published):
            name, remote = str(effect.repository), effect.needs(OnRemote).remote
            newest[name, moved.ref] = Branch(
                repository=name, attempt=_attempt_of(moved.ref), remote=remote, ref=moved.ref, commit=moved.commit
            )
    return list(newest.values())


def _attempt_of(ref: str) -> int:
    _, found, number = ref.rpartition("-r")
    return int(number) if found and number.isdigit() else 1


def _check(left: Left, asked: CleanupRequest) -> None:
    if not cleanable(left.cr):
        raise Conflict(
            f"A change request that is {left.cr.status} still needs its artifacts.", field="decisions",
            remedy="Abort, cancel or fail it first.", status=left.cr.status.value,
        )  # fmt: skip
    known = {one.id: one for one in _view(left).artifacts}
    for one in asked.decisions:
        if one.artifact not in known:
            raise CallerError(
                f"There is no artifact {one.artifact}.", field="artifact", remedy=f"Name one of: {', '.join(known)}."
            )
        options = known[one.artifact].options
        if one.choice not in options:
            allowed = ", ".join(options) or "nothing any more"
            raise CallerError(
                f"{one.artifact} is {known[one.artifact].state}; it cannot be answered with {one.choice}.",
                field="choice", remedy=f"Possible: {allowed}.",
            )  # fmt: skip


async def _carry_out(left: Left, artifact: str, choice: CleanupChoice, said: Intervention, effects: Effects) -> None:
    if choice is CleanupChoice.DELETE and artifact.startswith(f"{ArtifactKind.SNAPSHOTS}:"):
        worked_on = next(one for one in left.worked_on if _snapshots_id(one) == artifact)
        wanted = _deletion(left.cr, worked_on)
        deletion = await effects.intend(
            key=wanted.key, cr_id=left.cr.id, repository=wanted.repository, payload=wanted.payload
        )
        await effects.revive(deletion.id, given_up=NOT_DONE)
    elif choice is CleanupChoice.DELETE:
        branch = next(one for one in left.branches if one.id == artifact)
        payload = DeleteRef(remote=branch.remote, ref=branch.ref, expected=branch.commit)
        key = f"cleanup/{said.id}/{artifact}"
        await effects.intend(key=key, cr_id=left.cr.id, repository=branch.repository, payload=payload)
    elif choice is CleanupChoice.CLOSE:
        one = next(pull for pull in left.pull_requests if _pull_id(pull) == artifact)
        comment = said.body.instructions or f"{left.cr.id} ended as {left.cr.status}."
        remote = next(known.target.remote for known in left.worked_on if known.target.name == one.repository)
        await effects.intend(
            key=f"cleanup/{said.id}/{artifact}", cr_id=left.cr.id, repository=one.repository,
            payload=ClosePullRequest(attempt=one.attempt, comment=comment, remote=remote, closed_by=said.actor),
        )  # fmt: skip


def _view(left: Left) -> CleanupView:
    artifacts = [branch_view(left, one) for one in left.branches]
    artifacts += [_pull_view(left, one) for one in left.pull_requests]
    artifacts += [snapshots_view(left, one) for one in left.worked_on]
    artifacts += source.views(left.cr, left.effects)
    choosable = any(one.options for one in artifacts)
    return CleanupView(
        change_request=left.cr.id,
        pending=cleanable(left.cr) and choosable and not left.decided,
        artifacts=artifacts,
    )


def branch_view(left: Left, branch: Branch) -> CleanupArtifact:
    """Return a branch with the choices for it."""
    deletions = [
        one
        for one in left.effects
        if isinstance(one.payload, DeleteRef) and (one.repository, one.payload.ref) == (branch.repository, branch.ref)
    ]
    state = _deletion_state(deletions[-1]) if deletions else "open"
    name = branch.ref.removeprefix("refs/heads/")
    offered = cleanable(left.cr) and state not in {"deleted", "deleting"}
    return CleanupArtifact(
        id=branch.id, kind=ArtifactKind.BRANCH, repository=branch.repository, name=name, state=state,
        options=list(OPTIONS[ArtifactKind.BRANCH]) if offered else [], default=OPTIONS[ArtifactKind.BRANCH][0],
        warning=f"Deleting {name} removes its commits up to {branch.commit[:12]} from {branch.remote}; nothing else there "
        "holds what was not merged. A branch that somebody moved since is left alone.",
    )  # fmt: skip


def _deletion_state(effect: Effect) -> str:
    if effect.status is EffectStatus.DONE:
        return "left_alone" if isinstance(effect.result, RefDeleted) and not effect.result.deleted else "deleted"
    return effect.status if effect.status.decided else "deleting"


def _pull_view(left: Left, pull: PullRequest) -> CleanupArtifact:
    closing = any(
        isinstance(one.payload, ClosePullRequest)
        and (one.repository, one.payload.attempt) == (pull.repository, pull.attempt)
        and not one.status.decided
        for one in left.effects
    )
    state = "closing" if closing and pull.status == "open" else pull.status
    offered = cleanable(left.cr) and state == "open"
    return CleanupArtifact(
        id=_pull_id(pull), kind=ArtifactKind.PULL_REQUEST, repository=pull.repository, name=pull.title,
        state=state, options=list(OPTIONS[ArtifactKind.PULL_REQUEST]) if offered else [],
        default=OPTIONS[ArtifactKind.PULL_REQUEST][0],
        warning="A closed pull request stays readable; it is not opened again by a rerun.",
    )  # fmt: skip


def snapshots_view(left: Left, worked_on: RepositoryProgress) -> CleanupArtifact:
    """Return the saved work in progress on one repository with the choices for it."""
    name, wanted = worked_on.target.name, effect_id(_deletion(left.cr, worked_on).key)
    deletion = next((one for one in left.effects if one.id == wanted), None)
    state = _deletion_state(deletion) if deletion else "open"
    offered = left.cr.status.finished and cleanable(left.cr) and state not in {"deleted", "deleting"}
    return CleanupArtifact(
        id=_snapshots_id(worked_on), kind=ArtifactKind.SNAPSHOTS, repository=name, name=f"work in progress on {name}",
        state=state, options=list(OPTIONS[ArtifactKind.SNAPSHOTS]) if offered else [],
        default=OPTIONS[ArtifactKind.SNAPSHOTS][0],
        warning=f"Deleting them removes what agents had written in every attempt from {worked_on.target.remote} and from the "
        "cache here; conversations and evidence stay.",
    )  # fmt: skip


def _deletion(cr: ChangeRequest, worked_on: RepositoryProgress) -> Intent:
    shown = (worked_on.base_commit, worked_on.head_commit)
    return saving.deletion(cr.id, cr.attempt, worked_on.target.name, worked_on.target.remote, shown=shown)


def _snapshots_id(worked_on: RepositoryProgress) -> str:
    return f"{ArtifactKind.SNAPSHOTS}:{worked_on.target.name}"


def _pull_id(pull: PullRequest) -> str:
    return f"{ArtifactKind.PULL_REQUEST}:{pull.repository}:{pull.attempt}"
