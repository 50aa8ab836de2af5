"""What the processes take of the machine's memory while nothing happens, and while one model is thought to think."""

import time

from bench import sample
from bench.door import door, left
from bench.figures import Figure
from bench.installation import Installation
from bench.machine import Memory, children, family, memory

GROUP = "memory"
_SETTLE_S = 1.0


def measure(installation: Installation, *, quick: bool) -> list[Figure]:
    """Look at idle servers, controller and fork server, then at a worker that waits for its model."""
    repository = sample.repository(installation.root / "repositories" / "memory")
    controller = installation.pid("controller")
    with door(installation) as opened:
        # The first one warms what stays in memory afterwards.
        opened.wait(opened.submit(repository, title=sample.REFUSED, body=sample.BODY)[0], left)
        time.sleep(_SETTLE_S / 2 if quick else _SETTLE_S)
        (fork_server,) = children(controller)
        idle = [
            *_rows("controller, idle", memory(controller)),
            *_rows("fork server, idle", memory(fork_server)),
            *_family("PostgreSQL, all processes", installation.pid("postgres")),
            *_redis(installation),
        ]
        cr_id, _, _ = opened.submit(repository, title=sample.PATIENT, body=sample.BODY)
        opened.wait(cr_id, lambda one: one.type == "agent_started")
        time.sleep(_SETTLE_S)
        (worker,) = children(fork_server)
        busy = _rows("worker, waiting for its model", memory(worker))
        opened.wait(cr_id, left)
    return [*idle, *busy]


def _rows(name: str, taken: Memory) -> list[Figure]:
    rows = {"proportional (PSS)": taken.pss, "private": taken.private, "resident (RSS)": taken.rss}
    return [Figure(group=GROUP, name=f"{name}: {what}", value=value, unit="MB") for what, value in rows.items()]


def _family(name: str, pid: int) -> list[Figure]:
    taken = sum(memory(one).pss for one in family(pid))
    return [Figure(group=GROUP, name=f"{name}: proportional (PSS)", value=taken, unit="MB")]


def _redis(installation: Installation) -> list[Figure]:
    if installation.servers.redis_url is None:
        return []
    return _family("Redis", installation.pid("redis"))
