"""`repo`: the repositories that change requests can name."""

from pathlib import Path
from typing import Annotated
from urllib.parse import quote

import typer

from cli import repository_checks, request_input
from cli.exits import CHECK_FAILED
from cli.options import Json
from cli.output import words
from cli.session import Session, begin
from cli.starting_file import place_of_starting_file, write_starting_file
from controller.repositories.schemas import RegisteredRepository, RepositoryCheck, RepositoryList, SurveyView
from pipeline.survey.record import SurveyState

app = typer.Typer()
group = typer.Typer(no_args_is_help=True)
app.add_typer(group, name="repo")

Name = Annotated[str, typer.Argument(metavar="NAME", help="A registered repository.")]
NoWait = Annotated[bool, typer.Option("--no-wait", help="Do not wait for the end of the check.")]
_PATH = repository_checks.PATH


@group.callback()
def _group() -> None:
    """Manage registered repositories.

    A path or URL that an admin gives to `run` or `submit` is registered on the way. Operators may give public URLs, which
    are not registered; paths of the controller's machine and private hosts are an admin's to register.
    """


@group.command()
def add(
    repo: Annotated[str, typer.Argument(metavar="REPO", help="A path or a URL.")],
    *,
    name: Annotated[str | None, typer.Option(help="[default: made from the remote]")] = None,
    base_branch: Annotated[str | None, typer.Option(metavar="BRANCH", help="[default: the remote's]")] = None,
    test_command: Annotated[str | None, typer.Option(metavar="COMMAND", help="[default: found]")] = None,
    behaviour_path: Annotated[str | None, typer.Option(metavar="PATH", help="Where behaviour specs are kept.")] = None,
    merge_strategy: Annotated[str | None, typer.Option(metavar="merge|squash|fast_forward")] = None,
    accept_unprotected: Annotated[
        str | None,
        typer.Option(
            metavar="REASON",
            help="Take a test command although agents could change a part of it. Approvers see the reason.",
        ),
    ] = None,
    no_check: Annotated[bool, typer.Option("--no-check", help="Look at it only.")] = False,
    no_wait: NoWait = False,
    as_json: Json = False,
) -> None:
    """Register a repository and check it: what it is made of, built, and its suite run twice.

    It is registered before the check; what the check says can be seen again with `changeline repo check`.
    """
    with begin(as_json=as_json) as session:
        choice = request_input.repository(repo, base_branch, test_command)
        optional = {
            "name": name, "behaviour_path": behaviour_path, "merge_strategy": merge_strategy,
            "accept_unprotected": accept_unprotected,
        }  # fmt: skip
        if "remote" not in choice:
            # A bare word that is no directory: the controller's words say best what it needs.
            choice = {**choice, "remote": choice.pop("name")}
        found = session.client.post(
            _PATH,
            RepositoryCheck,
            {**choice, "check": not no_check, **{key: value for key, value in optional.items() if value}},
        )
        _told(session, found, wait=not no_wait)


@group.command("list")
def list_repositories(*, as_json: Json = False) -> None:
    """List registered repositories."""
    with begin(as_json=as_json) as session:
        found = session.client.get(_PATH, RepositoryList)
        if as_json:
            session.out.value(found)
        rows = [
            (one.name, one.remote, one.base_branch, one.test_command or "found", one.verdict or f"({words(one.check)})")
            for one in found.items
        ]
        headings = ("name", "remote", "base branch", "tests", "check")
        session.out.table(headings, rows, empty="No repository is registered.")


@group.command()
def show(name: Name, *, as_json: Json = False) -> None:
    """Show one registered repository."""
    with begin(as_json=as_json) as session:
        found = session.client.get(f"{_PATH}/{quote(name, safe='')}", RegisteredRepository)
        if as_json:
            session.out.value(found)
        for key, value in found:
            session.out.line(f"{words(key)}: {value if value is not None else '(default)'}")


@group.command()
def check(
    name: Name,
    *,
    no_wait: NoWait = False,
    stop: Annotated[bool, typer.Option("--stop", help="Stop the check that is under way.")] = False,
    write: Annotated[
        bool, typer.Option("--write", help="Write a first .changeline/repository.yaml into this checkout afterwards.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Check a registered repository: what it is made of, built, and its suite run twice, without a model.

    Says which tests fail on the base, are flaky or slow, or need the network or a service, what is missing and what helps.
    Nothing is written to the repository. Ctrl-C ends waiting, not the check.

    Exit 0 when changes can be proven there, 1 when its suite cannot run or the check came to nothing.
    """
    with begin(as_json=as_json) as session:
        if stop:
            stopped = session.client.delete(repository_checks.check_path(name), SurveyView)
            if as_json:
                session.out.value(stopped)
            session.out.line(f"{name}: {stopped.state}")
            return
        place = place_of_starting_file(Path.cwd()) if write else None
        look = session.client.post(repository_checks.check_path(name), RepositoryCheck)
        look = _told(session, look, wait=not no_wait)
        if place is not None:
            found = look.check.found
            write_starting_file(found.starting_file if found is not None else "", place)
            session.out.note(f"Written: {place}. Read it, correct it, and commit it to the base branch.")
        finished = look.check.state is not SurveyState.RUNNING
    if finished and not repository_checks.can_run(look.check):
        raise typer.Exit(CHECK_FAILED)


def _told(session: Session, look: RepositoryCheck, *, wait: bool) -> RepositoryCheck:
    """Print what is there, after the check if somebody waits for it."""
    if wait:
        try:
            checked = repository_checks.waited_for(session.client, look.check, session.out)
        except KeyboardInterrupt:
            checked = look.check
        look = look.model_copy(update={"check": checked})
    if session.out.as_json:
        session.out.value(look)
    else:
        repository_checks.print_check(session.out, look)
    return look
