"""From a person's submit to the first request the model receives: the wait before anything visible happens.

Warm is an installation that runs; cold is a controller whose door has just opened, while its fork server still imports.
"""

import statistics
from dataclasses import dataclass
from pathlib import Path

from bench import floors, sample
from bench.door import Door, door, left
from bench.figures import Figure, Floor, figure
from bench.installation import Installation
from bench.workers import until_quiet

AIM_MS = 300.0
GROUP = "submit"


@dataclass(frozen=True, slots=True)
class _Times:
    """Milliseconds since the submission was sent."""

    accepted: float
    first_event: float
    worker: float
    model: float


def measure(installation: Installation, *, quick: bool) -> list[Figure]:
    """Measure warm and cold, and the floors right after."""
    warm_times, cold_times = (10, 1) if quick else (30, 3)
    repository = sample.repository(installation.root / "repositories" / "warm")
    with door(installation) as opened:
        _submit_once(opened, installation, repository)
        warm = [_submit_once(opened, installation, repository) for _ in range(warm_times)]
    cold = [_cold(installation, number) for number in range(cold_times)]
    return _figures(installation, warm, cold, floor_times=20 if quick else 60)


def _cold(installation: Installation, number: int) -> _Times:
    installation.stop_controller()
    repository = sample.repository(installation.root / "repositories" / f"cold-{number}")
    installation.start_controller(warm=False)
    with door(installation) as opened:
        return _submit_once(opened, installation, repository)


def _submit_once(opened: Door, installation: Installation, repository: Path) -> _Times:
    known = len(opened.model_arrivals())
    cr_id, sent, accepted = opened.submit(repository, title=sample.REFUSED, body=sample.BODY)
    opened.wait(cr_id, left)
    arrived = opened.model_arrivals()[known]
    events = opened.of(cr_id)
    worker = next(one for one in events if one.type == "worker_started")
    until_quiet(installation)
    moments = (accepted, events[0].at, worker.at, arrived)
    return _Times(*((moment - sent) * 1000 for moment in moments))


def _figures(installation: Installation, warm: list[_Times], cold: list[_Times], *, floor_times: int) -> list[Figure]:
    plain = floors.plain_database(installation)
    http = floors.round_trips(installation.url, floor_times)
    insert = floors.committed_inserts(plain, floor_times)
    fork = floors.forks(plain, floor_times)
    call = floors.model_calls(installation.model_url, floor_times, sample.FLOOR_ROLE)
    door_floor = statistics.median(http) + statistics.median(insert)
    whole_floor = door_floor + statistics.median(fork) + statistics.median(call)
    accepting = Floor("HTTP round trip + committed insert", door_floor)
    asking = Floor("the same + fork and connect + model call", whole_floor)
    return [
        figure(GROUP, "submit to 202, warm", [one.accepted for one in warm], "ms", floor=accepting),
        figure(
            GROUP, "submit to first event on the stream, warm", [one.first_event for one in warm], "ms", floor=accepting
        ),
        figure(GROUP, "submit to worker at work, warm", [one.worker for one in warm], "ms"),
        figure(
            GROUP, "submit to first model request, warm", [one.model for one in warm], "ms", aim=AIM_MS, floor=asking
        ),
        figure(GROUP, "submit to first model request, cold", [one.model for one in cold], "ms", floor=asking),
        figure(GROUP, "floor: HTTP round trip (/healthz)", http, "ms"),
        figure(GROUP, "floor: committed insert, 4 kB", insert, "ms"),
        figure(GROUP, "floor: fork + connect, imports done", fork, "ms"),
        figure(GROUP, "floor: model call over plain HTTP", call, "ms"),
    ]
