"""`effects`: changes to the outside (pushes, merges, reports, notifications), above all those that did not succeed."""

from typing import Annotated
from urllib.parse import quote

import typer

from cli.change_requests import identify
from cli.options import Json
from cli.session import begin
from controller.effects.schemas import EffectList, EffectView
from pipeline.effects.kinds import EffectStatus

app = typer.Typer()
group = typer.Typer(no_args_is_help=True)
app.add_typer(group, name="effects")

Effect = Annotated[str, typer.Argument(metavar="EFFECT", help="Its id, from the list.")]
_PATH = "/api/v1/effects"
_WORDS = {"retry": "is tried again now.", "dismiss": "is dismissed and will not be tried again."}


@group.callback()
def _group() -> None:
    """Handle changes to the outside that did not succeed.

    A push, merge, report or notification that was tried often enough, or that its receiver refused for good, waits here
    until a person retries or dismisses it.
    """


@group.command("list")
def list_effects(
    *,
    cr: Annotated[str | None, typer.Option("--cr", metavar="CR", help="All of this change request.")] = None,
    status: Annotated[EffectStatus | None, typer.Option(help="Only these. [default: dead, without --cr]")] = None,
    as_json: Json = False,
) -> None:
    """List effects, oldest first; by default those that need a person."""
    with begin(as_json=as_json) as session:
        cr_id = identify(session.client, cr) if cr else None
        found = session.client.get(_PATH, EffectList, cr_id=cr_id, status=status.value if status else None)
        if as_json:
            session.out.value(found)
        rows = [(one.id, one.cr_id, one.repository, one.kind, one.status, one.tries, one.error) for one in found.items]
        headings = ("id", "change request", "repository", "kind", "status", "tries", "error")
        session.out.table(headings, rows, empty="Nothing needs you here.")


@group.command()
def retry(effect: Effect, *, as_json: Json = False) -> None:
    """Try an effect that was given up again."""
    _act(effect, "retry", as_json=as_json)


@group.command()
def dismiss(effect: Effect, *, as_json: Json = False) -> None:
    """Give an effect up for good."""
    _act(effect, "dismiss", as_json=as_json)


def _act(effect: str, action: str, *, as_json: bool) -> None:
    with begin(as_json=as_json) as session:
        found = session.client.post(f"{_PATH}/{quote(effect, safe='')}/{action}", EffectView)
        if as_json:
            session.out.value(found)
        of = found.repository or found.cr_id
        session.out.line(f"{found.id} ({found.kind} of {of}) {_WORDS[action]}")
