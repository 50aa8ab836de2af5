"""Registered repositories: read by all, added by admins."""

from fastapi import APIRouter, Response

from controller.auth.principals import Admin, Operator, Viewer
from controller.context import Context
from controller.parameters import Identifier
from controller.repositories import service, surveys
from controller.repositories.schemas import (
    RegisteredRepository,
    RepositoryCheck,
    RepositoryList,
    RepositoryRegistration,
    SurveyView,
)

router = APIRouter(prefix="/api/v1/repositories", tags=["repositories"])


@router.get("")
async def list_repositories(context: Context, principal: Viewer) -> RepositoryList:
    """Return all registered repositories."""
    return await service.every(context, principal)


@router.post("", status_code=201)
async def register_repository(
    context: Context, principal: Admin, asked: RepositoryRegistration, response: Response
) -> RepositoryCheck:
    """Look at a repository, register it and have it checked."""
    stored = await service.register(context, principal, asked)
    response.headers["Location"] = f"/api/v1/repositories/{stored.repository.name}"
    return stored


@router.get("/{name}")
async def get_repository(context: Context, principal: Viewer, name: Identifier) -> RegisteredRepository:
    """Return one repository."""
    return await service.one(context, principal, name)


@router.post("/{name}/check")
async def check_repository(
    context: Context, principal: Operator, name: Identifier, *, only_if_changed: bool = False
) -> RepositoryCheck:
    """Look at a registered repository now, and have it checked: built, and its suite run twice.

    The answer does not wait for the check. While one is under way, no other begins; with `only_if_changed` one begins only
    where the repository was checked in another state of its manifests.
    """
    return await service.check(context, principal, name, only_if_changed=only_if_changed)


@router.get("/{name}/check")
async def get_repository_check(context: Context, principal: Viewer, name: Identifier) -> SurveyView:
    """Return how the newest check of a repository stands, and what it found."""
    return await surveys.newest(context, principal, name)


@router.delete("/{name}/check")
async def cancel_repository_check(context: Context, principal: Operator, name: Identifier) -> SurveyView:
    """Stop the check that is under way; what an earlier one found stays."""
    return await surveys.cancel(context, principal, name)
