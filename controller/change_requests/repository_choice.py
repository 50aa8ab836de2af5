"""From what a caller wrote to repositories a change request can work on, before anything is stored."""

import asyncio
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from controller.change_requests.repository_access import Namer
from controller.change_requests.schemas import REPOSITORIES_MAX, RepositoryChoice
from controller.wiring import InspectedRepository, Place, RepositoryInspector
from pipeline.change_request import Reach, RepositoryTarget
from pipeline.errors import CallerError
from pipeline.ports import NotPublic
from pipeline.repositories.paths import portable_path
from pipeline.repositories.remote_address import RemoteAddress

_NAME_MAX = 60
_MARK = 12
_UNPROTECTED_TOLD = 3
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9._-]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """One repository as it was found. `registered` is False when it is not, so that an admin's word registers it."""

    target: RepositoryTarget
    registered: bool
    found: InspectedRepository


async def choose(asked: Sequence[str | RepositoryChoice], namer: Namer, inspector: RepositoryInspector) -> list[Chosen]:
    """Find and inspect every repository; raises `CallerError` naming the entry that is wrong."""
    if len(asked) > REPOSITORIES_MAX:
        raise CallerError(
            f"A change request can name at most {REPOSITORIES_MAX} repository for now.", field="repositories",
            remedy="Submit one change request per repository.",
        )  # fmt: skip
    choices = [_choice(one, namer.known, f"repositories.{number}") for number, one in enumerate(asked)]
    return list(
        await asyncio.gather(
            *(
                inspect_choice(choice, namer, inspector, f"repositories.{number}")
                for number, choice in enumerate(choices)
            )
        )
    )


async def inspect_choice(
    choice: RepositoryChoice, namer: Namer, inspector: RepositoryInspector, field: str, *, accepted_why: str = ""
) -> Chosen:
    """Look at one repository now; what is registered fills what the caller left open.

    `accepted_why` is an administrator's reason to take a test command that cannot be protected; without one it is refused.
    """
    base = next((one for one in namer.known if one.name == choice.name), None) if choice.remote is None else None
    address = RemoteAddress.parse(base.remote if base else choice.remote or "", field)
    registered = base or namer.find_registered(address, choice.base_branch)
    if registered is None and address.is_local:
        await namer.check_path(address, field)
    behaviour_path = _behaviour_path(choice, registered, field)
    asked = _fill(choice, base).model_copy(update={"behaviour_path": behaviour_path})
    try:
        found, reach = await _look(asked, address, registered, namer, inspector)
    except CallerError as refused:
        refused.field = field if refused.field == "remote" else refused.field
        raise
    chosen = _combine(asked, base, namer, address, found, reach)
    if accepted_why and found.unprotected:
        accepted = replace(
            chosen.target, unprotected_accepted_by=namer.principal.name, unprotected_accepted_why=accepted_why,
            unprotected_accepted=found.unprotected,
        )  # fmt: skip
        chosen = replace(chosen, target=accepted)
    if not set(found.unprotected) <= set(chosen.target.unprotected_accepted):
        raise _unprotected(found, field)
    return chosen


def _unprotected(found: InspectedRepository, field: str) -> CallerError:
    """Refuse a test command whose parts agents could change: a verdict would stand on nothing."""
    named = " ".join(found.unprotected[:_UNPROTECTED_TOLD])
    return CallerError(
        f"Part of the test command `{found.test_command}` cannot be followed, so agents could change what it runs: {named}",
        field=f"{field}.test_command" if field != "remote" else "test_command",
        remedy=(
            "State a test command that runs the tests itself, or name what it runs under `protected` in "
            ".changeline/repository.yaml. Or let an admin accept it, with a reason that every approver sees: "
            "`changeline repo add REPO --accept-unprotected REASON`."
        ),
        unprotected=list(found.unprotected),
    )


def _fill(choice: RepositoryChoice, base: RepositoryTarget | None) -> RepositoryChoice:
    """Fill what a choice leaves open from what is registered under its name."""
    if base is None:
        return choice
    return choice.model_copy(
        update={
            "base_branch": choice.base_branch or base.base_branch,
            "test_command": choice.test_command or base.test_command,
        }
    )


async def _look(
    asked: RepositoryChoice, address: RemoteAddress, registered: RepositoryTarget | None, namer: Namer,
    inspector: RepositoryInspector,
) -> tuple[InspectedRepository, Reach]:  # fmt: skip
    """Look as far as the namer may, no farther than it needs."""
    tenant, remote = namer.principal.tenant, registered.remote if registered else address.text
    reach = namer.first_reach(registered, address)
    try:
        place = Place(tenant=tenant, remote=remote, reach=reach)
        return await inspector.inspect(place, asked.base_branch, asked.test_command, asked.behaviour_path), reach
    except NotPublic:
        if registered is not None or address.is_local or not namer.vouches:
            raise
    place = Place(tenant=tenant, remote=remote, reach=Reach.PRIVATE)
    return await inspector.inspect(place, asked.base_branch, asked.test_command, asked.behaviour_path), Reach.PRIVATE


def _combine(
    asked: RepositoryChoice, base: RepositoryTarget | None, namer: Namer, address: RemoteAddress,
    found: InspectedRepository, reach: Reach,
) -> Chosen:  # fmt: skip
    known = base or namer.find_registered(address, found.base_branch)
    if base is None and known is not None and known.base_branch != found.base_branch and namer.registers:
        known = None
    start = known or RepositoryTarget(
        name=_name(asked, found, address, namer), remote=found.remote, base_branch=found.base_branch, reach=reach
    )
    target = replace(
        start,
        base_branch=found.base_branch,
        test_command=asked.test_command or start.test_command,
        behaviour_path=asked.behaviour_path or start.behaviour_path,
        merge_strategy=asked.merge_strategy or start.merge_strategy,
    )
    return Chosen(target=target, registered=known is not None and known.base_branch == found.base_branch, found=found)


def _name(asked: RepositoryChoice, found: InspectedRepository, address: RemoteAddress, namer: Namer) -> str:
    """Name a repository that is not registered.

    What stays unregistered is named after its address too: names stand for learnings and figures, and nobody may borrow
    those of another repository by a name that is free at this moment.
    """
    name = asked.name or safe_name(found.name)
    if namer.registers:
        return name
    return f"{name[:_NAME_MAX]}-{hashlib.sha256(address.text.encode()).hexdigest()[:_MARK]}"


def safe_name(name: str) -> str:
    """Return a name that can be a directory and a ref."""
    return _NOT_IN_NAMES.sub("-", name).strip("-.")[:80] or "repository"


def _behaviour_path(choice: RepositoryChoice, base: RepositoryTarget | None, field: str) -> str | None:
    """Return where behaviour specs go; what was registered by an older version is judged again."""
    wanted = choice.behaviour_path or (base.behaviour_path if base else None)
    try:
        return wanted and portable_path(wanted)
    except ValueError as problem:
        raise CallerError(
            f"The behaviour path {wanted!r} {problem}.", field=f"{field}.behaviour_path", remedy="Give another one."
        ) from problem


def _choice(asked: str | RepositoryChoice, known: Sequence[RepositoryTarget], field: str) -> RepositoryChoice:
    if isinstance(asked, RepositoryChoice):
        choice = asked
        if choice.remote is None and choice.name is None:
            raise CallerError(
                "Neither `name` nor `remote` is given.", field=field, remedy="Name a registered one or give a remote."
            )
    else:
        looks_like_a_place = "/" in asked or ":" in asked
        choice = RepositoryChoice(remote=asked) if looks_like_a_place else RepositoryChoice.model_construct(name=asked)
    if choice.remote is None and choice.name not in {target.name for target in known}:
        raise CallerError(
            f"No repository named {choice.name!r} is registered.", field=field,
            remedy="Register it first (`changeline repo add`), or give its absolute path or URL.",
            registered=[target.name for target in known],
        )  # fmt: skip
    return choice
