"""The version of the line: what a run that waits depends on, as a short hash.

Problem: a number that somebody has to raise is forgotten. Choice: the version follows from the declarations: names of nodes,
which fan out, where each may lead; and from `STATE_VERSION`, because the meaning of a channel cannot be hashed. Invariant:
a run begun under any other version, hashed or the former number, is carried over as `worker.upgrading` does.
"""

import hashlib
import json
from functools import cache

from pipeline.change_request import Stage
from pipeline.line.routing import reachable
from pipeline.stage.registry import per_repository
from pipeline.stage.state import PAUSE, RESUME, STATE_VERSION

DIGITS = 12


@cache
def graph_version() -> str:
    """Return today's version; stored with each attempt."""
    nodes = {stage.value: [per_repository(stage), sorted(reachable(stage))] for stage in Stage}
    described = json.dumps([STATE_VERSION, PAUSE, RESUME, nodes], sort_keys=True)
    return hashlib.sha256(described.encode()).hexdigest()[:DIGITS]
