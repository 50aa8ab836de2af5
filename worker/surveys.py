"""The process that checks one repository: reads what is wanted, works in the sandbox, says that it lives, stores what it found.

Problem: a check builds and runs other people's code for minutes, which is no work for the controller, and it may be wanted no
more, or die. Choice: a process of its own, forked like a worker, that owns one run of one repository; the row of the run is all
that it and the controller say to each other. Invariants: it writes under its run's id alone, so a newer run is never touched;
one check at a time works on this machine, and the trees of one that was killed go with the next; no model is asked.
"""

import asyncio
import contextlib
import os
import traceback
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any

import structlog

from pipeline.adapters.environments.cache import SandboxEnvironments
from pipeline.adapters.sandbox.bubblewrap import start_sandbox
from pipeline.adapters.sandbox.start_up_check import Places
from pipeline.change_request import RepositoryTarget
from pipeline.errors import ChangelineError, DatabaseAway
from pipeline.identifiers import new_id
from pipeline.machine import tree_walk
from pipeline.machine.file_locks import locked
from pipeline.ports import Isolation
from pipeline.settings.process import ProcessSettings
from pipeline.settings.runtime import RuntimeSettings
from pipeline.store.engine import Database
from pipeline.store.repositories import Repositories
from pipeline.store.settings import SettingsVersions
from pipeline.store.surveys import Surveys
from pipeline.survey.record import RepositorySurvey, SurveyProgress, SurveyState
from pipeline.survey.surveying import Ground, survey
from worker.wiring import data_directory, database_url, open_repositories, own_author

DONE_EXIT = 0
UNWANTED_EXIT = 75
BEAT_S = 1.0
_NICE = 5
"""Change requests go first where they and a check want the same core."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SurveyOrder:
    """One run of a check to carry out."""

    tenant: str
    survey_id: str


def run(order: SurveyOrder, settings: ProcessSettings, isolation: Isolation | None = None) -> int:
    """Carry out one check in this process; returns the exit code. `isolation` saves another look at this machine."""
    os.nice(_NICE)
    return asyncio.run(carry_out(order, settings, isolation))


async def carry_out(order: SurveyOrder, settings: ProcessSettings, isolation: Isolation | None = None) -> int:
    """Check, and store what was found or why nothing was; however it goes, the run has ended afterwards."""
    database = Database(database_url(settings), tenant=order.tenant, pool_max=2, name=f"survey:{order.survey_id}")
    try:
        async with database.transaction() as connection:
            wanted = await Surveys(connection).get(order.survey_id)
            if wanted is None or wanted.state is not SurveyState.RUNNING:
                return UNWANTED_EXIT
            target = await Repositories(connection).get(wanted.repository)
            runtime = await SettingsVersions(connection).configuration()
        told = _Told(order.survey_id, database)
        work = _checked(order, target, runtime, settings, isolation, told)
        return await _ended(told, work, settings.environment.check_timeout_s)
    finally:
        await database.close()


@dataclass(slots=True)
class _Told:
    """What others see of the run: where it is, and that it lives."""

    survey_id: str
    database: Database
    progress: SurveyProgress = field(default_factory=SurveyProgress)
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    async def at(self, progress: SurveyProgress) -> None:
        """Say where the run is; the next beat carries it."""
        self.progress = progress
        self.changed.set()

    async def until_unwanted(self) -> None:
        """Beat until the run is cancelled, or is not the newest any more."""
        while True:
            with contextlib.suppress(DatabaseAway):  # it may come back before the run counts as lost
                async with self.database.transaction() as connection:
                    if not await Surveys(connection).beat(self.survey_id, self.progress):
                        return
            self.changed.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.changed.wait(), BEAT_S)

    async def end(self, state: SurveyState, record: RepositorySurvey | None = None, message: str = "") -> int:
        """Store how the run ended."""
        async with self.database.transaction() as connection:
            stored = await Surveys(connection).end(self.survey_id, state, record=record, message=message)
        structlog.get_logger().info("repository_checked", survey=self.survey_id, state=state.value, stored=stored)
        return DONE_EXIT if stored else UNWANTED_EXIT


async def _ended(told: _Told, work: Coroutine[Any, Any, RepositorySurvey], longest_s: float) -> int:
    """Do the work until it is done, unwanted or late. The one handler around a check: whatever breaks becomes its message."""
    checking = asyncio.create_task(work, name="check")
    beating = asyncio.create_task(told.until_unwanted(), name="beats")
    done, _ = await asyncio.wait({checking, beating}, timeout=longest_s, return_when=asyncio.FIRST_COMPLETED)
    checking.cancel()
    beating.cancel()
    await asyncio.wait({checking, beating})
    if not checking.cancelled() and checking.exception() is None:
        return await told.end(SurveyState.DONE, record=checking.result())
    ended = next((one for one in (checking, beating) if not one.cancelled()), None)
    problem = ended.exception() if ended is not None else None
    if problem is not None:
        return await told.end(SurveyState.FAILED, message=_in_words(told.survey_id, problem))
    if beating in done:
        return await told.end(SurveyState.CANCELLED, message="It was cancelled.")
    return await told.end(SurveyState.FAILED, message=_late(longest_s))


def _late(longest_s: float) -> str:
    return (
        f"The check did not end within {longest_s:g} s. Raise CHANGELINE_ENVIRONMENT__CHECK_TIMEOUT_S, or set a test_command "
        "that runs less."
    )


def _in_words(survey_id: str, problem: BaseException) -> str:
    if isinstance(problem, ChangelineError):
        remedy = problem.facts.get("remedy")
        return f"{problem.message} {remedy}" if remedy else problem.message
    trace_id = new_id("trace")
    structlog.get_logger().error(
        "check_broke", survey=survey_id, trace_id=trace_id, trace=traceback.format_exception(problem)
    )
    return f"Something went wrong inside Changeline ({type(problem).__name__}). The log has the trace {trace_id}."


async def _checked(
    order: SurveyOrder, target: RepositoryTarget, runtime: RuntimeSettings, settings: ProcessSettings,
    isolation: Isolation | None, told: _Told,
) -> RepositorySurvey:  # fmt: skip
    root = data_directory(settings)
    trees = root / "worktrees" / "surveys"
    await asyncio.to_thread(trees.mkdir, parents=True, exist_ok=True)
    async with locked(root / "worktrees" / "surveys.lock"):
        for left in await asyncio.to_thread(lambda: list(trees.iterdir())):
            await asyncio.to_thread(tree_walk.discard, left)
        directory = trees / order.survey_id
        await asyncio.to_thread(directory.mkdir)
        sandbox = await start_sandbox(
            settings.sandbox, settings.environment, hidden=(root,), places=Places.below(root), known=isolation
        )
        repository = (await open_repositories(settings, order.tenant, {target.name: target}, sandbox))[target.name]
        try:
            ground = Ground(
                repository=repository, target=target, environments=SandboxEnvironments(sandbox, root / "environments", settings.environment),
                sandbox=sandbox, limits=runtime.pipeline, author=own_author(settings), directory=directory,
            )  # fmt: skip
            return await survey(ground, told.at)
        finally:
            await repository.drop_spares()
            repository.close()
            await asyncio.to_thread(tree_walk.discard, directory)
