"""Registering repositories after a look at them."""

from dataclasses import replace

from controller.change_requests.repository_access import namer
from controller.change_requests.repository_choice import inspect_choice
from controller.context import ControllerContext
from controller.repositories import schemas, surveys
from controller.wiring import Place
from pipeline.access import Principal
from pipeline.change_request import RepositoryTarget
from pipeline.settings.runtime import DeliverySettings
from pipeline.store.audit import Audit
from pipeline.store.repositories import Repositories
from pipeline.store.settings import SettingsVersions
from pipeline.store.surveys import Surveys


async def every(context: ControllerContext, principal: Principal) -> schemas.RepositoryList:
    """Return all registered repositories."""
    async with context.database.transaction(principal.tenant) as connection:
        found = await Repositories(connection).all()
        checks = await Surveys(connection).all_newest()
    return schemas.RepositoryList(items=[schemas.listed_view(one, checks.get(one.name)) for one in found])


async def one(context: ControllerContext, principal: Principal, name: str) -> schemas.RegisteredRepository:
    """Return one repository."""
    async with context.database.transaction(principal.tenant) as connection:
        return schemas.registered_view(await Repositories(connection).get(name))


async def register(
    context: ControllerContext, principal: Principal, asked: schemas.RepositoryRegistration
) -> schemas.RepositoryCheck:
    """Look at a repository, register it and have it checked; raises `CallerError` or `Conflict` and stores nothing otherwise.

    Idempotent: what is registered already, under the same name and with the same settings as far as they are given, is checked.
    """
    async with context.database.transaction(principal.tenant) as connection:
        delivery = (await SettingsVersions(connection).configuration()).delivery
    someone = replace(await namer(context, principal), known=())
    chosen = await inspect_choice(
        _with_default(asked, delivery),
        someone,
        context.wiring.inspector,
        "remote",
        accepted_why=asked.accept_unprotected or "",
    )
    async with context.database.transaction(principal.tenant) as connection:
        repositories = Repositories(connection)
        known = await repositories.by_remote(chosen.target.remote, chosen.target.base_branch)
        if known is not None and _asks_for(asked, known):
            target = await _with_acceptance(repositories, known, chosen.target)
        else:
            target = await repositories.register(chosen.target)
            await Audit(connection).note(principal.id, "repository_registered", target.name, remote=target.remote)
        if target.unprotected_accepted_why and target != known:
            why = target.unprotected_accepted_why
            await Audit(connection).note(principal.id, "unprotected_test_command_accepted", target.name, why=why)
    if asked.check:
        stands = await surveys.begin(context, principal, target, chosen.found)
    else:
        stands = await surveys.newest(context, principal, target.name)
    return schemas.check_view(target, chosen.found, stands)


async def check(
    context: ControllerContext, principal: Principal, name: str, *, only_if_changed: bool
) -> schemas.RepositoryCheck:
    """Look at a registered repository again and have it checked; raises what is wrong with it."""
    async with context.database.transaction(principal.tenant) as connection:
        target = await Repositories(connection).get(name)
    place = Place.of(principal.tenant, target)
    found = await context.wiring.inspector.inspect(
        place, target.base_branch, target.test_command, target.behaviour_path
    )
    begun = await surveys.begin(context, principal, target, found, only_if_changed=only_if_changed)
    return schemas.check_view(target, found, begun)


async def _with_acceptance(
    repositories: Repositories, known: RepositoryTarget, wanted: RepositoryTarget
) -> RepositoryTarget:
    if not wanted.unprotected_accepted_by or _acceptance(wanted) == _acceptance(known):
        return known
    return await repositories.accept_unprotected(known.name, wanted)


def _acceptance(target: RepositoryTarget) -> tuple[str, str, tuple[str, ...]]:
    return target.unprotected_accepted_by, target.unprotected_accepted_why, target.unprotected_accepted


def _asks_for(asked: schemas.RepositoryRegistration, known: RepositoryTarget) -> bool:
    """Whether nothing that is asked for differs from what is registered."""
    pairs = (
        (asked.name, known.name),
        (asked.test_command, known.test_command),
        (asked.behaviour_path, known.behaviour_path),
        (asked.merge_strategy, known.merge_strategy),
    )
    return all(wanted is None or wanted == registered for wanted, registered in pairs)


def _with_default(asked: schemas.RepositoryRegistration, delivery: DeliverySettings) -> schemas.RepositoryRegistration:
    return asked.model_copy(update={"merge_strategy": asked.merge_strategy or delivery.merge_strategy})
