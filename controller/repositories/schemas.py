"""Registered repositories as people see and add them."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

from pydantic import BaseModel, StringConstraints

from controller.change_requests.schemas import Remote, RepositoryChoice
from controller.text import FilledLine
from pipeline.change_request import RepositoryTarget
from pipeline.survey.record import RepositorySurvey, SuiteVerdict, SurveyProgress, SurveyState

if TYPE_CHECKING:  # the command line reads these models too, and waits for no database driver
    from controller.wiring import InspectedRepository
    from pipeline.store.surveys import StoredSurvey


class RepositoryRegistration(RepositoryChoice):
    """A repository to register; `remote` is needed, the rest is found."""

    remote: Remote
    """An absolute path or a URL without credentials."""
    check: bool = True
    """False registers it after a look alone; it can be checked at any time."""
    accept_unprotected: Annotated[FilledLine, StringConstraints(max_length=500)] | None = None
    """Why a test command is taken although a part of it cannot be protected; every approver sees it. Else it is refused."""


class RegisteredRepository(BaseModel):
    """A repository that change requests can name."""

    name: str
    remote: str
    base_branch: str
    test_command: str | None
    behaviour_path: str | None
    merge_strategy: str
    unprotected_accepted_by: str = ""
    """The administrator who accepted a test command of which a part cannot be protected; empty where nobody did."""
    unprotected_accepted_why: str = ""


class ListedRepository(RegisteredRepository):
    """A repository with how its newest check stands."""

    check: SurveyState
    verdict: SuiteVerdict | None
    """What the last finished check says of its suites."""


class RepositoryList(BaseModel):
    """All registered repositories by name."""

    items: list[ListedRepository]


class SurveyView(BaseModel):
    """How the newest check of a repository stands, and what was found last at the same manifests."""

    repository: str
    state: SurveyState
    manifest_hash: str | None = None
    base_commit: str | None = None
    requested_by: str | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    progress: SurveyProgress | None = None
    """Where it is, while it runs."""
    message: str = ""
    """Why it came to nothing."""
    found: RepositorySurvey | None = None
    warning: str | None = None
    """What to think of before submitting a change."""


class RepositoryCheck(BaseModel):
    """What a look found at a repository just now, and how its check stands."""

    repository: RegisteredRepository
    base_commit: str
    stack: str
    test_command: str
    warnings: list[str]
    check: SurveyView


def registered_view(target: RepositoryTarget) -> RegisteredRepository:
    """Return a repository as the API shows it."""
    return RegisteredRepository(**{name: getattr(target, name) for name in RegisteredRepository.model_fields})


def listed_view(target: RepositoryTarget, newest: "StoredSurvey | None") -> ListedRepository:
    """Return a repository as the list shows it."""
    record = newest.record if newest is not None else None
    return ListedRepository(
        **registered_view(target).model_dump(),
        check=newest.state if newest is not None else SurveyState.NEVER,
        verdict=record.verdict if record is not None else None,
    )


def survey_view(name: str, newest: "StoredSurvey | None") -> SurveyView:
    """Return how a check stands."""
    if newest is None:
        return SurveyView(repository=name, state=SurveyState.NEVER)
    running = newest.state is SurveyState.RUNNING
    return SurveyView(
        repository=name, state=newest.state, manifest_hash=newest.manifest_hash, base_commit=newest.base_commit,
        requested_by=newest.requested_by, started_at=newest.started_at, finished_at=newest.finished_at,
        progress=newest.progress if running else None, message=newest.message, found=newest.record,
        warning=newest.record.warning if newest.record is not None else None,
    )  # fmt: skip


def check_view(target: RepositoryTarget, found: "InspectedRepository", check: SurveyView) -> RepositoryCheck:
    """Return what a look found, and how the check stands."""
    return RepositoryCheck(
        repository=registered_view(target), base_commit=found.base_commit, stack=found.stack,
        test_command=found.test_command, warnings=list(found.warnings), check=check,
    )  # fmt: skip
