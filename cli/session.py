"""What every verb begins with: the settings of this process, the door to the controller, a place to print."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cached_property

from pydantic import ValidationError

from cli.client import Client, connect
from cli.output import Output
from pipeline.errors import CallerError, misfits
from pipeline.settings.process import ProcessSettings


@dataclass
class Session:
    """One run of one verb."""

    settings: ProcessSettings
    out: Output
    stack: ExitStack

    @cached_property
    def client(self) -> Client:
        """The controller; raises `Unreachable` when none runs."""
        return self.stack.enter_context(connect(self.settings))


@contextmanager
def begin(*, as_json: bool) -> Iterator[Session]:
    """Open a session and let go of its connection at the end; raises `CallerError` for a variable that is wrong."""
    with ExitStack() as stack:
        yield Session(read_settings(), Output(as_json=as_json), stack)


def read_settings() -> ProcessSettings:
    """Return the process's settings from its environment."""
    try:
        return ProcessSettings()
    except ValidationError as error:
        first = misfits(error.errors())[0]
        name = "CHANGELINE_" + "__".join(str(part) for part in first.loc).upper()
        raise CallerError(f"{name} is wrong: {first.msg}.", field=name, remedy="Correct or unset it.") from error
