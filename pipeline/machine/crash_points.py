"""Named places where a process may be told to end itself, so that a test can end it at every one of them.

Problem: a `kill -9` from outside hits some moment; the moments that matter are those between two durable steps. Choice:
the composition roots wrap their ports when a setting names a directory; a file in it named like a point arms it, and the
process that reaches it takes the file away and kills or freezes itself. Invariants: an armed point strikes once, however
many processes pass it; without a scripted model the setting is refused, so no real work can be ended this way.
"""

import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel

from pipeline.errors import CallerError
from pipeline.settings.process import ProcessSettings

SETTING = "CHANGELINE_CRASH_POINTS"
STRUCK = "struck"
"""Below the directory: what struck, with the process and the moment, in a file named like the point."""
PASSED = "passed"
"""Below the directory, if the test made it: an empty file for every point that a process came to."""
_BEFORE, _AFTER = "before", "after"
_SIGNALS = {"kill": signal.SIGKILL, "freeze": signal.SIGSTOP}

Reached = Callable[[str], None]
"""Told the name of a point; may not return."""


def around(*parts: str) -> tuple[str, str]:
    """Return the two points around one durable step."""
    name = ".".join(parts)
    return f"{name}.{_BEFORE}", f"{name}.{_AFTER}"


def unnoticed(_point: str) -> None:
    """Pass every point: what everybody does who was not told otherwise."""


def crash_points(settings: ProcessSettings) -> Reached | None:
    """Return what strikes at armed points; None where none can be armed. Raises `CallerError` for a real model."""
    if settings.crash_points is None:
        return None
    if settings.scenario is None:
        raise CallerError(
            "Crash points end processes and are for tests with a scripted model only.",
            field=SETTING,
            remedy="Unset it.",
        )
    return CrashPoints(settings.crash_points).reached


class _Armed(BaseModel):
    action: str
    skip: int


class _Struck(_Armed):
    pid: int
    at: float


@dataclass(frozen=True, slots=True)
class CrashPoints:
    """The armed points of one directory."""

    directory: Path

    def arm(self, point: str, *, action: str = "kill", skip: int = 0) -> None:
        """Arm a point: `action` is kill or freeze; it strikes after having been passed `skip` times."""
        draft = self.directory / f"{point}.draft"
        draft.write_text(_Armed(action=action, skip=skip).model_dump_json(), encoding="ascii")
        draft.replace(self.directory / point)

    def disarm(self) -> list[str]:
        """Take away what did not strike; returns its names."""
        armed = [path for path in self.directory.iterdir() if path.name.endswith((f".{_BEFORE}", f".{_AFTER}"))]
        for path in armed:
            path.unlink(missing_ok=True)
        return sorted(path.name for path in armed)

    def reached(self, point: str) -> None:
        """End or freeze this process, if the point is armed and nobody was quicker."""
        if (self.directory / PASSED).is_dir():
            (self.directory / PASSED / point).touch()
        armed = self.directory / point
        mine = self.directory / f"{point}.{os.getpid()}"
        try:
            armed.rename(mine)
        except FileNotFoundError:
            return
        told = _Armed.model_validate_json(mine.read_bytes())
        if told.skip > 0:
            self.arm(point, action=told.action, skip=told.skip - 1)
            mine.unlink()
            return
        struck = _Struck(action=told.action, skip=told.skip, pid=os.getpid(), at=time.time())
        mine.write_text(struck.model_dump_json(), encoding="ascii")
        (self.directory / STRUCK).mkdir(exist_ok=True)
        mine.rename(self.directory / STRUCK / point)
        os.kill(os.getpid(), _SIGNALS[told.action])
