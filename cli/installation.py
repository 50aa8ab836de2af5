"""The installation that `run` works with: the one that is configured or runs already, else one started for this run.

Invariant: `run` stops what it started and nothing else, unless it is told to keep it or a person detached.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cli import one_machine
from cli.client import Client, Unreachable, client_of, running_on
from cli.commands.installation import start_in_background
from cli.local import up as local
from cli.local.data_directory import locate
from cli.local.runtime_state import Runtime
from cli.output import Output
from cli.session import Session
from pipeline.errors import CallerError, Conflict
from pipeline.settings.process import ProcessSettings

_SETTLED_WITHIN_S = 180.0
_LOOK_AGAIN_S = 0.1


@dataclass(slots=True)
class Reached:
    """A controller to work with. `keep` leaves running what was started."""

    client: Client
    started: bool
    keep: bool = False


def refuse_without_model(settings: ProcessSettings, scenario: Path | None) -> None:
    """Raise `CallerError` when nothing would do the work; a controller elsewhere knows its own model."""
    if settings.url is not None:
        if scenario is not None:
            raise _foreign_scenario(settings.url)
        return
    runtime = _wait_until_settled(settings)
    if runtime is None:
        one_machine.require_model(one_machine.model_of(settings, scenario))
    elif scenario is not None:
        _check_same_scenario(settings, runtime, scenario)
    elif runtime.model is None:
        raise one_machine.no_model()


@contextmanager
def installation(session: Session, scenario: Path | None, *, keep: bool) -> Iterator[Reached]:
    """Yield a controller, started for this run if none is there; stops what was started."""
    settings = session.settings
    if settings.url is not None or _wait_until_settled(settings) is not None:
        yield Reached(session.client, started=False)
        return
    reached = Reached(session.stack.enter_context(_start(session.out, settings, scenario)), started=True, keep=keep)
    try:
        yield reached
    finally:
        if not reached.keep:
            local.down(settings, report=session.out.note)


def _start(out: Output, settings: ProcessSettings, scenario: Path | None) -> Client:
    door = settings.controller
    if "port" not in door.model_fields_set:
        # Nobody chose one: an installation that lives for one run stays out of the way of others.
        settings = settings.model_copy(update={"controller": door.model_copy(update={"port": 0})})
    return client_of(start_in_background(out, settings, one_machine.model_of(settings, scenario)))


def _wait_until_settled(settings: ProcessSettings) -> Runtime | None:
    """Return the installation on the data directory once it is ready; None when there is none.

    Somebody may have started it, or be stopping it, a moment ago.
    """
    deadline = time.monotonic() + _SETTLED_WITHIN_S
    while (runtime := running_on(settings)) is not None and runtime.phase != "ready":
        if time.monotonic() > deadline:
            raise Unreachable(f"Changeline on {locate(settings)} is {runtime.phase} for too long.")
        time.sleep(_LOOK_AGAIN_S)
    return runtime


def _check_same_scenario(settings: ProcessSettings, runtime: Runtime, scenario: Path) -> None:
    wanted = one_machine.model_of(settings, scenario).words
    if runtime.model != wanted:
        raise Conflict(
            f"Changeline already runs on {locate(settings)}, with {runtime.model or 'no model'}.",
            field="--scenario",
            remedy="Stop it with `changeline down`, or choose another CHANGELINE_DATA_DIR.",
        )


def _foreign_scenario(url: str) -> CallerError:
    return CallerError(
        f"The controller at {url} plays its own model.",
        field="--scenario",
        remedy="Leave it out, or unset CHANGELINE_URL.",
    )
