"""Liveness, readiness, metrics, audit."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from controller.auth.principals import Admin
from controller.context import Context
from controller.operations import service
from controller.operations.schemas import Alive, AuditPage, Readiness
from controller.parameters import Filter
from controller.version import program_version

router = APIRouter(tags=["operations"])


@router.get("/healthz")
async def healthz() -> Alive:
    """Answer that this process is alive."""
    return Alive(status="ok", version=program_version())


@router.get("/readyz", responses={503: {"model": Readiness, "description": "Not ready; `checks` says why."}})
async def readyz(context: Context, response: Response) -> Readiness:
    """Answer whether this controller can do its work."""
    state = await service.readiness(context)
    response.status_code = 200 if state.ready else 503
    return state


@router.get("/metrics", response_class=Response, responses={200: {"content": {"text/plain": {}}}})
async def metrics(context: Context) -> Response:
    """Return metrics in the Prometheus text format."""
    return Response(await service.measure(context), media_type="text/plain; version=0.0.4; charset=utf-8")


@router.get("/api/v1/audit")
async def get_audit(
    context: Context,
    principal: Admin,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
    before: Annotated[int | None, Query(ge=0, le=2**63 - 1)] = None,
    target: Filter = None,
) -> AuditPage:
    """Return who did what, newest first."""
    return await service.audit(context, principal, limit=limit, before=before, target=target)
