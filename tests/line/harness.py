"""A change request driven through the real line in this process: real PostgreSQL, git, sandbox and SDK; only the model
is scripted. One `LineRun` plays submitter, dispatcher, outbox, reaper and the people, one worker epoch at a time.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from langgraph.runtime import RunControl
from sqlalchemy import insert, select, update

from cli.scenario import role_of
from controller import git_work
from pipeline import events as occurrences
from pipeline.adapters.clock import SystemClock
from pipeline.adapters.forge_local import LocalForge
from pipeline.adapters.git import GitCommands
from pipeline.adapters.git_repository import open_repository
from pipeline.change_request import Move, RepositoryTarget, Status
from pipeline.configuration import Configuration
from pipeline.errors import CallerError, PersonNeeded, TransientError
from pipeline.identifiers import new_id
from pipeline.ports import Author, Repository
from pipeline.records import ChangeRequest, Effect, Gate, NewChangeRequest, StoredEvent
from pipeline.settings import Settings
from pipeline.store.change_requests import ChangeRequests
from pipeline.store.effects import Effects
from pipeline.store.engine import Database
from pipeline.store.events import Events
from pipeline.store.gates import Gates
from pipeline.store.leases import Leases
from pipeline.store.tables import change_requests, interventions
from tests.database import TestDatabase
from tests.line.repositories import SampleRepository
from tests.scripted import ScriptedServer
from worker.control import stop_asked
from worker.loop import execute
from worker.order import Order
from worker.wiring import Hands, hands

TENANT = "default"
EPOCHS_MAX = 40
API_KEY = "sk-test-canary-0123456789abcdef"
Prepare = Callable[["LineRun", Hands], Hands]
"""Changes what a worker works with before it starts, such as where it dies."""


@dataclass(slots=True)
class LineRun:
    """One change request and everything around it."""

    database: TestDatabase
    model: ScriptedServer
    root: Path
    store: Database
    repositories: dict[str, SampleRepository] = field(default_factory=dict)
    cr_id: str = "cr-1"
    epochs: int = 0

    @property
    def settings(self) -> Settings:
        return Settings.model_validate(
            {
                "data_dir": self.root / "data",
                "scenario": self.root / "scenario.yaml",
                "database": {"url": self.database.app_url},
                "anthropic": {"base_url": self.model.base_url, "api_key": API_KEY, "max_retries": 0},
                "environment": {"offline": True},
            }
        )

    # submitting

    def repository(self, files: Mapping[str, str], name: str = "sums") -> SampleRepository:
        """Make a repository of these files with one commit on main."""
        made = SampleRepository.create(self.root / "remotes" / name, files)
        self.repositories[name] = made
        return made

    async def submit(
        self, *, title: str, body: str, limits: Mapping[str, Any] | None = None, **sections: Mapping[str, Any]
    ) -> None:
        """Store a change request over all repositories made so far."""
        given = {"pipeline": dict(limits or {}), **sections}
        snapshot = Configuration.model_validate(given).snapshot()
        targets = [
            RepositoryTarget(name=name, remote=str(made.path), base_branch="main")
            for name, made in self.repositories.items()
        ]
        new = NewChangeRequest(
            id=self.cr_id, title=title, body=body, created_by="requester", repositories=tuple(targets),
            settings_snapshot=snapshot,
        )  # fmt: skip
        async with self.store.transaction() as connection:
            await ChangeRequests(connection).create(new)

    # working

    async def work(self, prepare: Prepare | None = None) -> ChangeRequest:
        """Dispatch once and let one worker run until it leaves the change request; returns how it stands then."""
        async with self.store.transaction() as connection:
            await ChangeRequests(connection).move(self.cr_id, Move.DISPATCH)
            epoch = await Leases(connection).take(self.cr_id, "test", lost_after=timedelta(seconds=90))
        self.epochs += 1
        order = Order(tenant=TENANT, cr_id=self.cr_id, attempt=(await self.read()).attempt, epoch=epoch)
        async with hands(order, self.settings) as held, self._outbox():
            worker = prepare(self, held) if prepare else held
            await execute(worker, lambda: stop_asked(worker.runs, worker.bell, self.cr_id), RunControl())
        return await self.read()

    async def work_through_crashes(self, prepare: Prepare) -> ChangeRequest:
        """Let epoch after epoch work as the reaper would, until the change request is left by a worker of its own will."""
        for _ in range(EPOCHS_MAX):
            cr = await self.work(prepare)
            if cr.status is not Status.RUNNING:
                return cr
            await self.move(Move.REQUEUE)
        raise AssertionError(f"still running after {EPOCHS_MAX} epochs")

    async def to_the_gate(self) -> Gate:
        """Work until the release gate opens."""
        cr = await self.work()
        assert cr.status is Status.WAITING, (cr.status, cr.pause_reason, cr.pause_message, cr.pause_facts)
        return await self.open_gate()

    async def to_the_end(self) -> ChangeRequest:
        """Work, approve what is asked, and work on, until the change request pauses or is finished."""
        for _ in range(EPOCHS_MAX):
            cr = await self.work()
            if cr.status is not Status.WAITING:
                return cr
            await self.decide("approve")
        raise AssertionError("the gates do not end")

    async def fence_out(self) -> None:
        """Give the lease to a new epoch, so that nothing the present worker still does becomes durable."""
        async with self.store.transaction() as connection:
            await Leases(connection).take(self.cr_id, "usurper", lost_after=timedelta(seconds=90))

    # people

    async def open_gate(self) -> Gate:
        async with self.store.transaction() as connection:
            (gate,) = await Gates(connection).inbox(cr_id=self.cr_id)
        return gate

    async def decide(self, decision: str, *, comment: str = "", actor: str = "approver") -> Gate:
        """Decide the open gate and queue the change request, as the door does."""
        gate = await self.open_gate()
        async with self.store.transaction() as connection:
            decided = await Gates(connection).decide(
                gate.id, decision=decision, content_hash=gate.content_hash, actor=actor, comment=comment
            )
        await self.move(Move.REQUEUE)
        return decided

    async def say(self, action: str, *, repository: str | None = None, **body: Any) -> str:
        """Store what a person says, without any move."""
        said = new_id("say")
        row = {"id": said, "cr_id": self.cr_id, "action": action, "body": body, "actor": "operator"}
        async with self.store.transaction() as connection:
            await connection.execute(insert(interventions).values(**row, repository=repository))
        return said

    async def resume(self, instructions: str = "") -> str:
        """Let a paused change request go on."""
        said = await self.say("resume", instructions=instructions)
        await self.move(Move.REQUEUE)
        return said

    async def restart(self, stage: str, instructions: str = "") -> None:
        """Run a paused change request again from a stage, within its attempt."""
        attempt = (await self.read()).attempt
        await self.say("rerun", mode="stage", stage=stage, attempt=attempt, instructions=instructions)
        await self.move(Move.REQUEUE)

    async def configure(self, **limits: Any) -> None:
        """Change limits of the frozen configuration, as raising a budget does."""
        snapshot = dict((await self.read()).settings_snapshot)
        snapshot["pipeline"] = {**snapshot["pipeline"], **limits}
        statement = update(change_requests).where(change_requests.c.id == self.cr_id)
        async with self.store.transaction() as connection:
            await connection.execute(statement.values(settings_snapshot=snapshot))

    async def move(self, move: Move) -> None:
        async with self.store.transaction() as connection:
            await ChangeRequests(connection).move(self.cr_id, move)

    # looking

    async def read(self) -> ChangeRequest:
        async with self.store.transaction() as connection:
            return await ChangeRequests(connection).get(self.cr_id)

    async def interventions(self) -> dict[str, str]:
        """Return the status of everything that was said, by id."""
        async with self.store.transaction() as connection:
            rows = await connection.execute(select(interventions.c.id, interventions.c.status))
            return {row.id: row.status for row in rows}

    async def events(self, *kinds: str) -> list[StoredEvent]:
        """Return events in their public order, all or those of some types."""
        async with self.store.transaction() as connection:
            await Events(connection).number()
        async with self.store.transaction() as connection:
            found = await Events(connection).read(after=0, cr_id=self.cr_id, limit=5_000)
        return [event for event in found if not kinds or event.type in kinds]

    async def effects(self) -> list[Effect]:
        async with self.store.transaction() as connection:
            return await Effects(connection).of(self.cr_id)

    def asked(self, *roles: str) -> list[dict[str, Any]]:
        """Return the requests that the model received, all or those of some roles."""
        return [request for request in self.model.requests if not roles or role_of(request) in roles]

    def asked_roles(self) -> list[str]:
        """Return the roles in the order in which they asked."""
        return [role_of(request) for request in self.model.requests]

    # the outbox

    @asynccontextmanager
    async def _outbox(self) -> AsyncIterator[None]:
        carrying = asyncio.create_task(self._carry_out_effects())
        try:
            yield
        finally:
            carrying.cancel()
            with suppress(asyncio.CancelledError):
                await carrying

    async def _carry_out_effects(self) -> None:
        commands = GitCommands(environment=os.environ)
        author = Author(name="Changeline", email="changeline@localhost")

        async def opened(name: str, remote: str) -> Repository:
            cache = self.root / "data" / "git"
            return await open_repository(
                name=name, remote=remote, cache_dir=cache, commands=commands, author=author, clock=SystemClock()
            )

        executors = {
            "push": git_work.PushBranch(opened),
            "merge": git_work.Merge(opened, LocalForge()),
            "delete_ref": git_work.DeleteRef(opened),
        }
        while True:
            async with self.store.transaction() as connection:
                due = await Effects(connection).claim("test")
            for effect in due:
                await self._carry_out(effect, executors[effect.kind].execute)
            await asyncio.sleep(0.02)

    async def _carry_out(self, effect: Effect, execute: Callable[[Effect], Awaitable[Mapping[str, Any]]]) -> None:
        result: Mapping[str, Any] = {}
        status, error = "done", ""
        try:
            result = await execute(effect)
        except PersonNeeded as stopped:
            status, error = "refused", stopped.message
            result = {"reason": stopped.reason.value, "facts": dict(stopped.facts)}
        except CallerError as refused:
            status, error, result = "conflict", refused.message, {"facts": dict(refused.facts)}
        except TransientError as away:
            async with self.store.transaction() as connection:
                await Effects(connection).retry_later(effect, after=timedelta(seconds=0.1), error=away.message)
            return
        async with self.store.transaction() as connection:
            await Effects(connection).record(effect.id, status=status, result=result, error=error)
            told = occurrences.EffectRecorded(effect_id=effect.id, kind=effect.kind, status=status, summary=error[:500])
            await Events(connection).append(effect.cr_id, told)


def with_context(held: Hands, **values: Any) -> Hands:
    """Return hands whose stages see other ports."""
    return replace(held, context=replace(held.context, **values))
