"""`learnings`: sentences that retrospectives propose for later prompts; people decide."""

from typing import Annotated
from urllib.parse import quote

import typer

from cli.options import Json
from cli.session import begin
from controller.learnings.schemas import LearningList, LearningStatus, LearningView

app = typer.Typer()
group = typer.Typer(no_args_is_help=True)
app.add_typer(group, name="learnings")

Learning = Annotated[str, typer.Argument(metavar="LEARNING", help="Its id, from the list.")]
_PATH = "/api/v1/learnings"


@group.callback()
def _group() -> None:
    """Decide which learnings enter later prompts.

    Only approved ones do, marked as untrusted.
    """


@group.command("list")
def list_learnings(
    *,
    status: Annotated[LearningStatus | None, typer.Option(help="Only these.")] = None,
    repo: Annotated[str | None, typer.Option("--repo", metavar="NAME", help="Only of this repository.")] = None,
    as_json: Json = False,
) -> None:
    """List learnings, newest first."""
    with begin(as_json=as_json) as session:
        found = session.client.get(_PATH, LearningList, status=status.value if status else None, repository=repo)
        if as_json:
            session.out.value(found)
        rows = [(one.id, one.status, one.repository, one.text, one.cr_id) for one in found.items]
        session.out.table(
            ("id", "status", "repository", "learning", "from"), rows, empty="There are no such learnings."
        )


@group.command()
def approve(learning: Learning, *, as_json: Json = False) -> None:
    """Let a learning enter later prompts of its repository."""
    _decide(learning, "approve", as_json=as_json)


@group.command()
def retire(learning: Learning, *, as_json: Json = False) -> None:
    """Keep a learning out of prompts from now on."""
    _decide(learning, "retire", as_json=as_json)


def _decide(learning: str, decision: str, *, as_json: bool) -> None:
    with begin(as_json=as_json) as session:
        found = session.client.post(f"{_PATH}/{quote(learning, safe='')}/{decision}", LearningView)
        if as_json:
            session.out.value(found)
        session.out.line(f"{found.id} is {found.status}: {found.text}")
