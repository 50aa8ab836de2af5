"""What is submitted again under the same issue, with another text, while the change request of that issue is under way.

The run works on what it began with and never restarts itself: the new text is kept as a proposed revision, the change
request stops, and a person decides. The same text again changes nothing.
"""

from dataclasses import dataclass

from controller.context import ControllerContext
from pipeline import events
from pipeline.access import Principal
from pipeline.change_request import Move, PauseReason, Status
from pipeline.errors import Conflict
from pipeline.interventions.intervention import Intervention, Notice, SourceChange
from pipeline.interventions.pauses import SourceChanged, StoppedBefore
from pipeline.records import ChangeRequest
from pipeline.store.audit import Audit
from pipeline.store.bell import ring_at_commit
from pipeline.store.change_requests import ChangeRequests
from pipeline.store.events import Events
from pipeline.store.idempotency import IdempotencyKeys
from pipeline.store.interventions import Interventions
from pipeline.store.request_revisions import RequestRevisions, source_changed


@dataclass(frozen=True, slots=True, kw_only=True)
class SaidAgain:
    """A submission under an issue that has a live change request. `key` is its idempotency key with the hash of its content."""

    live: str
    title: str
    body: str
    key: tuple[str, str] | None


def works_on_it_already(live: str, issue: str) -> Conflict:
    """Return the refusal of a second change request for one issue."""
    return Conflict(
        f"Change request {live} already works on {issue}.", field="external_id",
        remedy=f"Follow {live}, or finish it first.", live=live,
    )  # fmt: skip


async def notice(context: ControllerContext, principal: Principal, again: SaidAgain) -> str | None:
    """Keep a changed text and stop the change request; returns what to tell the caller, None when the text did not change."""
    async with context.database.transaction(principal.tenant) as connection:
        requests, words, log = ChangeRequests(connection), Interventions(connection), Events(connection)
        cr = await requests.lock(again.live)
        revisions = RequestRevisions(connection)
        proposed = None
        if not cr.status.finished:
            proposed = await revisions.propose(cr, title=again.title, body=again.body, actor=principal.id)
        if proposed is None:
            return None
        if again.key is not None:
            key, request_hash = again.key
            await IdempotencyKeys(connection, principal_id=principal.id).claim(key, request_hash, cr.id)
        body = SourceChange(revision=proposed.revision, of=issue_of(cr), instructions="")
        said = await words.add(cr.id, action=Notice.SOURCE_CHANGED, body=body, actor=principal.id)
        if cr.status is not Status.RUNNING:
            await _stop(requests, log, cr, said)
            await words.acted(said.id, note="It stopped for a decision.")
            said = await words.get(said.id)
        progressed = events.InterventionProgressed(
            intervention_id=said.id, action=said.action, status=said.status, actor=said.actor
        )
        await log.append(cr.id, progressed)
        await Audit(connection).note(principal.id, Notice.SOURCE_CHANGED, cr.id, revision=proposed.revision)
        await ring_at_commit(connection, principal.tenant, f"cr:{cr.id}")
    await context.bells.ring(principal.tenant, "events")
    return (
        f"{cr.id} already works on {issue_of(cr)}, whose text changed: it stops until a person decides about revision "
        f"{proposed.revision}."
    )


def issue_of(cr: ChangeRequest) -> str:
    """Return the name of the issue in its source."""
    return f"{cr.source} {cr.external_id}"


async def _stop(requests: ChangeRequests, log: Events, cr: ChangeRequest, said: Intervention) -> None:
    message, facts = source_changed(said, before=_before(cr))
    await requests.move(cr.id, Move.PAUSE, reason=PauseReason.SOURCE_CHANGED, message=message, facts=facts)
    changed = events.StatusChanged(
        status=Status.PAUSED, reason=PauseReason.SOURCE_CHANGED, message=message, actor=said.actor, stage=cr.stage
    )
    await log.append(cr.id, changed)


def _before(cr: ChangeRequest) -> StoppedBefore:
    """Return what it had stopped for; a second change of the source is about the same stop as the first."""
    if cr.pause_reason is PauseReason.SOURCE_CHANGED:
        return SourceChanged.model_validate(cr.pause_facts).before
    return StoppedBefore(
        reason=cr.pause_reason, message=cr.pause_message, facts=dict(cr.pause_facts), wait=cr.wait_kind
    )
