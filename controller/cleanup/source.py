"""The source among what is left: whether it was told how a change request ended, and telling it when that did not arrive.

The end is reported by itself, as one effect, wherever there is an address for reports. So there is a choice only while that
report was given up: `report` tries the same effect again, under the same delivery key, and `leave` gives it up for good.
No choice ever makes a second report of one end.
"""

from collections.abc import Sequence

from controller.background.outbox import effect_event
from controller.cleanup.schemas import OPTIONS, ArtifactKind, CleanupArtifact, CleanupChoice
from controller.interventions.actions import cleanable
from pipeline.change_request import Status
from pipeline.effects.effect import Effect
from pipeline.effects.kinds import GIVEN_UP, TOLD_AT, EffectKind, EffectStatus, Report
from pipeline.errors import InvariantBroken
from pipeline.records import ChangeRequest
from pipeline.store.effects import Effects
from pipeline.store.events import Events

ID = ArtifactKind.SOURCE.value
_DECIDABLE = frozenset({Status.PAUSED, Status.FAILED, Status.CANCELLED})
"""Where its artifacts are a person's to decide about, and so is whether its source knows."""


def views(cr: ChangeRequest, effects: Sequence[Effect]) -> list[CleanupArtifact]:
    """Return how the source stands; nothing where nobody is told, or while it still works."""
    if cr.report_url is None or cr.status not in _DECIDABLE:
        return []
    told = _report(cr, effects)
    state = _state(told)
    offered = cleanable(cr) and state in GIVEN_UP
    why = f" The last answer: {told.error}" if told is not None and offered and told.error else ""
    artifact = CleanupArtifact(
        id=ID, kind=ArtifactKind.SOURCE, repository=None, name=" ".join(filter(None, (cr.source, cr.external_id))),
        state=state, options=list(OPTIONS[ArtifactKind.SOURCE]) if offered else [],
        default=OPTIONS[ArtifactKind.SOURCE][0],
        warning=f"Its source was not told that it is {cr.status}.{why}" if offered else "",
    )  # fmt: skip
    return [artifact]


async def carry_out(
    cr: ChangeRequest, known: Sequence[Effect], choice: CleanupChoice, actor: str, effects: Effects, log: Events
) -> None:
    """Send the report that was given up once more, or give it up for good. Idempotent."""
    told = _report(cr, known)
    if told is None:
        raise InvariantBroken("A report was chosen that was never intended.", change_request=cr.id)
    if choice is CleanupChoice.REPORT:
        await effects.revive(told.id, given_up=GIVEN_UP)
        await log.append(cr.id, effect_event(told, EffectStatus.RETRY, f"{told.kind} is tried again, as {actor} asked"))
    elif told.status is EffectStatus.DEAD:
        await effects.record(told.id, status=EffectStatus.DISMISSED, error=told.error)
        await log.append(cr.id, effect_event(told, EffectStatus.DISMISSED, f"dismissed by {actor}"))


def _report(cr: ChangeRequest, effects: Sequence[Effect]) -> Effect | None:
    """Return the report of how it stands now; None as long as it has not followed from the event."""
    reports = [one for one in effects if one.kind is EffectKind.REPORT]
    newest = reports[-1] if reports else None
    if newest is None or newest.needs(Report).checkpoint is not TOLD_AT.get(cr.status):
        return None
    return newest


def _state(report: Effect | None) -> str:
    if report is None or not report.status.decided:
        return "reporting"
    return "reported" if report.status is EffectStatus.DONE else report.status
