"""Submitting: everything is checked before anything is stored, and storing is one transaction."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace

from controller.change_requests import source_changes
from controller.change_requests.repository_access import namer
from controller.change_requests.repository_choice import Chosen, choose
from controller.change_requests.schemas import Submission
from controller.change_requests.source_changes import SaidAgain, works_on_it_already
from controller.change_requests.texts import check_size
from controller.context import ControllerContext
from controller.receivers import check_receiver
from controller.repositories import surveys
from controller.text import TITLE_MAX
from pipeline import events
from pipeline.access import Principal, Role
from pipeline.change_request import RepositoryTarget, Status
from pipeline.errors import CallerError, Conflict
from pipeline.identifiers import new_id
from pipeline.records import NewChangeRequest
from pipeline.settings.runtime import RuntimeSettings
from pipeline.store.audit import Audit
from pipeline.store.change_requests import ChangeRequests
from pipeline.store.events import Events
from pipeline.store.idempotency import IdempotencyKeys
from pipeline.store.repositories import Repositories
from pipeline.store.settings import SettingsVersions


class _KeyTaken(Exception):
    """Another request with the same key was stored first; what this one stored is rolled back."""


async def submit(
    context: ControllerContext, principal: Principal, submission: Submission, key: str | None
) -> tuple[str, list[str]]:
    """Store a queued change request and return its id and warnings.

    The same key with the same submission returns the first one's id. Another text for an issue whose change request is
    under way is kept for a decision about that one. Raises `CallerError` (or a subclass) and stores nothing when
    anything is wrong.
    """
    request_hash = _hash(submission)
    configuration, earlier, live = await _look_around(context, principal, submission, key, request_hash)
    if earlier is not None:
        return earlier, []
    if live is not None:
        return await _notice_repetition(context, principal, submission, live, configuration, (key, request_hash))
    if submission.report_url is not None:
        await check_receiver(
            context.wiring.webhooks, submission.report_url, context.settings.webhook.report_secret, "report_url"
        )
    title = _title(submission)
    check_size(title, submission.body, configuration.pipeline.request_max_bytes)
    chosen = await choose(submission.repositories, await namer(context, principal), context.wiring.inspector)
    try:
        cr_id = await _store(context, principal, submission, title, configuration, chosen, key, request_hash)
    except (_KeyTaken, Conflict):
        earlier = await _earlier(context, principal, key, request_hash)
        if earlier is None:
            raise
        return earlier, []
    await context.bells.ring(principal.tenant, "queue", "events")
    told = [await surveys.told_at_submission(context, principal, one) for one in chosen]
    return cr_id, [*filter(None, told), *(warning for one in chosen for warning in one.found.warnings)]


async def _notice_repetition(
    context: ControllerContext,
    principal: Principal,
    submission: Submission,
    live: str,
    configuration: RuntimeSettings,
    key: tuple[str | None, str],
) -> tuple[str, list[str]]:
    title = _title(submission)
    check_size(title, submission.body, configuration.pipeline.request_max_bytes)
    claimed = (key[0], key[1]) if key[0] is not None else None
    again = SaidAgain(live=live, title=title, body=submission.body, key=claimed)
    told = await source_changes.notice(context, principal, again)
    if told is None:
        raise works_on_it_already(live, f"{submission.source} {submission.external_id}")
    return live, [told]


async def _look_around(
    context: ControllerContext, principal: Principal, submission: Submission, key: str | None, request_hash: str
) -> tuple[RuntimeSettings, str | None, str | None]:
    earlier, live = await _earlier(context, principal, key, request_hash), None
    async with context.database.transaction(principal.tenant) as connection:
        if earlier is None and submission.external_id is not None:
            live = await ChangeRequests(connection).live_for(submission.source, submission.external_id)
        configuration = await SettingsVersions(connection).configuration()
        return configuration, earlier, live


async def _earlier(context: ControllerContext, principal: Principal, key: str | None, request_hash: str) -> str | None:
    if key is None:
        return None
    async with context.database.transaction(principal.tenant) as connection:
        return await IdempotencyKeys(connection, principal_id=principal.id).find(key, request_hash)


async def _store(
    context: ControllerContext,
    principal: Principal,
    submission: Submission,
    title: str,
    configuration: RuntimeSettings,
    chosen: Sequence[Chosen],
    key: str | None,
    request_hash: str,
) -> str:
    async with context.database.transaction(principal.tenant) as connection:
        registry = Repositories(connection), Audit(connection)
        targets = [await _register_if_allowed(*registry, principal, one) for one in chosen]
        new = NewChangeRequest(
            id=new_id("cr"), title=title, body=submission.body, created_by=principal.id, repositories=tuple(targets),
            settings_snapshot=configuration.snapshot(), source=submission.source,
            external_id=submission.external_id, external_url=submission.external_url, report_url=submission.report_url,
        )  # fmt: skip
        await ChangeRequests(connection).create(new)
        if key is not None:
            keys = IdempotencyKeys(connection, principal_id=principal.id)
            if not await keys.claim(key, request_hash, new.id):
                raise _KeyTaken
        await Events(connection).append(new.id, events.StatusChanged(status=Status.QUEUED, actor=principal.id))
        names = [target.name for target in targets]
        await Audit(connection).note(principal.id, "submitted", new.id, repositories=names, source=new.source)
        return new.id


async def _register_if_allowed(
    repositories: Repositories, audit: Audit, principal: Principal, one: Chosen
) -> RepositoryTarget:
    """Return the target to freeze. Only an admin's word registers what is not registered yet."""
    if one.registered or not principal.may(Role.ADMIN):
        return one.target
    known = await repositories.by_remote(one.target.remote, one.target.base_branch)
    stored = known or await repositories.register_on_the_way(one.target)
    if known is None:
        await audit.note(principal.id, "repository_registered", stored.name, remote=stored.remote, on_the_way=True)
    return replace(one.target, name=stored.name)


def _title(submission: Submission) -> str:
    if not submission.body.strip():
        raise CallerError(
            "The request is empty.", field="body", remedy="Say what should change and why, in a few sentences."
        )
    if submission.title:
        return submission.title
    first = next(line.strip() for line in submission.body.splitlines() if line.strip())
    return first.lstrip("#").strip()[:TITLE_MAX] or "Change request"


def _hash(submission: Submission) -> str:
    plain = submission.model_dump(mode="json")
    if submission.report_url is None:
        # Keys that were used before this field existed still find what they stored.
        del plain["report_url"]
    return hashlib.sha256(json.dumps(plain, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
