"""Waiting for what a person took over: the worker stops within a second, the branch follows after its secret scan."""

import time
from collections.abc import Callable
from typing import Any

from cli.client import Client
from cli.following import path_of

PATIENCE_S = 60.0
_LOOK_EVERY_S = 0.3
_UNDER_WAY = frozenset({"intended", "claimed", "retry"})


def until_published(
    client: Client, cr_id: str, *, sleep: Callable[[float], object] = time.sleep, patience_s: float = PATIENCE_S
) -> dict[str, Any]:
    """Return the change request once its branches are published or refused, or as it stands when patience ends."""
    waited_s = 0.0
    while True:
        detail: dict[str, Any] = client.get(path_of(cr_id))
        taken = detail.get("takeover")
        settled = taken is not None and not any(one["status"] in _UNDER_WAY for one in taken["repositories"])
        gone = taken is None and detail["status"] not in {"running", "queued"}
        if settled or gone or waited_s >= patience_s:
            return detail
        sleep(_LOOK_EVERY_S)
        waited_s += _LOOK_EVERY_S
