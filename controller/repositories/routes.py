"""Registered repositories: read by all, added by admins."""

from fastapi import APIRouter, Response

from controller.auth.principals import Admin, Operator, Viewer
from controller.context import Context
from controller.parameters import Identifier
from controller.repositories import service
from controller.repositories.schemas import (
    RegisteredRepository,
    RepositoryCheck,
    RepositoryList,
    RepositoryRegistration,
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
    """Look at a repository and register it."""
    stored = await service.register(context, principal, asked)
    response.headers["Location"] = f"/api/v1/repositories/{stored.repository.name}"
    return stored


@router.get("/{name}")
async def get_repository(context: Context, principal: Viewer, name: Identifier) -> RegisteredRepository:
    """Return one repository."""
    return await service.one(context, principal, name)


@router.post("/{name}/check")
async def check_repository(context: Context, principal: Operator, name: Identifier) -> RepositoryCheck:
    """Look at a registered repository now: reachable, base branch there, tests found."""
    return await service.check(context, principal, name)
