"""Spreads the tests over the workers by how long they took last time. `make pytest` loads it: `-p tests.balance`.

Problem: with files as units, a long file that begins late leaves one worker alone at the end. Choice: what takes longest
begins first, and the tests of a long file may go to several workers. Durations are those of this machine's last runs, kept
in `.cache/`, for the rest those that are checked in. Invariant: tests that share what their module starts, or begin at the same
savepoint, stay together, and wrong or missing durations cost time, never a test.
"""

import json
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

import pytest
from _pytest.nodeid import NodeId

ROOT = Path(__file__).parents[1]
KEPT = ROOT / ".cache" / "durations.json"
"""Seconds by test, of this machine's last runs. A copy of it may replace what is checked in, at any time."""
CHECKED_IN = Path(__file__).parent / "data" / "durations.json"
UNKNOWN_S, UNKNOWN_ACCEPTANCE_S = 0.3, 20.0
LONG_S = 15.0
"""A file whose tests take longer in sum is spread, as far as its tests share nothing."""
KEPT_MIN_S = 1.0
SHARED = ("module", "package", "class")

_NAME = pytest.StashKey[str]()


class Savepoint(Protocol):
    """What `begins_at` names; this plugin is imported before everything, and imports nothing of ours."""

    name: str
    after: "Savepoint | None"


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(Balance(known()), "balance")


class Balance:
    """The order of one run, and what it learns for the next."""

    def __init__(self, seconds: Mapping[str, float]) -> None:
        self._seconds = seconds
        self._files: defaultdict[str, float] = defaultdict(float)
        self._taken: defaultdict[str, float] = defaultdict(float)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> object:
        """Group the items before the scheduler names its groups, and sort them after everyone else did."""
        if not hasattr(config, "workerinput"):
            return (yield)
        for item in items:
            item.stash[_NAME] = item.nodeid
            self._files[file_of(item.nodeid)] += self.seconds_of(item)
        units = {item.nodeid: self._unit(item) for item in items}
        weights: defaultdict[str, float] = defaultdict(float)
        for item in items:
            weights[units[item.nodeid]] += self.seconds_of(item)
            if units[item.nodeid] != item.nodeid and item.get_closest_marker("xdist_group") is None:
                item.add_marker(pytest.mark.xdist_group(units[item.nodeid]))
        done = yield
        for item in items:
            _name_group(item)
        items.sort(key=lambda item: -weights[units[item.stash[_NAME]]])
        return done

    def seconds_of(self, item: pytest.Item) -> float:
        """Return how long a test probably takes."""
        unknown = UNKNOWN_ACCEPTANCE_S if item.get_closest_marker("acceptance") else UNKNOWN_S
        return self._seconds.get(item.nodeid, unknown)

    def _unit(self, item: pytest.Item) -> str:
        if chosen := item.get_closest_marker("xdist_group"):
            return str(chosen.args[0])
        if begun := item.get_closest_marker("begins_at"):
            return f"from the savepoint {origin_of(begun.args[0])}"
        file = file_of(item.nodeid)
        return file if self._files[file] <= LONG_S or shares(item) else item.nodeid

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._taken[without_group(report.nodeid)] += report.duration

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Keep what was learnt, in the process that saw all of it."""
        if self._taken and not hasattr(session.config, "workerinput"):
            learnt = {**self._seconds, **self._taken}
            kept = {
                test: round(taken, 1) for test, taken in sorted(learnt.items()) if taken >= KEPT_MIN_S and exists(test)
            }
            KEPT.parent.mkdir(exist_ok=True)
            KEPT.write_text(json.dumps(kept, indent=0) + "\n", encoding="utf-8")


def known() -> dict[str, float]:
    """Return the durations that are checked in, and what this machine remembers in their place."""
    return {test: taken for source in (CHECKED_IN, KEPT) for test, taken in read(source).items()}


def read(source: Path) -> dict[str, float]:
    try:
        found: dict[str, float] = json.loads(source.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    return found


def shares(item: pytest.Item) -> bool:
    """Whether a test uses something that its module, class or package starts once."""
    used: Mapping[str, object] = getattr(item, "_fixtureinfo").name2fixturedefs  # noqa: B009 - pytest has no public way to ask
    return any(
        getattr(one, "scope", "") in SHARED for ones in used.values() if isinstance(ones, list | tuple) for one in ones
    )


def _name_group(item: pytest.Item) -> None:
    """Append the group to the name, as the scheduler reads it.

    pytest-xdist 3.8 writes it where pytest 9.2 does not look any more, and so spreads every group over all workers.
    """
    group = item.get_closest_marker("xdist_group")
    if group is not None and not item.nodeid.endswith(f"@{group.args[0]}"):
        item._id = NodeId.parse(f"{item.nodeid}@{group.args[0]}")


def origin_of(savepoint: Savepoint) -> str:
    """Return the first of the savepoints that lead to this one: one worker reaches them, for all that begin there."""
    while savepoint.after is not None:
        savepoint = savepoint.after
    return savepoint.name


def file_of(test: str) -> str:
    return test.partition("::")[0]


def exists(test: str) -> bool:
    return (ROOT / file_of(test)).is_file()


def without_group(nodeid: str) -> str:
    """Return a test's name without the group that the scheduler appends."""
    return nodeid[: nodeid.rfind("@")] if nodeid.rfind("@") > nodeid.rfind("]") else nodeid
