"""From what a caller wrote to repositories a change request can work on, before anything is stored."""

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from urllib.parse import urlsplit

from controller.change_requests.schemas import REPOSITORIES_MAX, RepositoryChoice
from controller.wiring import InspectedRepository, RepositoryInspector
from pipeline.change_request import RepositoryTarget
from pipeline.errors import CallerError
from pipeline.repository_paths import portable_path

_SCP = re.compile(r"^[\w.-]+@[\w.-]+:[^\s]+$")
_SCHEMES = frozenset({"http", "https", "ssh", "git", "file"})
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9._-]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """One repository as it was found. `registered` is False when it is registered on the way."""

    target: RepositoryTarget
    registered: bool
    found: InspectedRepository


async def choose(
    asked: Sequence[str | RepositoryChoice], known: Sequence[RepositoryTarget], inspector: RepositoryInspector
) -> list[Chosen]:
    """Find and inspect every repository; raises `CallerError` naming the entry that is wrong."""
    if len(asked) > REPOSITORIES_MAX:
        raise CallerError(
            f"A change request can name at most {REPOSITORIES_MAX} repository for now.", field="repositories",
            remedy="Submit one change request per repository.",
        )  # fmt: skip
    choices = [_choice(one, known, f"repositories.{number}") for number, one in enumerate(asked)]
    return list(
        await asyncio.gather(
            *(inspected(choice, known, inspector, f"repositories.{number}") for number, choice in enumerate(choices))
        )
    )


async def inspected(
    choice: RepositoryChoice, known: Sequence[RepositoryTarget], inspector: RepositoryInspector, field: str
) -> Chosen:
    """Look at one repository now; what is registered fills what the caller left open."""
    base = next((target for target in known if target.name == choice.name), None) if choice.remote is None else None
    remote = base.remote if base else check_remote(choice.remote or "", field)
    branch = choice.base_branch or (base.base_branch if base else None)
    command = choice.test_command or (base.test_command if base else None)
    behaviour = _behaviour_path(choice, base, field)
    found = await inspector.inspect(remote, branch, command, behaviour)
    if base is None:
        same = [target for target in known if (target.remote, target.base_branch) == (found.remote, found.base_branch)]
        base = same[0] if same else None
    registered = base is not None and base.base_branch == found.base_branch
    start = base or RepositoryTarget(
        name=choice.name or safe_name(found.name), remote=found.remote, base_branch=found.base_branch
    )
    target = replace(
        start,
        base_branch=found.base_branch,
        test_command=choice.test_command or start.test_command,
        behaviour_path=choice.behaviour_path or start.behaviour_path,
        merge_strategy=choice.merge_strategy or start.merge_strategy,
    )
    return Chosen(target=target, registered=registered, found=found)


def check_remote(remote: str, field: str) -> str:
    """Return an absolute path or a URL without credentials, or raise `CallerError`."""
    if remote.startswith("/"):
        return str(PurePosixPath(remote))
    parts = urlsplit(remote) if "://" in remote else None
    if parts is not None and parts.scheme in _SCHEMES:
        if parts.password or (parts.username and parts.scheme in {"http", "https"}):
            raise CallerError(
                "A remote must not carry credentials: they would be stored and shown.", field=field,
                remedy="Configure git credentials for the controller and leave them out of the URL.",
            )  # fmt: skip
        return remote
    if _SCP.match(remote) and not remote.startswith("-"):
        return remote
    raise CallerError(
        f"{remote!r} is neither an absolute path nor a URL that git can reach.", field=field,
        remedy="Give an absolute path, an https, ssh or git URL, or the name of a registered repository.",
    )  # fmt: skip


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
