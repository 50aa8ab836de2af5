"""`approve`, `reject`, `sendback`: answering what a change request waits for."""

from typing import Annotated

import typer

from cli import gates
from cli.change_requests import identify
from cli.exits import Exit
from cli.options import ChangeRequest, Json, Yes
from cli.output import Output
from cli.session import begin
from controller.gates.schemas import GateView
from pipeline.gates.gate import Decision

app = typer.Typer()

_DONE = {Decision.APPROVE: "Approved", Decision.REJECT: "Rejected", Decision.SEND_BACK: "Sent back"}

Comment = Annotated[str, typer.Option("--comment", "-c", metavar="TEXT", help="Why; it is kept with the decision.")]
Hash = Annotated[
    str | None,
    typer.Option("--hash", metavar="HASH", help="Decide only if the content is still the one with this hash."),
]


@app.command()
def approve(
    cr: ChangeRequest, *, comment: Comment = "", content_hash: Hash = None, yes: Yes = False, as_json: Json = False
) -> None:
    """Approve what a change request waits for, after showing it.

    The approval binds to the hash of what is shown: if that changes, it is void.
    """
    _decide(cr, Decision.APPROVE, comment, content_hash, ask="" if yes else "Approve this?", as_json=as_json)


@app.command()
def reject(
    cr: ChangeRequest, *, comment: Comment = "", content_hash: Hash = None, yes: Yes = False, as_json: Json = False
) -> None:
    """Reject what a change request waits for, which ends it."""
    question = "" if yes else "Reject this and end the change request?"
    _decide(cr, Decision.REJECT, comment, content_hash, ask=question, as_json=as_json)


@app.command()
def sendback(
    cr: ChangeRequest,
    *,
    comment: Annotated[str, typer.Option("--comment", "-c", metavar="TEXT", help="What should be different.")],
    content_hash: Hash = None,
    as_json: Json = False,
) -> None:
    """Send a change request back to be worked on again.

    The comment reaches the agents with top priority.
    """
    _decide(cr, Decision.SEND_BACK, comment, content_hash, ask="", as_json=as_json)


def _decide(cr: str, decision: Decision, comment: str, content_hash: str | None, *, ask: str, as_json: bool) -> None:
    with begin(as_json=as_json) as session:
        client, out = session.client, session.out
        gate = gates.required_gate(client, identify(client, cr))
        gates.show_gate(out, gate)
        if ask and out.interactive and not typer.confirm(ask):
            out.line("Nothing was decided.")
            raise typer.Exit(Exit.NEEDS_PERSON)
        decided = gates.decide(client, gate, decision, comment=comment, content_hash=content_hash)
        if out.as_json:
            out.value(decided)
        _say_what_follows(out, decided)


def _say_what_follows(out: Output, decided: GateView) -> None:
    out.line()
    word = _DONE[decided.decision] if decided.decision else "Decided"
    out.line(f"{word}: {decided.kind} of {decided.cr_id} ({decided.content_hash})")
    if decided.decision is Decision.REJECT:
        out.line("The change request is cancelled; its work is kept.")
    else:
        out.line(f"It goes on: changeline watch {decided.cr_id}")
