"""Checks of registered repositories: begun, looked at, cancelled; and what a check says before a change is submitted.

Problem: a check is long work and the door must answer at once, a second press must not begin a second one, and what was found
counts only as long as the manifests are the same. Choice: the row is the whole truth; here it is written and a process is asked
for, and whoever wants to know reads the row. Invariant: no answer here waits for a check, and none depends on one.
"""

from controller.change_requests.repository_choice import Chosen
from controller.context import ControllerContext
from controller.repositories.schemas import SurveyView, survey_view
from controller.wiring import InspectedRepository, NotLaunched
from pipeline.access import Principal
from pipeline.change_request import RepositoryTarget
from pipeline.store.audit import Audit
from pipeline.store.repositories import Repositories
from pipeline.store.surveys import StoredSurvey, Surveys
from pipeline.survey.record import SurveyState

UNDER_WAY_MAX = 8
"""Each is a process with a connection to the database, even while it waits for its turn."""
_SETTLED = {SurveyState.DONE, SurveyState.RUNNING, SurveyState.CANCELLED}
"""A check that was interrupted, or came to nothing, is worth another one by itself; one that a person cancelled is not."""


async def newest(context: ControllerContext, principal: Principal, name: str) -> SurveyView:
    """Return how the newest check of a repository stands."""
    async with context.database.transaction(principal.tenant) as connection:
        await Repositories(connection).get(name)
        return survey_view(name, await Surveys(connection).newest(name))


async def begin(
    context: ControllerContext, principal: Principal, target: RepositoryTarget, found: InspectedRepository, *,
    only_if_changed: bool = False,
) -> SurveyView:  # fmt: skip
    """Have a repository checked, unless that is under way.

    With `only_if_changed` only one that was checked in another state of its manifests, or whose check came to nothing.
    """
    starter = context.wiring.surveys
    async with context.database.transaction(principal.tenant) as connection:
        rows = Surveys(connection)
        known = await rows.newest(target.name, found.manifest_hash)
        ever = known or await rows.newest(target.name)
        fresh = ever is None or (known is not None and known.state in _SETTLED)
        if starter is None or (only_if_changed and fresh):
            return survey_view(target.name, ever)
        others = await rows.under_way()
        run, is_new = await rows.begin(
            target.name, found.manifest_hash, base_commit=found.base_commit, requested_by=principal.id
        )
        if is_new:
            await Audit(connection).note(principal.id, "repository_checked", target.name, survey=run.id)
            if others >= UNDER_WAY_MAX:
                message = f"{others} other checks are under way. Check again when they are done."
                await rows.end(run.id, SurveyState.FAILED, message=message)
                is_new = False
    if is_new:
        try:
            await starter.survey(principal.tenant, run.id)
        except NotLaunched as refused:
            await _not_started(context, principal, run, refused)
    return await newest(context, principal, target.name)


async def cancel(context: ControllerContext, principal: Principal, name: str) -> SurveyView:
    """Ask the check of a repository to stop; its process hears it within a second. Idempotent."""
    async with context.database.transaction(principal.tenant) as connection:
        await Repositories(connection).get(name)
        if await Surveys(connection).cancel(name):
            await Audit(connection).note(principal.id, "repository_check_cancelled", name)
        return survey_view(name, await Surveys(connection).newest(name))


async def told_at_submission(context: ControllerContext, principal: Principal, chosen: Chosen) -> str | None:
    """Return what the check says against submitting to a repository, and check again what was checked in another state."""
    if not chosen.registered:
        return None
    stands = await begin(context, principal, chosen.target, chosen.found, only_if_changed=True)
    return stands.warning if stands.manifest_hash == chosen.found.manifest_hash else None


async def _not_started(
    context: ControllerContext, principal: Principal, run: StoredSurvey, refused: NotLaunched
) -> None:
    async with context.database.transaction(principal.tenant) as connection:
        message = f"No process could be started for it: {refused.message} Check again in a moment."
        await Surveys(connection).end(run.id, SurveyState.FAILED, message=message)
