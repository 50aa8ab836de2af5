"""`repo`: the repositories that change requests can name."""

from typing import Annotated
from urllib.parse import quote

import typer

from cli import request_input
from cli.options import Json
from cli.output import Output, words
from cli.session import begin
from controller.repositories.schemas import RegisteredRepository, RepositoryCheck, RepositoryList

app = typer.Typer()
group = typer.Typer(no_args_is_help=True)
app.add_typer(group, name="repo")

Name = Annotated[str, typer.Argument(metavar="NAME", help="A registered repository.")]
_PATH = "/api/v1/repositories"


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
    as_json: Json = False,
) -> None:
    """Look at a repository and register it."""
    with begin(as_json=as_json) as session:
        choice = request_input.repository(repo, base_branch, test_command)
        optional = {"name": name, "behaviour_path": behaviour_path, "merge_strategy": merge_strategy}
        if "remote" not in choice:
            # A bare word that is no directory: the controller's words say best what it needs.
            choice = {**choice, "remote": choice.pop("name")}
        found = session.client.post(
            _PATH, RepositoryCheck, {**choice, **{key: value for key, value in optional.items() if value}}
        )
        _print_check(session.out, found)


@group.command("list")
def list_repositories(*, as_json: Json = False) -> None:
    """List registered repositories."""
    with begin(as_json=as_json) as session:
        found = session.client.get(_PATH, RepositoryList)
        if as_json:
            session.out.value(found)
        rows = [(one.name, one.remote, one.base_branch, one.test_command or "found") for one in found.items]
        session.out.table(("name", "remote", "base branch", "tests"), rows, empty="No repository is registered.")


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
def check(name: Name, *, as_json: Json = False) -> None:
    """Look at a registered repository now: reachable, base branch there, tests found."""
    with begin(as_json=as_json) as session:
        _print_check(session.out, session.client.post(f"{_PATH}/{quote(name, safe='')}/check", RepositoryCheck))


def _print_check(out: Output, found: RepositoryCheck) -> None:
    if out.as_json:
        out.value(found)
    repository = found.repository
    out.line(f"{repository.name}: {repository.remote}", "bold")
    out.line(f"  base {repository.base_branch} at {found.base_commit[:12]}")
    out.line(f"  {found.stack}; tests: {found.test_command}")
    for warning in found.warnings:
        out.warn(warning)
