"""Every text that a request has had, each with what it changed."""

import asyncio
import difflib
from collections.abc import Sequence

from controller.context import ControllerContext
from controller.views import schemas
from pipeline.access import Principal
from pipeline.records import RequestRevision
from pipeline.store.change_requests import ChangeRequests
from pipeline.store.request_revisions import PROPOSED, TAKEN, RequestRevisions, in_use

COMPARED_MAX_LINES = 5_000
"""Beyond, both texts are shown without their difference: finding it takes time that grows with the square."""


async def texts(context: ControllerContext, principal: Principal, cr_id: str) -> schemas.RequestTexts:
    """Return the texts of a request, oldest first."""
    async with context.database.transaction(principal.tenant) as connection:
        cr = await ChangeRequests(connection).get(cr_id)
        found = await RequestRevisions(connection).of(cr)
    items = await asyncio.to_thread(_views, found)
    proposed = next((one.revision for one in found if one.state == PROPOSED), None)
    return schemas.RequestTexts(in_use=in_use(found).revision, proposed=proposed, items=items)


def _views(found: Sequence[RequestRevision]) -> list[schemas.RequestTextView]:
    views, before = [], None
    for one in found:
        views.append(_view(one, before))
        if one.state == TAKEN:
            before = one
    return views


def _view(one: RequestRevision, before: RequestRevision | None) -> schemas.RequestTextView:
    names = schemas.RequestTextView.model_fields.keys() - {"compared_with", "diff"}
    diff = _difference(before.text, one.text) if before else ""
    compared_with = before.revision if before and diff is not None else None
    return schemas.RequestTextView(
        **{name: getattr(one, name) for name in names}, compared_with=compared_with, diff=diff or ""
    )


def _difference(old: str, new: str) -> str | None:
    """Return a unified diff of two texts, None when they are too long to be compared."""
    before, after = old.splitlines(), new.splitlines()
    if len(before) + len(after) > COMPARED_MAX_LINES:
        return None
    lines = difflib.unified_diff(before, after, "a/request", "b/request", lineterm="")
    return "".join(f"{line}\n" for line in lines)
