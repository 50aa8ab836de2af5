"""The aggregates keep their promises on a real database."""

import asyncio
from datetime import timedelta
from decimal import Decimal

import psycopg
import pytest
from sqlalchemy import text

from pipeline import events
from pipeline.change_request import IllegalMove, Move, PauseReason, Stage, Status
from pipeline.effects.kinds import EffectStatus, Pushed
from pipeline.errors import Conflict, InvariantBroken, LeaseLost, PersonNeeded, TransientError
from pipeline.findings import Finding, FindingSource, Severity
from pipeline.gates.gate import Decision
from pipeline.ports import EntryKind, JournalEntry, JournalKey, Usage
from pipeline.records import NewChangeRequest, StageResult
from pipeline.store.change_requests import ChangeRequests
from pipeline.store.effects import Effects
from pipeline.store.engine import Database, WorkerIdentity
from pipeline.store.events import Events
from pipeline.store.gates import Gates
from pipeline.store.journal import PostgresJournal
from pipeline.store.leases import Leases
from pipeline.store.ledger import PostgresLedger
from pipeline.store.work import Work
from tests.database import TestDatabase
from tests.effects import push, pushed
from tests.gates import release

LOST = timedelta(seconds=90)
KEY = JournalKey(cr_id="cr-1", attempt=1, activation="a", role="code_writer", instance="sample")


async def test_a_move_is_applied_once_and_illegal_moves_change_nothing(store: Database, cr: str) -> None:
    async with store.transaction() as connection:
        requests = ChangeRequests(connection)
        assert await requests.move(cr, Move.DISPATCH)
        assert not await requests.move(cr, Move.DISPATCH)
        await requests.move(
            cr, Move.PAUSE, reason=PauseReason.BUDGET, message="out of money", facts={"spent_usd": "50"}
        )
    with pytest.raises(IllegalMove):
        async with store.transaction() as connection:
            await ChangeRequests(connection).move(cr, Move.COMPLETE)
    async with store.transaction() as connection:
        stored = await ChangeRequests(connection).get(cr)
    assert (stored.status, stored.pause_reason, stored.pause_facts) == (
        Status.PAUSED,
        PauseReason.BUDGET,
        {"spent_usd": "50"},
    )


async def test_a_second_live_request_for_one_issue_is_refused_and_named(store: Database) -> None:
    def new(number: int) -> NewChangeRequest:
        return NewChangeRequest(
            id=f"cr-{number}",
            title="t",
            body="b",
            created_by="me",
            repositories=(),
            settings_snapshot={},
            source="jira",
            external_id="X-1",
        )

    async with store.transaction() as connection:
        await ChangeRequests(connection).create(new(1))
    with pytest.raises(Conflict) as refused:
        async with store.transaction() as connection:
            await ChangeRequests(connection).create(new(2))
    assert refused.value.facts["live"] == "cr-1"
    async with store.transaction() as connection:
        await ChangeRequests(connection).move("cr-1", Move.CANCEL)
        assert (await ChangeRequests(connection).create(new(3))).status is Status.QUEUED


async def test_events_of_slow_concurrent_writers_are_read_in_order_without_gap(store: Database, cr: str) -> None:
    async def writer(number: int) -> None:
        for count in range(15):
            async with store.transaction() as connection:
                await Events(connection).append(cr, events.Warned(message=f"{number}/{count}"))
                await asyncio.sleep(0.001 * (number % 3))

    seen: list[str] = []

    async def reader() -> None:
        last = 0
        while len(seen) < 8 * 15:
            async with store.transaction() as connection:
                await Events(connection).number()
            async with store.transaction() as connection:
                for event in await Events(connection).read(after=last):
                    assert event.seq > last
                    last = event.seq
                    seen.append(event.payload["message"])

    await asyncio.gather(reader(), *(writer(number) for number in range(8)))
    assert len(set(seen)) == 8 * 15
    for number in range(8):
        assert [message for message in seen if message.startswith(f"{number}/")] == [
            f"{number}/{count}" for count in range(15)
        ]


async def test_events_draw_one_number_each_in_their_order_whatever_the_statistics_say(
    store: Database, cr: str, database: TestDatabase
) -> None:
    """A planner that believes the table empty would draw all numbers again for each row, in the order of the pages."""
    said = [f"event {number}" for number in range(12)]

    async def append() -> None:
        async with store.transaction() as connection:
            for message in said:
                await Events(connection).append(cr, events.Warned(message=message))

    await append()
    with psycopg.connect(database.superuser_url, autocommit=True) as connection:
        connection.execute("DELETE FROM events")
        connection.execute("VACUUM ANALYZE events")
    await append()
    async with store.transaction() as numbering:
        assert await Events(numbering).number() == len(said)
    async with store.transaction() as reading:
        found = await Events(reading).read(after=0)
    assert [(one.seq, one.payload["message"]) for one in found] == list(enumerate(said, start=found[0].seq))


async def test_a_takeover_fences_a_worker_frozen_inside_a_transaction(
    store: Database, cr: str, database: TestDatabase
) -> None:
    async with store.transaction() as connection:
        assert await Leases(connection).take(cr, "one", lost_after=LOST) == 1
    frozen = Database(database.app_url, tenant="default", worker=WorkerIdentity(cr_id=cr, epoch=1))
    with pytest.raises(TransientError):  # noqa: PT012 - the frozen transaction must span the takeover
        async with frozen.transaction() as held:
            await Events(held).append(cr, events.Warned(message="never seen"))
            async with store.transaction() as connection:
                assert await Leases(connection).take(cr, "two", lost_after=LOST) == 2
    with pytest.raises(LeaseLost):
        async with frozen.transaction() as connection:
            await Events(connection).append(cr, events.Warned(message="late"))
    async with store.transaction() as connection:
        assert not await Leases(connection).beat(cr, 1, lost_after=LOST, worked_s=1, activity="")
        assert await Leases(connection).beat(cr, 2, lost_after=LOST, worked_s=1, activity="")
        await Events(connection).number()
        assert await Events(connection).read(after=0) == []
    await frozen.close()


async def test_only_running_requests_with_silent_holders_are_reaped(store: Database, cr: str) -> None:
    async with store.transaction() as connection:
        await Leases(connection).take(cr, "one", lost_after=timedelta(seconds=-1))
        assert await Leases(connection).expired() == []
        await ChangeRequests(connection).move(cr, Move.DISPATCH)
    async with store.transaction() as connection:
        assert [lease.epoch for lease in await Leases(connection).expired()] == [1]
        await Leases(connection).release(cr, 1)
        assert await Leases(connection).expired() == []


async def test_parallel_reservations_never_exceed_the_budget_together(store: Database, cr: str) -> None:
    ledger = PostgresLedger(
        store, cr_id=cr, attempt=1, budget_usd=Decimal(1), call_budget_usd=Decimal(1), stage_budget_usd=None
    )

    async def reserve(number: int) -> bool:
        try:
            await ledger.reserve(
                key=f"k{number}",
                role="r",
                stage="development",
                repository=None,
                model="m",
                worst_case_usd=Decimal("0.3"),
            )
        except PersonNeeded as refused:
            return refused.reason is not PauseReason.BUDGET
        return True

    assert sum(await asyncio.gather(*(reserve(number) for number in range(8)))) == 3
    again = await ledger.reserve(
        key="k0", role="r", stage="development", repository=None, model="m", worst_case_usd=Decimal("0.3")
    )
    usage = Usage(input_tokens=10, cache_write_tokens=0, cache_read_tokens=5, output_tokens=3)
    for _ in range(2):
        await ledger.settle(again, usage=usage, cost_usd=Decimal("0.05"), latency_s=0.1)
    assert await ledger.spent_usd() <= Decimal("0.95")


async def test_calls_that_are_settled_at_once_are_all_in_the_total(store: Database, cr: str) -> None:
    budget = Decimal(10)
    ledger = PostgresLedger(
        store, cr_id=cr, attempt=1, budget_usd=budget, call_budget_usd=budget, stage_budget_usd=None
    )
    usage = Usage(input_tokens=1, cache_write_tokens=0, cache_read_tokens=0, output_tokens=1)
    reserved = [
        await ledger.reserve(
            key=f"k{number}", role="reviewer", stage="review", repository=None, model="scripted",
            worst_case_usd=Decimal("0.50"),
        )
        for number in range(8)
    ]  # fmt: skip
    cost = Decimal("0.25")
    await asyncio.gather(*(ledger.settle(one, usage=usage, cost_usd=cost, latency_s=0.1) for one in reserved))
    async with store.transaction() as connection:
        shown = (await ChangeRequests(connection).get(cr)).cost_usd
    assert shown == await ledger.spent_usd() == Decimal(2)


async def test_the_journal_returns_the_very_bytes_and_refuses_a_second_truth(store: Database, cr: str) -> None:
    journal = PostgresJournal(store)
    body = {"z": 1, "a": ["ü", {"y": None, "b": 1.5}]}
    entry = JournalEntry(seq=0, kind=EntryKind.OPENED, body=body)
    await journal.append(KEY, entry)
    await journal.append(KEY, entry)
    assert [list(loaded.body) for loaded in await journal.load(KEY)] == [["z", "a"]]
    with pytest.raises(InvariantBroken):
        await journal.append(KEY, JournalEntry(seq=0, kind=EntryKind.OPENED, body={"z": 2}))
    assert await journal.get_blob(await journal.put_blob(b"\x00context")) == b"\x00context"


async def test_an_effect_is_intended_once_claimed_by_one_and_its_outcome_stays(store: Database, cr: str) -> None:
    async with store.transaction() as connection:
        first = await Effects(connection).intend(key="push:1", cr_id=cr, repository="sample", payload=push())
        again = await Effects(connection).intend(key="push:1", cr_id=cr, repository="sample", payload=push())
        assert again == first
        with pytest.raises(InvariantBroken):
            await Effects(connection).intend(key="push:1", cr_id=cr, repository="sample", payload=push(commit="d" * 40))
        assert [effect.id for effect in await Effects(connection).claim("one")] == [first.id]
        assert await Effects(connection).claim("two") == []
        await Effects(connection).record(first.id, status=EffectStatus.DONE, result=pushed())
        await Effects(connection).record(first.id, status=EffectStatus.CONFLICT)
        assert (await Effects(connection).get(first.id)).came_to(Pushed) == pushed()


async def test_a_decision_binds_to_the_content_that_was_seen(store: Database, cr: str) -> None:
    async with store.transaction() as connection:
        gates = Gates(connection)
        first, _ = await gates.open(cr_id=cr, attempt=1, activation="a", content=release(), content_hash="h1")
        second, fresh = await gates.open(
            cr_id=cr, attempt=1, activation="b", content=release(head="i" * 40), content_hash="h2"
        )
        again = await gates.open(cr_id=cr, attempt=1, activation="b", content=release(), content_hash="h3")
        assert (fresh, again) == (True, (second, False)), "the first content of an activation stays"
        with pytest.raises(Conflict, match="void"):
            await gates.decide(first.id, decision=Decision.APPROVE, content_hash="h1", actor="ann")
        with pytest.raises(Conflict, match="changed"):
            await gates.decide(second.id, decision=Decision.APPROVE, content_hash="h1", actor="ann")
        decided = await gates.decide(second.id, decision=Decision.APPROVE, content_hash="h2", actor="ann")
        assert await gates.decide(second.id, decision=Decision.APPROVE, content_hash="h2", actor="ann") == decided
        with pytest.raises(Conflict, match="decided"):
            await gates.decide(second.id, decision=Decision.REJECT, content_hash="h2", actor="bob")


async def test_findings_of_an_activation_are_found_also_where_an_earlier_version_named_the_reporter(
    store: Database, cr: str
) -> None:
    def found(message: str) -> Finding:
        return Finding(
            source=FindingSource.QUALITY_REVIEWER, severity=Severity.MINOR, category="names", message=message
        )

    async with store.transaction() as connection:
        work = Work(connection, cr_id=cr, attempt=1)
        for activation, message in {"a/quality_reviewer": "old", "ab": "other"}.items():
            await work.save_findings(
                repository="sample", stage=Stage.REVIEW, activation=activation, found=[found(message)]
            )
        assert await work.findings(activation="a") == [("sample", found("old"))]
        for _ in range(2):
            await work.save_findings(repository="sample", stage=Stage.REVIEW, activation="a", found=[found("new")])
        assert await work.findings(activation="a") == [("sample", found("new"))]
        assert len(await work.findings()) == 3


async def test_a_stage_result_is_returned_for_the_same_inputs_until_a_person_invalidates_it(
    store: Database, cr: str
) -> None:
    result = StageResult(
        repository="sample",
        stage=Stage.REVIEW,
        activation="a",
        inputs_hash="i",
        update={"repositories": {"sample": {"round": 1}}},
    )
    async with store.transaction() as connection:
        work = Work(connection, cr_id=cr, attempt=1)
        await work.save_result(result)
        await work.save_result(result)
        assert await work.valid_result("sample", Stage.REVIEW, "i") == result
        assert await work.valid_result("sample", Stage.REVIEW, "other") is None
        await work.invalidate([Stage.REVIEW], "sample")
        assert await work.valid_result("sample", Stage.REVIEW, "i") is None
        first = await work.save_spec(repository="sample", activation="a", feature="f", spec={})
        assert (
            await work.save_spec(repository="sample", activation="a", feature="g", spec={})
        ).revision == first.revision
        assert (await work.save_spec(repository="sample", activation="b", feature="g", spec={})).revision == 2
        assert await connection.scalar(text("SELECT count(*) FROM spec_revisions")) == 2


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("a\0b", "a\u2400b"),
        ("a\ud800b", "a\ufffdb"),
        ("\udcff", "\ufffd"),
        ("\ud83d\ude00", "\U0001f600"),
        ("\\u0000 é", "\\u0000 é"),
    ],
)
async def test_whatever_a_model_or_a_tool_says_can_be_stored(store: Database, cr: str, said: str, kept: str) -> None:
    async with store.transaction() as connection:
        told = events.AgentTurn(instance="x", turn=1, text=said, calls=(said,))
        await Events(connection).append(cr, told)
        await ChangeRequests(connection).move(cr, Move.DISPATCH)
        await ChangeRequests(connection).move(
            cr, Move.PAUSE, reason=PauseReason.AGENT_STUCK, message=said, facts={"detail": said, said: [said]}
        )
        await Events(connection).number()
    async with store.transaction() as connection:
        read = [one.payload for one in await Events(connection).read(after=0, cr_id=cr, types={"agent_turn"})]
        found = await ChangeRequests(connection).get(cr)
    assert [(one["text"], one["calls"]) for one in read] == [(kept, [kept])]
    assert (found.pause_message, found.pause_facts) == (kept, {"detail": kept, kept: [kept]})
