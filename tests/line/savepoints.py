"""Places on the line that many tests begin at, reached once by the real pipeline and copied for each of them.

Problem: a test of the release replayed everything from intake, and most of the suite's time went into the same first half.
Choice: the first test that begins at a savepoint lets the real line reach it; the database stays as a template, the files lie
beside, and every test works on a copy of both at the very same path, so that all recorded paths hold. Invariant: no row and no
ref of a savepoint was written by anything but the pipeline, and no test sees what another did.
"""

import asyncio
import shutil
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from langgraph.runtime import RunControl

from pipeline.change_request import PauseReason, Stage, Status
from pipeline.interventions.intervention import Action
from pipeline.ports import Isolation
from tests.database import TestDatabase, TestServer
from tests.line import scenarios
from tests.line.dying import Deaths
from tests.line.faults import when_entering
from tests.line.harness import LineRun, controller_of, settings_of
from tests.line.remembered_proofs import Proofs
from tests.line.repositories import SampleRepository
from tests.scripted import Memory, ScriptedServer


@dataclass(frozen=True, slots=True)
class Savepoint:
    """One place on the line and the real way there, from intake or from another savepoint."""

    name: str
    reach: Callable[[LineRun], Awaitable[object]]
    after: "Savepoint | None" = None


def begins_at(savepoint: Savepoint) -> pytest.MarkDecorator:
    """Let `line` be a copy of a change request that stands at this savepoint, with the default scenario to go on."""
    return pytest.mark.begins_at(savepoint)


async def _started(line: LineRun, *parts: scenarios.Part, repositories: tuple[str, ...] = ("sums",)) -> None:
    for name in repositories:
        line.repository(scenarios.FILES, name)
    line.model.play(scenarios.scenario(*parts))
    await line.submit(title=scenarios.TITLE, body=scenarios.BODY)


async def _to_development(line: LineRun) -> None:
    """Ask the worker to shut down during verification: it ends the stage and leaves the change request queued."""
    await _started(line)
    drain = RunControl()
    cr = await line.work(when_entering(Stage.VERIFICATION, drain.request_drain), drain)
    assert (cr.status, line.asked("test_writer")) == (Status.QUEUED, [])


async def _to_the_gate(line: LineRun) -> None:
    await _started(line)
    await line.to_the_gate()


async def _two_to_the_gate(line: LineRun) -> None:
    await _started(line, repositories=("alpha", "beta"))
    await line.to_the_gate()


async def _to_the_end(line: LineRun) -> None:
    await line.approve()
    assert (await line.work()).status is Status.COMPLETED


async def _dead_while_coding(line: LineRun) -> None:
    """Let the worker die after the first answer of the code writer."""
    await _started(line)
    deaths = Deaths(lambda at: at[:3] == ("after", "answered", "code_writer"))
    cr = await line.work(deaths.doomed)
    assert (cr.status, len(deaths.died_at)) == (Status.RUNNING, 1)
    await line.bury()


HALF = "def add(a, b):\n    return a + b\n\n\ndef double(n):\n    return 0\n"


def slow_writer(*first: dict[str, Any]) -> scenarios.Part:
    """A code writer that leaves half of its work in the tree and then waits for ever."""
    made = first or (scenarios.create("calc.py", HALF),)
    waits = scenarios.bash("sleep 600 & sleep 600")
    return scenarios.part(
        "code_writer", scenarios.turn(*made), scenarios.turn(waits), scenarios.turn(scenarios.submit_code())
    )


async def taken_over_from(line: LineRun, *parts: scenarios.Part) -> None:
    """Let a person take a change request over while its code writer waits in its second turn."""
    line.plays(*parts)
    working = asyncio.create_task(line.work())
    await line.until_asked("code_writer", 2)
    receipt = await line.say(Action.TAKEOVER)
    assert receipt.status == "queued"
    cr = await working
    assert (cr.status, cr.pause_reason, cr.stage) == (Status.PAUSED, PauseReason.HANDED_OVER, Stage.DEVELOPMENT)


async def _taken_over(line: LineRun) -> None:
    await _started(line)
    await taken_over_from(line, slow_writer())
    await line.carry_out()


BEFORE_DEVELOPMENT = Savepoint("before development", _to_development)
"""Verified, queued, to be taken by a second worker; the tests are not written yet."""
DEAD_WHILE_CODING = Savepoint("dead while coding", _dead_while_coding)
"""Queued again after its worker died with one answer of the code writer kept."""
TAKEN_OVER = Savepoint("taken over in development", _taken_over)
"""Half of the code lies on the published branch, and a person has it."""
AT_THE_GATE = Savepoint("at the gate", _to_the_gate)
"""Proven, reviewed, delivered, and shown to a person who has not decided."""
TWO_AT_THE_GATE = Savepoint("two repositories at the gate", _two_to_the_gate)
COMPLETED = Savepoint("completed", _to_the_end, after=AT_THE_GATE)
"""Merged and cleaned up."""


@dataclass(frozen=True, slots=True)
class _Kept:
    database: str
    files: Path
    memory: Memory
    repositories: dict[str, SampleRepository]
    epoch: int


@dataclass(slots=True)
class Savepoints:
    """The savepoints of one test process; each is reached when a test first begins at it."""

    server: TestServer
    model: ScriptedServer
    environments: Path
    isolation: Isolation
    proofs: Proofs
    root: Path
    """Where every copy lies, one after another: the paths in rows and checkpoints name it."""
    beside: Path
    _kept: dict[str, _Kept] = field(default_factory=dict)
    _copies: int = 0

    @asynccontextmanager
    async def begun(self, savepoint: Savepoint) -> AsyncIterator[LineRun]:
        """Give a copy of a change request that stands there."""
        if savepoint.name not in self._kept:
            self._kept[savepoint.name] = await self._reached(savepoint)
        kept = self._kept[savepoint.name]
        async with self._database(template=kept.database) as database, self._line(database) as line:
            await asyncio.to_thread(_copied, kept.files, self.root)
            line.repositories.update(kept.repositories)
            line.epoch = kept.epoch
            self.model.play(scenarios.scenario())
            self.model.remember(kept.memory)
            yield line

    async def _reached(self, savepoint: Savepoint) -> _Kept:
        origin = self._fresh() if savepoint.after is None else self.begun(savepoint.after)
        async with origin as line:
            await savepoint.reach(line)
            # Only a database that nobody is connected to can be copied.
            await line.controller.bells.close()
            await line.controller.database.close()
            files, template = self.beside / f"{len(self._kept)}", f"savepoint_{len(self._kept)}"
            self.server.create(template, template=line.database.name)
            await asyncio.to_thread(_copied, self.root, files)
            return _Kept(template, files, self.model.memory(), dict(line.repositories), line.epoch)

    def _fresh(self) -> AbstractAsyncContextManager[LineRun]:
        @asynccontextmanager
        async def begun() -> AsyncIterator[LineRun]:
            async with self._database(template="template_changeline") as database, self._line(database) as line:
                data_directory(self.root, self.environments)
                yield line

        return begun()

    @asynccontextmanager
    async def _database(self, *, template: str) -> AsyncIterator[TestDatabase]:
        self._copies += 1
        database = self.server.create(f"copy_{self._copies}", template=template)
        try:
            yield database
        finally:
            self.server.drop(database.name)

    @asynccontextmanager
    async def _line(self, database: TestDatabase) -> AsyncIterator[LineRun]:
        await asyncio.to_thread(_emptied, self.root)
        async with running(database, self.model, self.root, self.isolation, self.proofs) as line:
            yield line


@asynccontextmanager
async def running(
    database: TestDatabase, model: ScriptedServer, root: Path, isolation: Isolation, proofs: Proofs | None
) -> AsyncIterator[LineRun]:
    """Give a line its controller, and close it at the end."""
    settings = settings_of(root, database, model)
    controller = controller_of(settings)
    try:
        yield LineRun(
            database=database, model=model, root=root, settings=settings, controller=controller, isolation=isolation,
            proofs=proofs,
        )  # fmt: skip
    finally:
        await controller.bells.close()
        await controller.database.close()


def data_directory(root: Path, environments: Path) -> None:
    """Make the data directory of an installation; built environments are shared by the test process."""
    (root / "data").mkdir()
    (root / "data" / "environments").symlink_to(environments)


def _emptied(directory: Path) -> None:
    for entry in directory.iterdir():
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()


def _copied(source: Path, destination: Path) -> None:
    """Copy files with owners, modes and times, as git's index and the sandbox look at them."""
    destination.mkdir(exist_ok=True)
    subprocess.run(["cp", "-a", "--reflink=auto", f"{source}/.", str(destination)], check=True, capture_output=True)
