"""From a person's approval to the change request at work again: nothing of it ran while it waited.

Warm: the change request has stopped at its release gate, its worker is gone, and the fork server has imported everything.
"""

import statistics

from bench import floors, sample
from bench.door import Door, Heard, door, left
from bench.figures import Figure, Floor, figure
from bench.installation import Installation
from bench.workers import until_quiet

GROUP = "approve"
AIM_MS = 1_000.0


def measure(installation: Installation, *, quick: bool) -> list[Figure]:
    """Bring change requests to their gates, the first one only to build the environment, and approve."""
    times, floor_times = (1, 20) if quick else (8, 60)
    with door(installation) as opened:
        found = [_approve(opened, installation, number) for number in range(times + 1)][1:]
    plain = floors.plain_database(installation)
    door_floor = sum(
        statistics.median(samples)
        for samples in (
            floors.round_trips(installation.url, floor_times),
            floors.committed_inserts(plain, floor_times),
            floors.forks(plain, floor_times),
        )
    )
    floor = Floor("HTTP, commit, fork and connect", door_floor)
    names = ("approval to worker at work", "approval to the next stage's first event")
    return [
        figure(GROUP, name, samples, "ms", floor=floor, aim=AIM_MS)
        for name, samples in zip(names, zip(*found, strict=True), strict=True)
    ]


def _approve(opened: Door, installation: Installation, number: int) -> tuple[float, float]:
    repository = sample.repository(installation.root / "repositories" / f"approved-{number}")
    cr_id, _, _ = opened.submit(repository, title=sample.TITLE, body=sample.BODY)
    opened.wait(cr_id, left)
    until_quiet(installation)
    sent = opened.approve(cr_id)

    def since(*types: str) -> float:
        def wanted(one: Heard) -> bool:
            return one.at > sent and one.type in types

        return (opened.wait(cr_id, wanted).at - sent) * 1000

    times = since("worker_started"), since("stage_entered")
    opened.wait(cr_id, lambda one: one.at > sent and left(one))
    until_quiet(installation)
    return times
