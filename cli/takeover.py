"""Waiting for what a person took over: the worker stops within a second, the branch follows after its secret scan."""

import time
from collections.abc import Callable

from cli.change_requests import path_of
from cli.client import Client
from controller.change_requests.schemas import ChangeRequestDetail
from pipeline.change_request import Status
from pipeline.effects.kinds import UNDECIDED

PATIENCE_S = 60.0
_LOOK_EVERY_S = 0.3


def until_published(
    client: Client, cr_id: str, *, sleep: Callable[[float], object] = time.sleep, patience_s: float = PATIENCE_S
) -> ChangeRequestDetail:
    """Return the change request once its branches are published or refused, or as it stands when patience ends."""
    waited_s = 0.0
    while True:
        detail = client.get(path_of(cr_id), ChangeRequestDetail)
        taken = detail.takeover
        settled = taken is not None and not any(one.status in UNDECIDED for one in taken.repositories)
        gone = taken is None and detail.status not in {Status.RUNNING, Status.QUEUED}
        if settled or gone or waited_s >= patience_s:
            return detail
        sleep(_LOOK_EVERY_S)
        waited_s += _LOOK_EVERY_S
