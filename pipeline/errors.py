"""Every error of the product, sorted by who must act.

    ChangelineError
    ├── TransientError        the machine tries again (a remote is away, a provider is overloaded)
    │   └── DatabaseAway      PostgreSQL is: nothing can be stored, not even a pause
    ├── ModelError            the model gets it back as a tool error and corrects itself
    ├── PersonNeeded          the change request pauses with a typed reason and a decision screen
    ├── CallerError           the caller's request is refused: it names the field and the remedy
    │   ├── NotFound
    │   ├── Conflict
    │   └── Forbidden
    ├── LeaseLost             this worker no longer owns the change request and must stop at once
    ├── Parked                control flow: a person stopped the run inside a stage; it goes on later from the journal
    └── InvariantBroken       a bug of ours: stop, keep the traceback, page a developer

Constructors take facts, not sentences: the class words the message, so that logs, problem details and pause screens
carry the same facts.
"""

from collections.abc import Iterable, Mapping
from typing import TypeAlias

from pydantic import BaseModel, ConfigDict

from pipeline.change_request import PauseReason

Fact: TypeAlias = str | int | float | bool | list[str] | None


class ChangelineError(Exception):
    """Root of everything this product raises on purpose. `facts` is JSON-plain and free of secrets."""

    def __init__(self, message: str, **facts: Fact) -> None:
        super().__init__(message)
        self.message = message
        self.facts: Mapping[str, Fact] = facts


class TransientError(ChangelineError):
    """Worth trying again without a person. `retry_after_s` is the provider's own wish, if it stated one.

    `reason` is the pause it becomes when it outlasts every retry.
    """

    def __init__(
        self,
        message: str,
        *,
        retry_after_s: float | None = None,
        reason: PauseReason = PauseReason.REMOTE_UNREACHABLE,
        **facts: Fact,
    ) -> None:
        super().__init__(message, **facts)
        self.retry_after_s = retry_after_s
        self.reason = reason


class DatabaseAway(TransientError):
    """PostgreSQL did not answer, or asked to come again. Never a pause by itself: a pause is a row."""


class ModelError(ChangelineError):
    """The model did something that it can correct: bad tool input, an invalid submission, a forbidden path."""


class PersonNeeded(ChangelineError):
    """A dead end: the change request pauses with `reason`, set here where the decision is made."""

    def __init__(self, reason: PauseReason, message: str, **facts: Fact) -> None:
        super().__init__(message, **facts)
        self.reason = reason


class CallerError(ChangelineError):
    """Refused input. `field` is the name the caller used; `remedy` says what to do instead."""

    def __init__(self, message: str, *, field: str | None = None, remedy: str | None = None, **facts: Fact) -> None:
        super().__init__(message, **facts)
        self.field = field
        self.remedy = remedy


class NotFound(CallerError):
    """The named thing does not exist in this tenant."""

    def __init__(self, kind: str, name: str, *, remedy: str | None = None) -> None:
        super().__init__(
            f"No {kind} named {name!r} exists.",
            field=kind,
            remedy=remedy or "List those that exist and take one of them.",
        )


class Conflict(CallerError):
    """The request contradicts the present state, for example a second live change request for one source issue."""


class Forbidden(CallerError):
    """The principal is known but its roles do not allow this."""


class LeaseLost(ChangelineError):
    """A newer epoch owns the change request. Nothing this process still does may become visible."""

    def __init__(self, cr_id: str, epoch: int) -> None:
        super().__init__(f"Epoch {epoch} of {cr_id} is over.", cr_id=cr_id, epoch=epoch)


class Parked(ChangelineError):
    """A person stopped the run inside a stage. The journal holds everything needed to go on."""

    def __init__(self, reason: PauseReason, message: str, **facts: Fact) -> None:
        super().__init__(message, **facts)
        self.reason = reason


class InvariantBroken(ChangelineError):
    """Something that cannot happen did. Never caught except by the process's last handler."""


class Misfit(BaseModel):
    """One of the places where input fits no model, as pydantic details it."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    type: str
    loc: tuple[int | str, ...]
    msg: str

    @property
    def place(self) -> str:
        """The way to the place, joined by dots; empty for the input as a whole."""
        return ".".join(str(part) for part in self.loc)


def misfits(details: Iterable[object]) -> list[Misfit]:
    """Return what `errors()` of a validation error says, in its order."""
    return [Misfit.model_validate(one) for one in details]
