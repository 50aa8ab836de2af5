"""A whole campaign: change request after change request until every planned disturbance has struck.

What did not strike (the change request was finished first, or its target was away) is handed out again later. A line is
written to the result file for every change request, so that a stopped campaign goes on after the last one. A change
request that went wrong leaves its logs beside the result file, and the next ones get a fresh installation.
"""

import json
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from chaos import journey, sample
from chaos.ear import Ear
from chaos.installation import Installation, installation
from chaos.outcome import Outcome, outcome
from chaos.plan import PER_CHANGE_REQUEST, Disturbance, plan
from pipeline.line.crash_points import points
from pipeline.machine.crash_points import PASSED

_HEARD_S = 10.0
_EARLIER = 0.6
_HANDED_OUT_MAX = 6
"""A disturbance that never strikes is an error of the plan, not a reason to go on for ever."""

Report = Callable[[str], None]
Line = dict[str, Any]
"""One change request as it stands in the result file."""


class Untrustworthy(Exception):
    """What a campaign stands on does not hold, so its figures would say nothing; the message says what."""


@dataclass(slots=True)
class Campaign:
    """So many kills from one seed."""

    kills: int
    seed: int
    file: Path
    report: Report
    lines: list[Line] = field(default_factory=list)
    _since: float = 0.0

    def run(self) -> list[Line]:
        """Go on from what the result file holds; returns all lines."""
        self._since = time.monotonic()
        self.lines = (
            [json.loads(line) for line in self.file.read_text("utf-8").splitlines()] if self.file.exists() else []
        )
        self.lines = [line for line in self.lines if line["seed"] == self.seed]
        done = {one["number"] for line in self.lines for one in line["struck"]}
        waiting = deque((one, 0) for one in plan(self.kills, self.seed) if one.number not in done)
        while waiting:
            installed = self._on_one_installation(waiting)
            if left := installed.leftovers():
                raise Untrustworthy(f"Something is left running after the end: {left}")
        return self.lines

    def _on_one_installation(self, waiting: "deque[tuple[Disturbance, int]]") -> Installation:
        with installation() as installed, Ear(installed) as ear:
            undisturbed, usual_s = _undisturbed(installed)
            self.report(f"undisturbed in {usual_s:.1f} s; {len(waiting)} disturbances to come")
            while waiting:
                handed = [waiting.popleft() for _ in range(min(PER_CHANGE_REQUEST, len(waiting)))]
                line = self._one(installed, ear, [one for one, _ in handed], undisturbed, usual_s)
                struck = {one["number"] for one in line["struck"]}
                # What came too late comes earlier next time.
                missed = [
                    (replace(one, part=one.part * _EARLIER), n + 1) for one, n in handed if one.number not in struck
                ]
                line["problems"] += [f"never struck: {one.label}" for one, times in missed if times >= _HANDED_OUT_MAX]
                waiting.extend((one, times) for one, times in missed if times < _HANDED_OUT_MAX)
                self._write(line)
                if line["problems"]:
                    self.report(f"its logs are in {_kept(installed, self.file, len(self.lines))}")
                    break
        return installed

    def _one(
        self, installed: Installation, ear: Ear, disturbances: list[Disturbance], undisturbed: Outcome, usual_s: float
    ) -> Line:
        number = len(self.lines) + 1
        repository = sample.repository(installed.root / "repositories" / f"disturbed-{number}")
        # A disturbed change request takes longer, and those that come late should still find it at work.
        travelled = journey.travel(installed, repository, disturbances, usual_s=usual_s * 1.5)
        left = outcome(installed, travelled.cr_id, repository)
        problems = [*left.problems(undisturbed), *_stream_problems(installed, ear)]
        return {
            "seed": self.seed, "change_request": travelled.cr_id, "seconds": round(travelled.seconds, 2),
            "status": travelled.status, "problems": problems, "repeated_calls": left.repeated(undisturbed),
            "lost_workers": left.lost_workers, "struck": [_plain(one) for one in travelled.struck],
        }  # fmt: skip

    def _write(self, line: Line) -> None:
        now = time.monotonic()
        line["elapsed_s"], self._since = round(now - self._since, 2), now
        self.lines.append(line)
        with self.file.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
        kills = sum(len(one["struck"]) for one in self.lines)
        what = ", ".join(one["label"] for one in line["struck"])
        how = "as undisturbed" if not line["problems"] else f"WRONG: {'; '.join(line['problems'])}"
        self.report(f"{kills}/{self.kills} {line['seconds']:.1f} s {line['status']}, {how} ({what})")


def _undisturbed(installed: Installation) -> tuple[Outcome, float]:
    """Return what comes out when nobody disturbs, and how long that takes once the repository is known.

    Raises `Untrustworthy` when it goes wrong, or does not pass every crash point that has a name and no other: a plan
    that strikes elsewhere would prove nothing.
    """
    passed = installed.points.directory / PASSED
    passed.mkdir()
    seconds, found = 0.0, None
    for number in range(2):
        repository = sample.repository(installed.root / "repositories" / f"undisturbed-{number}")
        travelled = journey.travel(installed, repository)
        found, seconds = outcome(installed, travelled.cr_id, repository), travelled.seconds
    if found is None or found.status != "completed" or found.leftovers:
        raise Untrustworthy(f"The undisturbed change request went wrong: {found}")
    seen = {one.name for one in passed.iterdir()}
    if seen != set(points()):
        raise Untrustworthy(f"Crash points that are not passed, or have no name: {sorted(seen ^ set(points()))}")
    return found, seconds


def _stream_problems(installed: Installation, ear: Ear) -> list[str]:
    stored = journey.event_numbers(installed)
    deadline = time.monotonic() + _HEARD_S
    while not ear.caught_up(stored[-1]) and time.monotonic() < deadline:
        time.sleep(0.05)
    return ear.problems(stored)


def _kept(installed: Installation, file: Path, number: int) -> Path:
    """Move the logs to beside the result file."""
    target = file.parent / f"{file.stem}-{number}-logs"
    target.mkdir(parents=True, exist_ok=True)
    for log in installed.directory.logs.glob("*.log"):
        (target / log.name).write_bytes(log.read_bytes())
    return target


def _plain(one: journey.Struck) -> dict[str, Any]:
    return {
        "number": one.what.number, "target": one.what.target.value, "point": one.what.point, "label": one.what.label,
        "at": round(one.at, 3), "answered_s": one.answered_s, "resumed_s": one.resumed_s,
    }  # fmt: skip


def kinds(lines: list[Line]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield (kind, strike) over all lines: the target, and whether it was hit at a named point."""
    for line in lines:
        for one in line["struck"]:
            yield f"{one['target']}, {'named point' if one['point'] else 'random moment'}", one
