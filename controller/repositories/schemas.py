"""Registered repositories as people see and add them."""

from typing import TYPE_CHECKING

from pydantic import BaseModel

from controller.change_requests.schemas import Remote, RepositoryChoice
from pipeline.change_request import RepositoryTarget

if TYPE_CHECKING:  # the command line reads these models too, and waits for no database driver
    from controller.wiring import InspectedRepository


class RepositoryRegistration(RepositoryChoice):
    """A repository to register; `remote` is needed, the rest is found."""

    remote: Remote
    """An absolute path or a URL without credentials."""


class RegisteredRepository(BaseModel):
    """A repository that change requests can name."""

    name: str
    remote: str
    base_branch: str
    test_command: str | None
    behaviour_path: str | None
    merge_strategy: str


class RepositoryList(BaseModel):
    """All registered repositories by name."""

    items: list[RegisteredRepository]


class RepositoryCheck(BaseModel):
    """What was found at a repository just now."""

    repository: RegisteredRepository
    base_commit: str
    stack: str
    test_command: str
    warnings: list[str]


def registered_view(target: RepositoryTarget) -> RegisteredRepository:
    """Return a repository as the API shows it."""
    return RegisteredRepository(**{name: getattr(target, name) for name in RegisteredRepository.model_fields})


def check_view(target: RepositoryTarget, found: "InspectedRepository") -> RepositoryCheck:
    """Return what an inspection found."""
    return RepositoryCheck(
        repository=registered_view(target), base_commit=found.base_commit, stack=found.stack,
        test_command=found.test_command, warnings=list(found.warnings),
    )  # fmt: skip
