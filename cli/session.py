"""What every verb begins with: the settings of this process, the door to the controller, a place to print."""

from dataclasses import dataclass
from functools import cached_property

from pydantic import ValidationError

from cli.client import Client, connect
from cli.output import Output
from pipeline.errors import CallerError
from pipeline.settings import Settings


@dataclass
class Session:
    """One run of one verb."""

    settings: Settings
    out: Output

    @cached_property
    def client(self) -> Client:
        """The controller; raises `Unreachable` when none runs."""
        return connect(self.settings)


def begin(*, as_json: bool) -> Session:
    """Read the settings; raises `CallerError` that names the variable that is wrong."""
    return Session(read_settings(), Output(as_json=as_json))


def read_settings() -> Settings:
    """Return the process's settings from its environment."""
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors()[0]
        name = "CHANGELINE_" + "__".join(str(part) for part in first["loc"]).upper()
        raise CallerError(f"{name} is wrong: {first['msg']}.", field=name, remedy="Correct or unset it.") from error
