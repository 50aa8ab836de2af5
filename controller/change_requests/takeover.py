"""A change request that a person took over, as they need to see it: the state of each branch and the commands to type."""

import shlex
from collections.abc import Sequence

from controller.change_requests.schemas import TakenRepository, TakeoverView
from pipeline.change_request import PauseReason, Status
from pipeline.effects.effect import Effect
from pipeline.effects.kinds import Publish, Published
from pipeline.interventions.pauses import HandedOver
from pipeline.records import ChangeRequest


def takeover(cr: ChangeRequest, effects: Sequence[Effect]) -> TakeoverView | None:
    """Return who has it and how to work on it, None when nobody has."""
    if cr.status is not Status.PAUSED or cr.pause_reason is not PauseReason.HANDED_OVER:
        return None
    taken = HandedOver.model_validate(cr.pause_facts)
    published = [effect for effect in effects if effect.id in taken.effects.values()]
    return TakeoverView(
        by=taken.by, since=taken.since, from_stage=taken.from_stage,
        repositories=[_repository(cr, effect) for effect in published],
    )  # fmt: skip


def _repository(cr: ChangeRequest, effect: Effect) -> TakenRepository:
    name, asked = str(effect.repository), effect.needs(Publish)
    branch = asked.ref.removeprefix("refs/heads/")
    published = effect.result if isinstance(effect.result, Published) else None
    return TakenRepository(
        name=name, branch=branch, remote=asked.remote, status=effect.status,
        message=effect.error or (published.left_out if published else ""),
        commit=published.commit if published else None,
        commands=commands(asked.remote, branch, f"{cr.id}-{name}") if published else [],
    )  # fmt: skip


def commands(remote: str, branch: str, directory: str) -> list[str]:
    """Return what to type to work on a branch and to send it back."""
    place = shlex.quote(directory)
    return [
        f"git clone -b {shlex.quote(branch)} {shlex.quote(remote)} {place}",
        f"git -C {place} commit -a",
        f"git -C {place} push",
    ]
