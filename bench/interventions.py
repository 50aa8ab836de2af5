"""How soon a person's word takes effect: pause and abort in the middle of a stream or a tool, and going on afterwards.

A stop has taken effect when what the worker waited for is gone and the change request is paused: the model's server has
seen its reader leave, or the last process of the tool's tree is dead (seen by the kernel, not asked of the product).
Going on has taken effect when the next worker's request has reached the model. Also measured here, on the same change
requests: a worker that is killed, and its successor at work. Nothing is left over between samples.
"""

import os
import signal
import statistics
import time
from collections import defaultdict
from functools import partial
from pathlib import Path

from bench import floors, sample
from bench.door import Door, Heard, NothingHappened, door, until
from bench.figures import Figure, Floor, figure
from bench.installation import Installation
from bench.workers import Watch, sleeping_tree, until_quiet, worker

GROUP = "stop"
STOP_AIM_MS = 500.0
GO_ON_AIM_MS = 1_000.0
STOPS = ("pause", "abort")
SLEEPERS = 2
_MIDDLE_S = 0.05
"""How long a stream or a tool is under way before anything happens to it."""
Samples = dict[str, list[float]]


def measure(installation: Installation, *, quick: bool) -> list[Figure]:
    """Stop and go on in turns, then measure the floors."""
    streams, tools, floor_times = (2, 2, 20) if quick else (10, 10, 60)
    found: Samples = defaultdict(list)
    with door(installation) as opened:
        streaming = sample.repository(installation.root / "repositories" / "silent")
        for _ in range(streams + 1):
            _round_in_a_stream(opened, installation, streaming, found)
        sleeping = sample.repository(installation.root / "repositories" / "sleepy")
        _rounds_in_a_tool(opened, installation, sleeping, found, tools + 1)
    # The first of each kind warmed what stays warm afterwards.
    return _figures(installation, {name: samples[1:] for name, samples in found.items()}, floor_times)


def _round_in_a_stream(opened: Door, installation: Installation, repository: Path, found: Samples) -> None:
    streams = len(opened.model_streams())
    cr_id, _, _ = opened.submit(repository, title=sample.SILENT, body=sample.BODY)
    for stop in STOPS:
        _stream(opened, streams)
        time.sleep(_MIDDLE_S)
        sent = opened.intervene(cr_id, stop)
        paused = _paused(opened, cr_id, sent)
        cut = until(partial(_ended, opened, streams), "the end of the stream")
        found[f"{stop}, stream"].append(_ms(max(paused, cut) - sent))
        until_quiet(installation)
        streams, asked = len(opened.model_streams()), len(opened.model_arrivals())
        sent = opened.intervene(cr_id, "resume")
        found["resume, worker"].append(_ms(_at_work(opened, cr_id, sent) - sent))
        _stream(opened, streams)
        found["resume, request"].append(_ms(opened.model_arrivals()[asked] - sent))
    time.sleep(_MIDDLE_S)
    asked = len(opened.model_arrivals())
    killed = time.monotonic()
    os.kill(worker(installation), signal.SIGKILL)
    found["death, worker"].append(_ms(_at_work(opened, cr_id, killed) - killed))
    _stream(opened, streams + 1)
    found["death, request"].append(_ms(opened.model_arrivals()[asked] - killed))
    opened.intervene(cr_id, "cancel")
    until_quiet(installation)


def _rounds_in_a_tool(opened: Door, installation: Installation, repository: Path, found: Samples, times: int) -> None:
    cr_id, _, _ = opened.submit(repository, title=sample.SLEEPY, body=sample.BODY)
    for _ in range(times):
        for stop in STOPS:
            watch = Watch(sleeping_tree(worker(installation), SLEEPERS))
            time.sleep(_MIDDLE_S)
            sent = opened.intervene(cr_id, stop)
            paused = _paused(opened, cr_id, sent)
            found[f"{stop}, tool"].append(_ms(max(paused, watch.gone()) - sent))
            until_quiet(installation)
            sent = opened.intervene(cr_id, "resume")
            _at_work(opened, cr_id, sent)
        dying = worker(installation)
        watch = Watch([dying, *sleeping_tree(dying, SLEEPERS)])
        time.sleep(_MIDDLE_S)
        killed = time.monotonic()
        os.kill(dying, signal.SIGKILL)
        found["death, tree"].append(_ms(watch.gone() - killed))
        _at_work(opened, cr_id, killed)
    opened.intervene(cr_id, "cancel")
    until_quiet(installation)


def _paused(opened: Door, cr_id: str, since: float) -> float:
    def paused(one: Heard) -> bool:
        return one.at > since and one.type == "status_changed" and one.payload.get("status") == "paused"

    return opened.wait(cr_id, paused).at


def _at_work(opened: Door, cr_id: str, since: float) -> float:
    return opened.wait(cr_id, lambda one: one.at > since and one.type == "worker_started").at


def _stream(opened: Door, number: int) -> None:
    until(lambda: len(opened.model_streams()) > number or None, "the answer's stream")


def _ended(opened: Door, number: int) -> float | None:
    streamed = opened.model_streams()[number]
    if streamed["whole"]:
        raise NothingHappened("The stream went on to its end.")
    ended: float | None = streamed["ended"]
    return ended


def _ms(seconds: float) -> float:
    return seconds * 1000


def _figures(installation: Installation, found: Samples, floor_times: int) -> list[Figure]:
    plain = floors.plain_database(installation)
    http = statistics.median(floors.round_trips(installation.url, floor_times))
    insert = statistics.median(floors.committed_inserts(plain, floor_times))
    ring = floors.rings(plain, floor_times)
    kill = floors.kills(floor_times)
    fork = statistics.median(floors.forks(plain, floor_times))
    call = statistics.median(floors.model_calls(installation.model_url, floor_times, sample.FLOOR_ROLE))
    told = http + insert + statistics.median(ring)
    killed = statistics.median(kill)
    stream = Floor("HTTP, commit, ring heard", told)
    tool = Floor("HTTP, commit, ring heard, kill of a group", told + killed)
    work = Floor("HTTP, commit, ring heard, fork and connect", told + fork)
    request = Floor("the same and a model call", told + fork + call)
    return [
        *(
            figure(GROUP, f"{stop} to stream cut and paused", found[f"{stop}, stream"], "ms", floor=stream, aim=STOP_AIM_MS)
            for stop in STOPS
        ),
        *(
            figure(GROUP, f"{stop} to tool's tree gone and paused", found[f"{stop}, tool"], "ms", floor=tool, aim=STOP_AIM_MS)
            for stop in STOPS
        ),
        figure(GROUP, "resume to worker at work", found["resume, worker"], "ms", floor=work, aim=GO_ON_AIM_MS),
        figure(GROUP, "resume to first model request", found["resume, request"], "ms", floor=request, aim=GO_ON_AIM_MS),
        figure(
            GROUP, "kill -9 of a worker to its tool's tree gone", found["death, tree"], "ms",
            floor=Floor("kill of a group", killed),
        ),
        figure(
            GROUP, "kill -9 of a worker to successor at work", found["death, worker"], "ms",
            floor=Floor("kill of a group, fork and connect", killed + fork),
        ),
        figure(
            GROUP, "kill -9 of a worker to successor's model request", found["death, request"], "ms",
            floor=Floor("the same and a model call", killed + fork + call),
        ),
        figure(GROUP, "floor: ring heard (NOTIFY to LISTEN)", ring, "ms"),
        figure(GROUP, "floor: kill of a process group, all gone", kill, "ms"),
    ]  # fmt: skip
