"""Reading what stages produced. Nothing here changes anything."""

import asyncio
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from controller import paging
from controller.change_requests.schemas import budget_of, plain_usd
from controller.context import ControllerContext
from controller.errors import NotThereYet
from controller.views import schemas
from pipeline.access import Principal
from pipeline.coding import moved_bases
from pipeline.errors import CallerError, NotFound
from pipeline.evidence import inspection_records
from pipeline.evidence.bundle import ReviewRecord
from pipeline.evidence.export import EvidenceFormat, as_attestation
from pipeline.records import ModelCall, RepositoryProgress
from pipeline.store.board import Board, Spending
from pipeline.store.change_requests import ChangeRequests
from pipeline.store.conversations import ConversationEntry, Conversations, Position
from pipeline.store.ledger import calls
from pipeline.store.work import Work

_SHA256 = re.compile(r"[0-9a-f]{64}")
_TEXT_MAX = 200_000


async def specs(context: ControllerContext, principal: Principal, cr_id: str, attempt: int | None) -> schemas.SpecList:
    """Return every revision of an attempt's specs; the present attempt by default."""
    async with context.database.transaction(principal.tenant) as connection:
        number = attempt or (await ChangeRequests(connection).get(cr_id)).attempt
        found = await Work(connection, cr_id=cr_id, attempt=number).specs()
    items = [schemas.SpecView(**{name: getattr(one, name) for name in schemas.SpecView.model_fields}) for one in found]
    return schemas.SpecList(attempt=number, items=items)


async def diffs(
    context: ControllerContext, principal: Principal, cr_id: str, repository: str | None
) -> schemas.DiffList:
    """Return what changed between base and head of each repository."""
    async with context.database.transaction(principal.tenant) as connection:
        await ChangeRequests(connection).get(cr_id)
        progress = await ChangeRequests(connection).progress(cr_id)
    wanted = [one for one in progress if repository in {None, one.target.name}]
    if repository is not None and not wanted:
        raise NotFound("repository of this change request", repository)
    return schemas.DiffList(items=[await _diff(context, principal.tenant, one) for one in wanted])


async def rebases(context: ControllerContext, principal: Principal, cr_id: str) -> schemas.RebaseList:
    """Return the moves of base branches under the present attempt."""
    items: list[schemas.RebaseView] = []
    async with context.database.transaction(principal.tenant) as connection:
        cr = await ChangeRequests(connection).get(cr_id)
        work = Work(connection, cr_id=cr_id, attempt=cr.attempt)
        for name in [one.target.name for one in await ChangeRequests(connection).progress(cr_id)]:
            stored = await work.find_artifact(moved_bases.MOVES.kind, moved_bases.name_of(name))
            moves = moved_bases.MOVES.decoded(stored) if stored is not None else []
            items += [schemas.RebaseView(repository=name, **dict(one)) for one in moves if one.attempt == cr.attempt]
    return schemas.RebaseList(items=items)


async def test_runs(
    context: ControllerContext, principal: Principal, cr_id: str, attempt: int | None
) -> schemas.TestRunList:
    """Return the pipeline's own test runs of an attempt."""
    async with context.database.transaction(principal.tenant) as connection:
        number = attempt or (await ChangeRequests(connection).get(cr_id)).attempt
        rows = await Work(connection, cr_id=cr_id, attempt=number).test_runs()
    items = [
        schemas.TestRunView(**{name: getattr(row, name) for name in schemas.TestRunView.model_fields}) for row in rows
    ]
    return schemas.TestRunList(attempt=number, items=items)


async def findings(
    context: ControllerContext, principal: Principal, cr_id: str, attempt: int | None
) -> schemas.FindingList:
    """Return what reviewers and checks reported in an attempt."""
    async with context.database.transaction(principal.tenant) as connection:
        number = attempt or (await ChangeRequests(connection).get(cr_id)).attempt
        work = Work(connection, cr_id=cr_id, attempt=number)
        found, inspections = await work.findings(), await work.artifacts(inspection_records.INSPECTION.kind)
    items = [
        schemas.FindingView(
            repository=repository, source=one.source, severity=one.severity, blocking=one.blocking,
            category=one.category, message=one.message, file=one.file, line=one.line, remedy=one.remedy,
        )
        for repository, one in found
    ]  # fmt: skip
    return schemas.FindingList(attempt=number, items=items, judges=_judges(inspections))


def _judges(inspections: Sequence[bytes]) -> list[schemas.JudgeView]:
    """Return the last inspection of each judge, in the order in which they judged first."""
    last: dict[tuple[str, str], schemas.JudgeView] = {}
    for content in inspections:
        judged = ReviewRecord.model_validate_json(content)
        if judged.inspection is not None:
            last[judged.reviewer, judged.repository] = schemas.JudgeView(
                role=judged.reviewer, repository=judged.repository, verdict=judged.verdict,
                **judged.inspection.model_dump(),
            )  # fmt: skip
    return list(last.values())


async def cost(context: ControllerContext, principal: Principal, cr_id: str) -> schemas.CostView:
    """Return where the money of a change request went, over all attempts."""
    async with context.database.transaction(principal.tenant) as connection:
        cr = await ChangeRequests(connection).get(cr_id)
        board = Board(connection)
        total = (await board.spending(cr_id=cr_id))[0]
        by_stage, by_role, by_model = [
            await board.spending(cr_id=cr_id, by=[name]) for name in ("stage", "role", "model")
        ]
        rows = await calls(connection, cr_id)
    return schemas.CostView(
        budget_usd=plain_usd(budget_of(cr.settings_snapshot)),
        total=_spending(total),
        by_stage=[_spending(one) for one in by_stage],
        by_role=[_spending(one) for one in by_role],
        by_model=[_spending(one) for one in by_model],
        calls=[_call(row) for row in rows],
    )


async def conversation(
    context: ControllerContext,
    principal: Principal,
    cr_id: str,
    *,
    cursor: str | None,
    limit: int,
    wanted: Mapping[str, Any],
) -> schemas.ConversationPage:
    """Return journal entries, oldest first. `wanted` filters by attempt, activation, role or instance."""
    after = _position(cursor) if cursor else None
    async with context.database.transaction(principal.tenant) as connection:
        await ChangeRequests(connection).get(cr_id)
        journal = Conversations(connection, cr_id=cr_id)
        found = await journal.page(limit=limit + 1, after=after, **wanted)
        shown = found[:limit]
        texts = await journal.texts(sorted({name for entry in shown for name in _hashes_in(entry.body)}))
        summaries = await journal.summaries() if after is None else []
    fields = schemas.ConversationView.model_fields
    last = shown[-1].position if len(found) > limit else None
    return schemas.ConversationPage(
        conversations=[schemas.ConversationView(**{name: getattr(one, name) for name in fields}) for one in summaries],
        items=[_entry(entry, texts) for entry in shown],
        next_cursor=paging.encode([last[0].isoformat(), *last[1:]]) if last else None,
    )


async def evidence(context: ControllerContext, principal: Principal, cr_id: str, form: EvidenceFormat) -> bytes:
    """Return the evidence bundle as it was stored, byte for byte, or signed again in another form."""
    content = await _bundle(context, principal, cr_id)
    if form is EvidenceFormat.BUNDLE:
        return content
    return await asyncio.to_thread(as_attestation, content, context.wiring.keys, context.wiring.signatures)


async def _bundle(context: ControllerContext, principal: Principal, cr_id: str) -> bytes:
    async with context.database.transaction(principal.tenant) as connection:
        cr = await ChangeRequests(connection).get(cr_id)
        try:
            return await Work(connection, cr_id=cr_id, attempt=cr.attempt).artifact("evidence", "bundle.json")
        except NotFound as missing:
            raise NotThereYet(
                f"Change request {cr_id} has no evidence bundle so far.", field="evidence",
                remedy="It is made before the release gate; look at spec, tests and findings until then.",
                status=cr.status.value,
            ) from missing  # fmt: skip


async def _diff(context: ControllerContext, tenant: str, progress: RepositoryProgress) -> schemas.RepositoryDiffView:
    name, base, head = progress.target.name, progress.base_commit, progress.head_commit
    if base is None or head is None:
        return schemas.RepositoryDiffView(repository=name, base=base, head=head, files=[], patch="", truncated=False)
    found = await context.wiring.diffs.read(tenant, progress.target, base, head)
    fields = schemas.ChangedFileView.model_fields
    files = [schemas.ChangedFileView(**{field: getattr(one, field) for field in fields}) for one in found.files]
    return schemas.RepositoryDiffView(
        repository=name, base=base, head=head, files=files, patch=found.patch, truncated=found.truncated
    )


def _spending(one: Spending) -> schemas.SpendingView:
    return schemas.SpendingView(
        group=dict(one.group), calls=one.calls, spent_usd=plain_usd(one.settled_usd),
        reserved_usd=plain_usd(one.reserved_usd), input_tokens=one.input_tokens,
        cache_write_tokens=one.cache_write_tokens, cache_read_tokens=one.cache_read_tokens,
        output_tokens=one.output_tokens, estimated_calls=one.estimated_calls,
    )  # fmt: skip


def _call(row: ModelCall) -> schemas.CallView:
    values = {name: getattr(row, name) for name in schemas.CallView.model_fields}
    money = {name: plain_usd(getattr(row, name)) for name in ("worst_case_usd", "cost_usd")}
    return schemas.CallView(**{**values, **money})


def _entry(entry: ConversationEntry, texts: Mapping[str, str]) -> schemas.EntryView:
    fields = [name for name in schemas.EntryView.model_fields if name != "body"]
    body = {key: _with_text(value, texts) for key, value in entry.body.items()}
    return schemas.EntryView(**{name: getattr(entry, name) for name in fields}, body=body)


def _with_text(value: Any, texts: Mapping[str, str]) -> Any:
    if not isinstance(value, str) or value not in texts:
        return value
    text = texts[value]
    return {"sha256": value, "text": text[:_TEXT_MAX], "truncated": len(text) > _TEXT_MAX}


def _hashes_in(body: Mapping[str, Any]) -> list[str]:
    return [value for value in body.values() if isinstance(value, str) and _SHA256.fullmatch(value)]


def _position(cursor: str) -> Position:
    at, activation, role, instance, seq = paging.decode(cursor, str, str, str, str, int)
    try:
        return (datetime.fromisoformat(at), activation, role, instance, seq)
    except ValueError as error:
        raise CallerError("This cursor is not one of ours.", field="cursor", remedy="Start without one.") from error
