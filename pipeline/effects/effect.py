"""One change outside, as it is intended, carried out and recorded.

Choice: rows become typed here, in one place: a kind that this version does not know, or a payload that does not fit its
kind, is an error with a name and not a missing key later. Invariant: what an effect came to is read only from one that is
done, and why it did not happen only from one that is not.
"""

from dataclasses import dataclass, field
from typing import Any, TypeVar

from pydantic import ValidationError

from pipeline.change_request import ForgeKind, Reach
from pipeline.effects.kinds import DECLARED, EffectKind, EffectStatus, Payload, Refusal, Result
from pipeline.errors import InvariantBroken

P = TypeVar("P", bound=Payload)
R = TypeVar("R", bound=Result)


class UnreadableEffect(InvariantBroken):
    """A row that this version cannot read: its kind is unknown, or its facts do not fit the kind."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """What is to be intended, under a key that makes it once."""

    key: str
    repository: str | None
    payload: Payload


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """One change outside: intent, claim, outcome."""

    id: str
    tenant_id: str
    key: str
    cr_id: str
    repository: str | None
    kind: EffectKind
    status: EffectStatus
    payload: Payload
    result: Result | None = None
    refusal: Refusal = field(default_factory=Refusal)
    tries: int
    error: str
    abandoned: bool = False
    """Its change request ended while an executor had it in hand: it is recorded if it succeeds, else dismissed."""
    reach: Reach = Reach.PUBLIC
    """How far its repository's remote may lead, by the change request's snapshot; told to whoever claims it."""
    forge: ForgeKind = ForgeKind.LOCAL
    """Its repository's forge, likewise."""

    def needs(self, payload: type[P]) -> P:
        """Return the payload as the kind that an executor carries out; another kind is a mistake in the wiring."""
        if not isinstance(self.payload, payload):
            raise InvariantBroken("An effect is not of the kind that was expected.", effect=self.id, kind=self.kind)
        return self.payload

    def came_to(self, result: type[R]) -> R:
        """Return the result of an effect that is done."""
        if not isinstance(self.result, result):
            raise InvariantBroken("An effect has no such result.", effect=self.id, kind=self.kind, status=self.status)
        return self.result


def stored_effect(row: Any, *, reach: Reach = Reach.PUBLIC, forge: ForgeKind = ForgeKind.LOCAL) -> Effect:
    """Return the effect of a row of its table, whose columns are its attributes. Raises `UnreadableEffect`."""
    try:
        kind, status = EffectKind(str(row.kind)), EffectStatus(str(row.status))
        declared, done = DECLARED[kind], status is EffectStatus.DONE
        return Effect(
            id=row.id,
            tenant_id=row.tenant_id,
            key=row.key,
            cr_id=row.cr_id,
            repository=row.repository,
            kind=kind,
            status=status,
            payload=declared.payload.model_validate(row.payload),
            result=declared.result.model_validate(row.result) if done and row.result else None,
            refusal=Refusal() if done else Refusal.model_validate(row.result),
            tries=row.tries,
            error=row.error,
            abandoned=row.abandoned,
            reach=reach,
            forge=forge,
        )
    except (ValueError, ValidationError) as problem:
        raise UnreadableEffect(
            "The row of an effect cannot be read by this version.", effect=str(row.id), kind=str(row.kind),
            problem=str(problem)[:500],
        ) from problem  # fmt: skip
