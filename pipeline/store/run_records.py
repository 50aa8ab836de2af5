"""What stages keep and read again, on the worker's own connections: short transactions, everything safe to repeat."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from decimal import Decimal
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from pipeline import events
from pipeline.change_request import Stage
from pipeline.effects.effect import Effect
from pipeline.effects.kinds import NOT_DONE, EffectStatus, Payload
from pipeline.errors import NotFound
from pipeline.findings import Finding
from pipeline.identifiers import derived_id
from pipeline.records import Gate, Intervention, SpecRevision, StageResult
from pipeline.store import ledger
from pipeline.store.bell import ring_at_commit
from pipeline.store.change_requests import ChangeRequests
from pipeline.store.effects import Effects
from pipeline.store.engine import Database
from pipeline.store.events import Events
from pipeline.store.gates import Gates
from pipeline.store.interventions import Interventions
from pipeline.store.journal import body_of
from pipeline.store.leases import Leases
from pipeline.store.tables import journal, learnings, pull_requests
from pipeline.store.work import Work

LOOK_AGAIN_S = 0.02
LOOK_AGAIN_MAX_S = 0.25


class RunRecords:
    """Implements `pipeline.stage.context.Records` for one attempt of one change request."""

    def __init__(self, database: Database, *, cr_id: str, attempt: int) -> None:
        self._database = database
        self._cr_id = cr_id
        self._attempt = attempt

    @asynccontextmanager
    async def _work(self) -> AsyncIterator[Work]:
        async with self._database.transaction() as connection:
            yield Work(connection, cr_id=self._cr_id, attempt=self._attempt)

    async def emit(self, event: events.Event) -> None:
        """Append an event in a transaction of its own, whose commit rings."""
        async with self._database.transaction() as connection:
            await self._announce(connection, event)

    async def _announce(self, connection: AsyncConnection, event: events.Event) -> None:
        await Events(connection).append(self._cr_id, event)
        await ring_at_commit(connection, self._database.tenant, "events")

    async def valid_result(self, repository: str, stage: Stage, inputs_hash: str) -> StageResult | None:
        """See the port."""
        async with self._work() as work:
            return await work.valid_result(repository, stage, inputs_hash)

    async def save_result(self, result: StageResult, *, announced_by: events.Event) -> None:
        """See the port."""
        async with self._database.transaction() as connection:
            if await Work(connection, cr_id=self._cr_id, attempt=self._attempt).save_result(result):
                await self._announce(connection, announced_by)

    async def invalidate(self, stages: Sequence[Stage]) -> None:
        """See the port."""
        async with self._work() as work:
            await work.invalidate(stages)

    async def carry_over(self, from_attempt: int) -> None:
        """See the port."""
        async with self._work() as work:
            await work.carry_over(from_attempt)

    async def working_time(self) -> tuple[float, int]:
        """See the port."""
        async with self._database.transaction() as connection:
            worked_s = await Leases(connection).working_s(self._cr_id)
            return worked_s, await Interventions(connection).times_let_go_on(self._cr_id)

    async def enter_stage(self, stage: Stage) -> None:
        """See the port."""
        async with self._database.transaction() as connection:
            await ChangeRequests(connection).enter_stage(self._cr_id, stage)

    async def store_structured(self, structured: Mapping[str, Any]) -> None:
        """See the port."""
        async with self._database.transaction() as connection:
            await ChangeRequests(connection).store_structured(self._cr_id, structured)

    async def structured(self) -> Mapping[str, Any]:
        """See the port."""
        async with self._database.transaction() as connection:
            return (await ChangeRequests(connection).get(self._cr_id)).structured

    async def record_progress(self, repository: str, **values: Any) -> None:
        """See the port."""
        async with self._database.transaction() as connection:
            await ChangeRequests(connection).record_progress(self._cr_id, repository, **values)

    async def save_spec(
        self, *, repository: str, activation: str, feature: str, spec: Mapping[str, Any]
    ) -> SpecRevision:
        """See the port."""
        async with self._work() as work:
            return await work.save_spec(repository=repository, activation=activation, feature=feature, spec=spec)

    async def latest_spec(self, repository: str) -> SpecRevision | None:
        """See the port."""
        async with self._work() as work:
            return await work.latest_spec(repository)

    async def verify_spec(self, repository: str, revision: int) -> None:
        """See the port."""
        async with self._work() as work:
            await work.verify_spec(repository, revision)

    async def save_test_run(self, **values: Any) -> str:
        """See the port."""
        async with self._work() as work:
            return await work.save_test_run(**values)

    async def test_runs(self, repository: str | None = None) -> Sequence[Mapping[str, Any]]:
        """See the port."""
        async with self._work() as work:
            return [dict(row) for row in await work.test_runs(repository)]

    async def save_findings(self, *, repository: str, stage: Stage, activation: str, found: Sequence[Finding]) -> None:
        """See the port."""
        async with self._work() as work:
            await work.save_findings(repository=repository, stage=stage, activation=activation, found=found)

    async def findings(self, *, activation: str | None = None) -> Sequence[tuple[str, Finding]]:
        """See the port."""
        async with self._work() as work:
            return await work.findings(activation=activation)

    async def save_artifact(
        self, *, kind: str, name: str, content: bytes, media_type: str, facts: Mapping[str, Any]
    ) -> str:
        """See the port."""
        async with self._work() as work:
            return await work.save_artifact(kind=kind, name=name, content=content, media_type=media_type, facts=facts)

    async def artifact(self, kind: str, name: str) -> bytes | None:
        """See the port."""
        async with self._work() as work:
            try:
                return await work.artifact(kind, name)
            except NotFound:
                return None

    async def open_gate(self, *, kind: str, activation: str, content: Mapping[str, Any], content_hash: str) -> Gate:
        """Open the gate and announce it, in one transaction."""
        async with self._database.transaction() as connection:
            gate, fresh = await Gates(connection).open(
                cr_id=self._cr_id, attempt=self._attempt, kind=kind, activation=activation, content=content,
                content_hash=content_hash,
            )  # fmt: skip
            if fresh:
                opened = events.GateOpened(gate_id=gate.id, kind=kind, content_hash=gate.content_hash)
                await self._announce(connection, opened)
        return gate

    async def gate(self, gate_id: str) -> Gate:
        """See the port."""
        async with self._database.transaction() as connection:
            return await Gates(connection).get(gate_id)

    async def gates(self) -> Sequence[Gate]:
        """See the port."""
        async with self._database.transaction() as connection:
            return await Gates(connection).inbox(cr_id=self._cr_id, status=None)

    async def save_feedback_of_gate(self, gate: Gate) -> None:
        """See the port."""
        told = [{"kind": "pull_request", "source": f"approver {gate.decided_by}", "text": gate.comment}]
        content = json.dumps(told, ensure_ascii=False).encode()
        await self.save_artifact(
            kind="feedback", name=f"gate/{gate.id}", content=content, media_type="application/json", facts={}
        )

    async def intend(self, *, key: str, repository: str | None, payload: Payload) -> Effect:
        """Record the intent and wake the controller's executor."""
        async with self._database.transaction() as connection:
            effect = await Effects(connection).intend(
                key=key, cr_id=self._cr_id, repository=repository, payload=payload
            )
            await ring_at_commit(connection, self._database.tenant, "effects")
        return effect

    async def outcome(self, effect_id: str, *, timeout_s: float) -> Effect:
        """Look until it is decided, soon at first: most effects take a tenth of a second, some wait for a person."""
        deadline = asyncio.get_running_loop().time() + timeout_s
        pause_s = LOOK_AGAIN_S
        while True:
            async with self._database.transaction() as connection:
                effect = await Effects(connection).get(effect_id)
            if effect.status.decided or asyncio.get_running_loop().time() > deadline:
                return effect
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 1.5, LOOK_AGAIN_MAX_S)

    async def try_again(self, effect_id: str) -> None:
        """See the port; wakes the controller's executor."""
        async with self._database.transaction() as connection:
            await Effects(connection).revive(effect_id, given_up=NOT_DONE | {EffectStatus.RETRY})
            await ring_at_commit(connection, self._database.tenant, "effects")

    async def effects(self) -> Sequence[Effect]:
        """See the port."""
        async with self._database.transaction() as connection:
            return await Effects(connection).of(self._cr_id)

    async def take_resume(self, *, stage: Stage, activation: str) -> Intervention | None:
        """Take every unanswered word to go on; the same activation gets the same again."""
        async with self._database.transaction() as connection:
            words = Interventions(connection)
            said, fresh = await words.taken_to_go_on(self._cr_id, activation)
        for one in fresh:
            await self._progressed(one, stage)
        return next((one for one in reversed(said) if one.body.get("instructions")), said[-1] if said else None)

    async def skip_of(self, stage: Stage, repository: str | None, activation: str) -> Intervention | None:
        """See the port."""
        async with self._database.transaction() as connection:
            said, fresh = await Interventions(connection).skip_of(self._cr_id, stage.value, repository, activation)
        if said is not None and fresh:
            await self._progressed(replace(said, status="delivered"), stage)
        return said

    async def skip_waiting(self) -> Stage | None:
        """See the port."""
        async with self._database.transaction() as connection:
            stage = await Interventions(connection).skip_waiting(self._cr_id)
        return Stage(stage) if stage else None

    async def settle_skips(self, stage: Stage, *, happened: bool, activation: str) -> None:
        """See the port."""
        async with self._database.transaction() as connection:
            settled = await Interventions(connection).settle_skips(
                self._cr_id, stage.value, happened=happened, activation=activation
            )
        for one in settled:
            await self._progressed(one, stage)

    async def settle_instructions(self, repository: str | None) -> None:
        """See the port."""
        async with self._database.transaction() as connection:
            settled = await Interventions(connection).settle_delivered(self._cr_id, repository)
        for one in settled:
            await self._progressed(one, None)

    async def _progressed(self, said: Intervention, stage: Stage | None) -> None:
        progressed = events.InterventionProgressed(
            intervention_id=said.id, action=said.action, status=said.status, actor=said.actor, stage=stage,
            repository=said.repository,
        )  # fmt: skip
        await self.emit(progressed)

    async def intervention(self, intervention_id: str) -> Intervention:
        """See the port."""
        async with self._database.transaction() as connection:
            return await Interventions(connection).get(intervention_id)

    async def interventions(self) -> Sequence[Intervention]:
        """See the port."""
        async with self._database.transaction() as connection:
            return await Interventions(connection).of(self._cr_id)

    async def learnings(self, repository: str) -> Sequence[str]:
        """See the port."""
        query = (
            select(learnings.c.text)
            .where(learnings.c.repository == repository, learnings.c.status == "approved")
            .order_by(learnings.c.decided_at.desc(), learnings.c.id)
        )
        async with self._database.transaction() as connection:
            return list((await connection.execute(query)).scalars())

    async def propose_learnings(self, proposals: Sequence[tuple[str, str, str]], *, activation: str) -> None:
        """See the port."""
        async with self._database.transaction() as connection:
            for number, (repository, text, evidence) in enumerate(proposals):
                row = {
                    "id": derived_id("learn", activation, str(number)),
                    "cr_id": self._cr_id,
                    "repository": repository,
                }
                statement = upsert(learnings).values(**row, text=text, evidence=evidence).on_conflict_do_nothing()
                await connection.execute(statement)

    async def save_pull_request(self, *, repository: str, **values: Any) -> None:
        """See the port."""
        key = {"cr_id": self._cr_id, "attempt": self._attempt, "repository": repository}
        statement = upsert(pull_requests).values(**key, **values)
        updated = statement.on_conflict_do_update(index_elements=list(key), set_={**values, "updated_at": func.now()})
        async with self._database.transaction() as connection:
            await connection.execute(updated)

    async def close_pull_request(self, *, repository: str, merge_commit: str) -> None:
        """See the port."""
        table = pull_requests
        where = [table.c.cr_id == self._cr_id, table.c.attempt == self._attempt, table.c.repository == repository]
        values = {"status": "merged", "merge_commit": merge_commit, "updated_at": func.now()}
        async with self._database.transaction() as connection:
            await connection.execute(update(table).where(*where).values(**values))

    async def cost_usd(self) -> Decimal:
        """See the port."""
        async with self._database.transaction() as connection:
            return await ledger.committed_usd(connection, self._cr_id)

    async def calls(self) -> Sequence[Mapping[str, Any]]:
        """See the port."""
        async with self._database.transaction() as connection:
            return [dict(row) for row in await ledger.calls(connection, self._cr_id)]

    async def prompts(self) -> Sequence[Mapping[str, Any]]:
        """Return the opening entry of every conversation, oldest first."""
        query = (
            select(journal.c.role, journal.c.instance, journal.c.activation, journal.c.body)
            .where(journal.c.cr_id == self._cr_id, journal.c.attempt == self._attempt, journal.c.seq == 0)
            .order_by(journal.c.at, journal.c.role)
        )
        async with self._database.transaction() as connection:
            rows = (await connection.execute(query)).all()
        return [{"role": row.role, "instance": row.instance, "opened": body_of(row.body)} for row in rows]
