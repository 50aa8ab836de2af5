"""What turns changed: from the database, where it is kept; for a conversation that is not over, from the git cache."""

from dataclasses import asdict

from controller.context import ControllerContext
from controller.errors import NoLongerThere
from controller.turns import schemas
from controller.views.schemas import ChangedFileView, RepositoryDiffView
from controller.wiring import RepositoryDiff
from pipeline.access import Principal
from pipeline.errors import NotFound
from pipeline.ports import JournalKey
from pipeline.records import RepositoryProgress
from pipeline.snapshots import turn_diffs
from pipeline.store.change_requests import ChangeRequests
from pipeline.store.turns import EditingConversation, Turn, editing_conversations
from pipeline.store.work import Work


async def turns(context: ControllerContext, principal: Principal, cr_id: str) -> schemas.EditingConversationList:
    """Return the conversations in which anything changed."""
    async with context.database.transaction(principal.tenant) as connection:
        await ChangeRequests(connection).get(cr_id)
        found = await editing_conversations(connection, cr_id)
    return schemas.EditingConversationList(items=[_conversation(one) for one in found])


async def turn_diff(
    context: ControllerContext, principal: Principal, cr_id: str, *, commit: str, since: schemas.Since
) -> schemas.TurnDiffView:
    """Return what a turn changed. Raises `NoLongerThere` when neither database nor cache has it."""
    async with context.database.transaction(principal.tenant) as connection:
        cr = await ChangeRequests(connection).get(cr_id)
        progress = await ChangeRequests(connection).progress(cr_id)
        of, turn = _choose(await editing_conversations(connection, cr_id), commit)
        before = of.since if since is schemas.Since.CONVERSATION else turn.since
        found = await _read_stored(Work(connection, cr_id=cr_id, attempt=cr.attempt), cr_id, of, turn, before)
    if found is None:
        found = await _from_cache(context, principal.tenant, progress, of, before, commit)
    if found is None:
        raise _gone(turn, of)
    return schemas.TurnDiffView(
        conversation=_conversation(of), turn=turn.turn, since=since, diff=_view(of, before, commit, found)
    )


def _choose(found: list[EditingConversation], commit: str) -> tuple[EditingConversation, Turn]:
    for one in found:
        for turn in one.turns:
            if turn.commit == commit:
                return one, turn
    remedy = "List the turns of this change request; only those that changed files are among them."
    raise NotFound("turn", commit, remedy=remedy)


async def _read_stored(
    work: Work, cr_id: str, of: EditingConversation, turn: Turn, before: str
) -> RepositoryDiff | None:
    key = JournalKey(cr_id=cr_id, attempt=of.attempt, activation=of.activation, role=of.role, instance=of.instance)
    name = turn_diffs.name_of(key, turn.turn if before == turn.since else None)
    content = await work.find_artifact(turn_diffs.TURN_DIFF.kind, name)
    kept = turn_diffs.TURN_DIFF.decoded(content) if content is not None else None
    if kept is None or (kept.before, kept.after) != (before, turn.commit):
        return None
    return RepositoryDiff(files=kept.files, patch=kept.patch, truncated=kept.truncated)


async def _from_cache(
    context: ControllerContext,
    tenant: str,
    progress: list[RepositoryProgress],
    of: EditingConversation,
    before: str,
    commit: str,
) -> RepositoryDiff | None:
    target = next((one.target for one in progress if one.target.name == of.repository), None)
    if target is None or not await context.wiring.diffs.holds(tenant, target, before, commit):
        return None
    return await context.wiring.diffs.read(tenant, target, before, commit)


def _gone(turn: Turn, of: EditingConversation) -> NoLongerThere:
    return NoLongerThere(
        f"What turn {turn.turn} changed is no longer kept: its difference was not stored, and the git cache of this "
        "machine does not have its snapshot.",
        field="commit", remedy="Look at the whole change, or read the conversation, which names every tool call.",
        turn=turn.turn, repository=of.repository, commit=turn.commit,
    )  # fmt: skip


def _view(of: EditingConversation, before: str, commit: str, found: RepositoryDiff) -> RepositoryDiffView:
    fields = ChangedFileView.model_fields
    files = [ChangedFileView(**{field: getattr(one, field) for field in fields}) for one in found.files]
    return RepositoryDiffView(
        repository=of.repository, base=before, head=commit, files=files, patch=found.patch, truncated=found.truncated
    )


def _conversation(one: EditingConversation) -> schemas.EditingConversationView:
    return schemas.EditingConversationView(**{**asdict(one), "commit": one.commit})
