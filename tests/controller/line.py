"""Rows as the real pipeline leaves them, made through the store's own aggregates."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

from pipeline import events
from pipeline.change_request import Move, PauseReason, RepositoryTarget, Stage, WaitKind
from pipeline.findings import Finding, FindingSource, Severity
from pipeline.gates.gate import Gate
from pipeline.ports import ChangedFile, EntryKind, JournalEntry, JournalKey, Usage
from pipeline.records import NewChangeRequest, RunPurpose
from pipeline.settings.runtime import RuntimeSettings, SecuritySettings
from pipeline.snapshots import turn_diffs
from pipeline.store.change_requests import ChangeRequests
from pipeline.store.effects import Effects
from pipeline.store.engine import Database
from pipeline.store.events import Events
from pipeline.store.gates import Gates
from pipeline.store.journal import PostgresJournal
from pipeline.store.learnings import Learnings
from pipeline.store.leases import Leases
from pipeline.store.ledger import PostgresLedger
from pipeline.store.pull_requests import PullRequests
from pipeline.store.work import Work
from tests.effects import push
from tests.gates import release

CR = "cr-1"
SNAPSHOTS = ("1" * 40, "2" * 40, "3" * 40)
"""Of the three states of a tree that `turned` leaves."""
TARGET = RepositoryTarget(name="sample", remote="/srv/sample", base_branch="main")


async def queued(store: Database, cr_id: str = CR, *, requester_may_approve: bool = True, **fields: Any) -> None:
    configuration = RuntimeSettings(security=SecuritySettings(requester_may_approve=requester_may_approve))
    new = NewChangeRequest(
        id=cr_id, title="Add a greeting", body="Say hello.", created_by="local", repositories=(TARGET,),
        settings_snapshot=configuration.snapshot(), **fields,
    )  # fmt: skip
    async with store.transaction() as connection:
        await ChangeRequests(connection).create(new)


async def running(store: Database, cr_id: str = CR, stage: Stage = Stage.DEVELOPMENT) -> int:
    async with store.transaction() as connection:
        await ChangeRequests(connection).move(cr_id, Move.DISPATCH)
        await ChangeRequests(connection).enter_stage(cr_id, stage)
        return await Leases(connection).take(cr_id, "ctl", lost_after=timedelta(hours=1))


async def paused(store: Database, reason: PauseReason, cr_id: str = CR, stage: Stage = Stage.DEVELOPMENT) -> None:
    epoch = await running(store, cr_id, stage)
    async with store.transaction() as connection:
        await ChangeRequests(connection).move(cr_id, Move.PAUSE, reason=reason, message="Stopped.", facts={"loops": 3})
        await Events(connection).append(cr_id, events.Warned(message="paused"))
        await Leases(connection).release(cr_id, epoch)


async def at_gate(store: Database, cr_id: str = CR, content_hash: str = "hash-1") -> Gate:
    epoch = await running(store, cr_id, Stage.RELEASE_GATE)
    async with store.transaction() as connection:
        gate, _ = await Gates(connection).open(
            cr_id=cr_id, attempt=1, activation="a", content=release(), content_hash=content_hash
        )
        await ChangeRequests(connection).move(cr_id, Move.WAIT, wait=WaitKind.GATE, wait_id=gate.id)
        await Leases(connection).release(cr_id, epoch)
    return gate


async def worked(store: Database, cr_id: str = CR) -> None:
    """Leave one row of everything a stage can leave."""
    journal, key = (
        PostgresJournal(store),
        JournalKey(cr_id=cr_id, attempt=1, activation="a", role="code_writer", instance="1"),
    )
    prompt = await journal.put_blob(b"Role: code_writer\nWrite code.")
    bodies: list[tuple[EntryKind, dict[str, Any]]] = [
        (EntryKind.OPENED, {"system": prompt}),
        (EntryKind.ASKED, {"turn": 1}),
        (EntryKind.ANSWERED, {"turn": 1}),
    ]
    for seq, (kind, body) in enumerate(bodies):
        await journal.append(key, JournalEntry(seq=seq, kind=kind, body=body))
    ledger = PostgresLedger(
        store, cr_id=cr_id, attempt=1, budget_usd=Decimal(50), call_budget_usd=Decimal(10), stage_budget_usd=None
    )
    _, reserved = [
        await ledger.reserve(
            key=key, role="code_writer", stage="development", repository="sample", model="m",
            worst_case_usd=Decimal("0.5"),
        )
        for key in ("k0", "k1")
    ]  # fmt: skip
    usage = Usage(input_tokens=10, cache_write_tokens=5, cache_read_tokens=90, output_tokens=3)
    await ledger.settle(reserved, usage=usage, cost_usd=Decimal("0.0125"), latency_s=0.2)
    finding = Finding(source=FindingSource.SECURITY_REVIEWER, severity=Severity.MAJOR, category="c", message="m")
    async with store.transaction() as connection:
        work = Work(connection, cr_id=cr_id, attempt=1)
        await work.save_spec(repository="sample", activation="a", feature="Feature: greeting", spec={"scenarios": 1})
        await work.save_test_run(
            repository="sample", stage=Stage.DEVELOPMENT, activation="a", purpose=RunPurpose.GREEN_SUITE, commit="h" * 40, ok=True,
            report={"passed": 3}, verdict={"ok": True},
        )  # fmt: skip
        await work.save_findings(
            repository="sample", stage=Stage.REVIEW, activation="a", reporter="quality_reviewer", found=[finding]
        )
        await ChangeRequests(connection).record_progress(
            cr_id, "sample", base_commit="b" * 40, head_commit="h" * 40, branch=f"changeline/{cr_id}"
        )
        await ChangeRequests(connection).store_structured(cr_id, {"criteria": ["It says hello."]})
        await Learnings(connection).propose(cr_id, repository="sample", text="Run make.", evidence="It failed twice.")
        await Effects(connection).intend(key="push", cr_id=cr_id, repository="sample", payload=push(commit="h" * 40))
        await PullRequests(connection).save(
            cr_id, 1, "sample", title="t", body="b", base_branch="main", head_branch=f"changeline/{cr_id}",
            head_commit="h" * 40,
        )  # fmt: skip
        await Events(connection).append(cr_id, events.StageEntered(stage=Stage.DEVELOPMENT))


async def turned(store: Database, cr_id: str = CR) -> None:
    """Leave a conversation of three turns of which the second changed nothing; what the third changed is kept, the rest is not."""
    first, second, third = SNAPSHOTS
    journal = PostgresJournal(store)
    system = await journal.put_blob(b"Role: code_writer")
    # What a tool printed looks like an entry's own fields, and means nothing.
    shown = [{"type": "tool_result", "content": f'{{"commit":"{"f" * 40}"}}'}]
    bodies: list[tuple[EntryKind, dict[str, Any]]] = [
        (EntryKind.OPENED, {"system": system, "commit": first}),
        (EntryKind.OBSERVED, {"turn": 1, "results": shown, "commit": second, "submission": None}),
        (EntryKind.OBSERVED, {"turn": 2, "results": shown, "commit": None, "submission": None}),
        (EntryKind.OBSERVED, {"turn": 3, "results": [], "commit": third, "submission": {"summary": "Done."}}),
    ]
    key = JournalKey(cr_id=cr_id, attempt=1, activation="b", role="code_writer", instance="sample/1")
    for seq, (kind, body) in enumerate(bodies):
        await journal.append(key, JournalEntry(seq=seq, kind=kind, body=body))
    file = ChangedFile(path="a.py", status="M", added=1, removed=1)
    patch = "diff --git a/a.py b/a.py\n--- a/a.py\n+++ b/a.py\n@@ -1 +1 @@\n-x = 1\n+x = 2\n"
    kept = turn_diffs.TurnDiff(before=second, after=third, files=(file,), patch=patch, truncated=False)
    async with store.transaction() as connection:
        await Work(connection, cr_id=cr_id, attempt=1).save_artifact(
            kind=turn_diffs.TURN_DIFF.kind, name=turn_diffs.name_of(key, 3), content=turn_diffs.TURN_DIFF.encoded(kept),
            media_type="application/json", facts={},
        )  # fmt: skip


async def with_evidence(store: Database, content: bytes, cr_id: str = CR) -> None:
    async with store.transaction() as connection:
        work = Work(connection, cr_id=cr_id, attempt=1)
        await work.save_artifact(
            kind="evidence", name="bundle.json", content=content, media_type="application/json", facts={}
        )
