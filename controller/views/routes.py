"""What people look at in one change request."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from controller.auth.principals import Viewer
from controller.context import Context
from controller.parameters import ChangeRequestId, Filter
from controller.text import Searched
from controller.views import request_texts, schemas, service
from pipeline.evidence.export import EvidenceFormat

router = APIRouter(prefix="/api/v1/change-requests/{cr_id}", tags=["views"])

Attempt = Annotated[int | None, Query(ge=1, le=10_000)]


@router.get("/request")
async def get_request(context: Context, principal: Viewer, cr_id: ChangeRequestId) -> schemas.RequestTexts:
    """Return every text that the request has had, each with what it changed."""
    return await request_texts.texts(context, principal, cr_id)


@router.get("/spec")
async def get_spec(
    context: Context, principal: Viewer, cr_id: ChangeRequestId, attempt: Attempt = None
) -> schemas.SpecList:
    """Return the behaviour specs with all their revisions."""
    return await service.specs(context, principal, cr_id, attempt)


@router.get("/diff")
async def get_diff(
    context: Context, principal: Viewer, cr_id: ChangeRequestId, repository: Filter = None
) -> schemas.DiffList:
    """Return what the change does to each repository."""
    return await service.diffs(context, principal, cr_id, repository)


@router.get("/rebases")
async def get_rebases(context: Context, principal: Viewer, cr_id: ChangeRequestId) -> schemas.RebaseList:
    """Return what moved under the change, and what each rebase made of it."""
    return await service.rebases(context, principal, cr_id)


@router.get("/tests")
async def get_tests(
    context: Context, principal: Viewer, cr_id: ChangeRequestId, attempt: Attempt = None
) -> schemas.TestRunList:
    """Return the pipeline's own test runs."""
    return await service.test_runs(context, principal, cr_id, attempt)


@router.get("/findings")
async def get_findings(
    context: Context, principal: Viewer, cr_id: ChangeRequestId, attempt: Attempt = None
) -> schemas.FindingList:
    """Return what reviewers and checks reported."""
    return await service.findings(context, principal, cr_id, attempt)


@router.get("/cost")
async def get_cost(context: Context, principal: Viewer, cr_id: ChangeRequestId) -> schemas.CostView:
    """Return where the money went."""
    return await service.cost(context, principal, cr_id)


@router.get("/conversation")
async def get_conversation(
    context: Context,
    principal: Viewer,
    cr_id: ChangeRequestId,
    *,
    cursor: Annotated[Searched | None, Query(max_length=1000)] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
    attempt: Attempt = None,
    activation: Filter = None,
    role: Filter = None,
    instance: Filter = None,
) -> schemas.ConversationPage:
    """Return what agents and the pipeline said to each other, entry by entry."""
    wanted = {"attempt": attempt, "activation": activation, "role": role, "instance": instance}
    return await service.conversation(context, principal, cr_id, cursor=cursor, limit=limit, wanted=wanted)


@router.get("/evidence", responses={200: {"content": {"application/json": {}}}})
async def get_evidence(
    context: Context,
    principal: Viewer,
    cr_id: ChangeRequestId,
    *,
    download: bool = False,
    form: Annotated[EvidenceFormat, Query(alias="format")] = EvidenceFormat.BUNDLE,
) -> Response:
    """Return the signed evidence: the bundle, byte for byte, or an in-toto statement in a DSSE envelope.

    `download` names it as a file.
    """
    content = await service.evidence(context, principal, cr_id, form)
    ending = "json" if form is EvidenceFormat.BUNDLE else "dsse.json"
    name = f'attachment; filename="{cr_id}-evidence.{ending}"'
    headers = {"Content-Disposition": name} if download else {}
    return Response(content, media_type="application/json", headers=headers)
