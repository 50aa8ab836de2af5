"""What every route and loop of one controller shares, built once in `create_app`."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from controller.background.bells import BellHub
from controller.background.events import EventTailer
from controller.background.supervision import Loop
from controller.events.open_streams import OpenStreams
from controller.metrics import Metrics
from controller.operations.schema_check import SchemaCheck
from controller.wiring import ControllerWiring
from pipeline.settings.process import ProcessSettings
from pipeline.store.engine import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class ControllerContext:
    """The parts of a running controller."""

    wiring: ControllerWiring
    database: Database
    bells: BellHub
    tailer: EventTailer
    streams: OpenStreams
    metrics: Metrics
    loops: Sequence[Loop]
    schema: SchemaCheck
    controller_id: str

    @property
    def settings(self) -> ProcessSettings:
        """The bootstrap settings."""
        return self.wiring.settings


def _context(request: Request) -> ControllerContext:
    context: ControllerContext = request.app.state.context
    return context


Context = Annotated[ControllerContext, Depends(_context)]
