"""A whole change request, and how much of it is Changeline: its stages without the tests they run and without git.

The processes are the product's with a stopwatch at three ports (`recording`). From the sum of stage durations, as the
stages themselves report them, everything is taken out during which at least one test run or git command was under way:
intervals are merged first, because reviewers work side by side. Tools of agents and their model calls stay in, and
stand in the floor too: as many checkpoints, model calls and sandboxed commands, each done as barely as possible.
"""

import asyncio
import json
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bench import floors, sample, stored
from bench.door import WAIT_S, Door, NothingHappened, door, left
from bench.figures import Figure, Floor, figure
from bench.installation import Installation
from bench.leased import leased
from bench.recording import GIT, TESTS, TOOLS
from cli import own_processes
from cli.local.children import Child
from pipeline.store.checkpoints import checkpointer

GROUP = "whole"
Interval = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Line:
    """One change request: seconds it took as a whole, in its stages, and in what the stages waited for."""

    cr_id: str
    wall_s: float
    stages_s: float
    tests_s: float
    git_s: float
    tools_s: float
    outside_s: float
    """Tests and git together, overlaps counted once."""
    model_calls: int
    tools: int

    @property
    def own_s(self) -> float:
        """Its stages without test runs and git."""
        return self.stages_s - self.outside_s

    @property
    def beyond_tests_s(self) -> float:
        """All of it without test runs."""
        return self.wall_s - self.tests_s


def measure(installation: Installation, *, quick: bool) -> list[Figure]:
    """Carry change requests through every stage, the first one only to build the environment of the repository."""
    times = 1 if quick else 3
    record = stopwatches(installation)
    places = [installation.root / "repositories" / f"whole-{number}" for number in range(times + 1)]
    with door(installation) as opened:
        lines = [carry(opened, record, sample.repository(place)) for place in places][1:]
    return _figures(installation, lines, floor_times=20 if quick else 50)


def stopwatches(installation: Installation) -> Path:
    """Have the installation's processes write down what takes how long, and return where."""
    record = installation.root / "stopwatch.jsonl"
    if record.exists():
        return record
    record.touch()
    installation.stop_controller()
    installation.children = [
        _recording(child, record) if child.name == "controller" else child for child in installation.children
    ]
    installation.start_controller()
    return record


def _recording(child: Child, record: Path) -> Child:
    return replace(child, argv=own_processes.module("bench.recording", "controller", str(record)))


def carry(opened: Door, record: Path, repository: Path, *, within_s: float = WAIT_S) -> Line:
    """Take the sample's change of a repository through every stage."""
    asked = len(opened.model_arrivals())
    cr_id, sent, _ = opened.submit(repository, title=sample.TITLE, body=sample.BODY)
    opened.wait(cr_id, left, within_s=within_s)
    opened.approve(cr_id)
    done = opened.wait(cr_id, lambda one: left(one) and one.payload.get("status") != "waiting", within_s=within_s)
    if done.payload["status"] != "completed":
        raise NothingHappened(f"{cr_id} did not complete: {done.payload}")
    stages = [one.payload["duration_s"] for one in opened.of(cr_id) if one.type == "stage_completed"]
    timed = _intervals(record, cr_id)
    return Line(
        cr_id=cr_id, wall_s=done.at - sent, stages_s=sum(stages), tests_s=covered_s(timed[TESTS]),
        git_s=covered_s(timed[GIT]), tools_s=covered_s(timed[TOOLS]), outside_s=covered_s(timed[TESTS] + timed[GIT]),
        model_calls=len(opened.model_arrivals()) - asked, tools=len(timed[TOOLS]),
    )  # fmt: skip


def covered_s(intervals: Iterable[Interval]) -> float:
    """Return the time that at least one interval covers."""
    total, until = 0.0, float("-inf")
    for start, end in sorted(intervals):
        total += max(0.0, end - max(start, until))
        until = max(until, end)
    return total


def _intervals(record: Path, cr_id: str) -> dict[str, list[Interval]]:
    found: dict[str, list[Interval]] = {GIT: [], TESTS: [], TOOLS: []}
    for line in record.read_text(encoding="utf-8").splitlines():
        kind, whose, start, end = json.loads(line)
        if whose == cr_id:
            found[kind].append((start, end))
    return found


def _figures(installation: Installation, lines: Sequence[Line], *, floor_times: int) -> list[Figure]:
    nodes = stored.checkpoints(installation, f"{lines[-1].cr_id}/")
    node = statistics.median(asyncio.run(_bare_nodes(installation, nodes)))
    call = statistics.median(floors.model_calls(installation.model_url, floor_times, sample.FLOOR_ROLE))
    box = statistics.median(floors.sandboxes(floor_times))
    last = lines[-1]
    floor_s = (nodes * node + last.model_calls * call + last.tools * box) / 1000
    name = f"{nodes} bare LangGraph nodes on our tables + {last.model_calls} model calls + {last.tools} bare bwrap"
    return [
        figure(GROUP, "submit to completed, approved at once", [one.wall_s for one in lines], "s"),
        figure(GROUP, "all stages", [one.stages_s for one in lines], "s"),
        figure(GROUP, "of that test runs", [one.tests_s for one in lines], "s"),
        figure(GROUP, "of that git", [one.git_s for one in lines], "s"),
        figure(GROUP, "of that tools of agents", [one.tools_s for one in lines], "s"),
        figure(GROUP, "stages minus tests and git", [one.own_s for one in lines], "s", floor=Floor(name, floor_s)),
        Figure(
            group=GROUP, name="checkpoints kept", value=stored.checkpoint_bytes(installation, f"{last.cr_id}/"), unit="bytes"
        ),
        Figure(group=GROUP, name="journal kept", value=stored.journal_bytes(installation, last.cr_id), unit="bytes"),
    ]  # fmt: skip


async def _bare_nodes(installation: Installation, nodes: int) -> list[float]:
    async with (
        leased(installation) as lease,
        checkpointer(lease.url, tenant=lease.tenant, worker=lease.identity) as saver,
    ):
        return await floors.linear_graph(saver, nodes, 5, lease.identity.cr_id)
