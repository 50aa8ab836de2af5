"""Handing a stopped change request over to a person: which state of each repository they get, and the intent to publish it.

What they get is the newest thing there is: what a cut turn had left in the tree, the last snapshot of an unfinished stage
that writes, else the proven head, else the base. It is only intended here, in the transaction that stops the change request; the controller scans it for
secrets and publishes it as the change request's branch by compare-and-swap.
"""

from pydantic import BaseModel
from sqlalchemy import and_, exists, select
from sqlalchemy.ext.asyncio import AsyncConnection

from pipeline.change_request import Stage, branch_name
from pipeline.effects.kinds import EffectKind, Publish, Published, Pushed, SnapshotCaps
from pipeline.interventions.intervention import Intervention
from pipeline.interventions.pauses import HandedOver
from pipeline.limits import Limits
from pipeline.records import ChangeRequest, RepositoryProgress
from pipeline.store.change_requests import ChangeRequests
from pipeline.store.effects import Effects
from pipeline.store.gates import Gates
from pipeline.store.journal import glance_at
from pipeline.store.tables import journal, stage_results

PAGE = 20
"""Entries of the journal at once, newest first, until one names a snapshot."""
WRITERS = ("test_writer", "code_writer")
"""Roles whose tree is the change itself; other roles' trees are their own."""


class _Frozen(BaseModel):
    """Of the settings that a change request runs on; those that concern no hand over may be of another version."""

    pipeline: Limits = Limits()


class HandingOver:
    """Gives change requests to people, on one connection."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def give(self, cr: ChangeRequest, said: Intervention) -> HandedOver:
        """Void open gates, intend to publish every repository, and return the facts of the pause. Idempotent."""
        connection = self._connection
        branch = branch_name(cr.id, cr.attempt)
        await Gates(connection).void(cr.id)
        effects: dict[str, str] = {}
        for one in await ChangeRequests(connection).progress(cr.id):
            if one.base_commit is None:
                continue
            payload = await _payload(connection, cr, one, said, branch)
            key = f"{EffectKind.PUBLISH}/{cr.id}/{cr.attempt}/{one.target.name}/{said.id}"
            effect = await Effects(connection).intend(key=key, cr_id=cr.id, repository=one.target.name, payload=payload)
            effects[one.target.name] = effect.id
        return HandedOver(
            by=said.actor, since=said.created_at, branch=branch, effects=effects,
            from_stage=cr.stage or Stage.INTAKE, intervention=said.id,
        )  # fmt: skip


def taken_over_by(actor: str) -> str:
    """Word the pause."""
    return f"{actor} took it over and works on the branch. It goes on when it is handed back."


async def _payload(
    connection: AsyncConnection, cr: ChangeRequest, one: RepositoryProgress, said: Intervention, branch: str
) -> Publish:
    base = str(one.base_commit)
    in_work = cr.stage is Stage.DEVELOPMENT
    snapshot, cut = await _trees(connection, cr, one.target.name) if in_work else (None, None)
    before = tuple(
        effect.result.commit
        for effect in await Effects(connection).of(cr.id)
        if effect.repository == one.target.name and isinstance(effect.result, Pushed | Published)
    )
    return Publish(
        remote=one.target.remote, ref=f"refs/heads/{branch}", base=base, proven=one.head_commit or base,
        snapshot=snapshot, cut=cut, caps=_caps(cr), ours=before, when=said.created_at, by=said.actor,
    )  # fmt: skip


def _caps(cr: ChangeRequest) -> SnapshotCaps:
    limits = _Frozen.model_validate(cr.settings_snapshot).pipeline
    return SnapshotCaps(
        snapshot_file_max_bytes=limits.snapshot_file_max_bytes, snapshot_total_max_bytes=limits.snapshot_total_max_bytes
    )


async def _trees(connection: AsyncConnection, cr: ChangeRequest, name: str) -> tuple[str | None, str | None]:
    """Return the newest whole snapshot of a writer whose stage has not ended, and what a turn cut after it had left.

    A turn that changed nothing has no snapshot of its own; then the one before it holds.
    """
    ended = exists().where(
        and_(
            stage_results.c.cr_id == journal.c.cr_id,
            stage_results.c.attempt == journal.c.attempt,
            stage_results.c.activation == journal.c.activation,
        )
    )
    query = (
        select(journal.c.body)
        .where(journal.c.cr_id == cr.id, journal.c.attempt == cr.attempt)
        .where(journal.c.kind.in_(["opened", "observed", "noted"]))
        .where(journal.c.role.in_(WRITERS), journal.c.instance.startswith(f"{name}/", autoescape=True), ~ended)
        .order_by(journal.c.at.desc(), journal.c.seq.desc())
        .execution_options(yield_per=PAGE)
    )
    cut: str | None = None
    entries = await connection.stream_scalars(query)
    try:
        async for stored in entries:
            seen = glance_at(stored)
            if seen.commit:
                return seen.commit, cut if cut != seen.commit else None
            cut = cut or seen.tree
    finally:
        await entries.close()
    return None, cut
