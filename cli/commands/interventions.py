"""What a person can say to a change request beside deciding: go on, stop, run again, end, spend more."""

from decimal import Decimal, InvalidOperation
from typing import Annotated, Any

import typer

from cli.change_requests import identify, path_of
from cli.options import ChangeRequest, Instructions, Json
from cli.outcome import print_takeover
from cli.output import plain_json
from cli.request_input import request_text
from cli.session import begin
from cli.takeover import until_published
from controller.change_requests.schemas import ChangeRequestDetail
from controller.interventions.schemas import Receipt
from pipeline.change_request import Stage, Status
from pipeline.errors import CallerError
from pipeline.interventions.intervention import Action, RerunMode

app = typer.Typer()


InstructionsFile = Annotated[
    str | None, typer.Option("--file", "-f", metavar="FILE", help="Read the instructions from a file; - reads stdin.")
]
Repository = Annotated[
    str | None, typer.Option("--repo", metavar="NAME", help="Meant for one repository of the change request only.")
]
Why = Annotated[str, typer.Option("--instructions", "-i", metavar="TEXT", help="Why; it is kept with the decision.")]


@app.command()
def resume(
    cr: ChangeRequest,
    *,
    instructions: Instructions = "",
    file: InstructionsFile = None,
    repository: Repository = None,
    as_json: Json = False,
) -> None:
    """Go on with a paused change request.

    With instructions, the agents of the stage where it stopped read them first.
    """
    _say(cr, Action.RESUME, as_json=as_json, instructions=_text(instructions, file), repository=repository)


@app.command()
def redirect(
    cr: ChangeRequest,
    instructions: Annotated[str, typer.Argument(metavar="TEXT", help="What to do instead.")] = "",
    *,
    file: InstructionsFile = None,
    repository: Repository = None,
    as_json: Json = False,
) -> None:
    """Tell the agents something while they work.

    What they do now is stopped, and they go on with your words; `show` says at which turn.
    """
    _say(cr, Action.REDIRECT, as_json=as_json, instructions=_text(instructions, file), repository=repository)


@app.command()
def pause(cr: ChangeRequest, *, instructions: Why = "", as_json: Json = False) -> None:
    """Stop a change request at once, to go on later."""
    _say(cr, Action.PAUSE, as_json=as_json, instructions=instructions)


@app.command()
def abort(cr: ChangeRequest, *, instructions: Why = "", as_json: Json = False) -> None:
    """Stop a running change request and park it."""
    _say(cr, Action.ABORT, as_json=as_json, instructions=instructions)


@app.command()
def skip(cr: ChangeRequest, *, instructions: Why = "", repository: Repository = None, as_json: Json = False) -> None:
    """Skip the opinions of a stage: checkers, reviewers or the retrospective.

    Whatever proves or protects is never skipped: tests, scope and secret checks, gates and merges. Who skipped what is
    shown to the approver and signed into the evidence.
    """
    _say(cr, Action.SKIP, as_json=as_json, instructions=instructions, repository=repository)


@app.command()
def takeover(
    cr: ChangeRequest,
    *,
    instructions: Why = "",
    no_wait: Annotated[bool, typer.Option("--no-wait", help="Do not wait for the branch.")] = False,
    as_json: Json = False,
) -> None:
    """Stop a change request at once and work on its branch yourself.

    The newest state of each repository is published as the change request's branch, after a scan for secrets, with what
    an agent had half written; the commands to clone it and to push are printed, and what had to stay behind. Nobody
    else can take it over until you hand it back.
    """
    with begin(as_json=as_json) as session:
        cr_id = identify(session.client, cr)
        body = {"action": Action.TAKEOVER.value, **({"instructions": instructions} if instructions else {})}
        receipt = session.client.post(f"{path_of(cr_id)}/interventions", Receipt, body)
        session.out.note(f"{receipt.message}  ({receipt.id}, {receipt.status})")
        if no_wait:
            detail = session.client.get(path_of(cr_id), ChangeRequestDetail)
        else:
            detail = until_published(session.client, cr_id)
        if as_json:
            taken = plain_json(detail.takeover) if detail.takeover else None
            session.out.value({"change_request": cr_id, **plain_json(receipt), "takeover": taken})
            return
        session.out.line(f"{cr_id} is {detail.status}.")
        print_takeover(session.out, detail)
        session.out.line(f"Then: changeline handback {cr_id}")


@app.command()
def handback(
    cr: ChangeRequest,
    *,
    instructions: Instructions = "",
    file: InstructionsFile = None,
    as_json: Json = False,
) -> None:
    """Hand a branch back that you took over.

    What you pushed is fetched; the full suite runs; an agent describes your work for the agents who continue. With a red
    suite it pauses again. Your commits are proven and reviewed like any others.
    """
    _say(cr, Action.HANDBACK, as_json=as_json, instructions=_text(instructions, file))


@app.command()
def rerun(
    cr: ChangeRequest,
    *,
    mode: Annotated[
        RerunMode | None, typer.Option(help="Where to begin. [default: stage with --stage, else scratch]")
    ] = None,
    stage: Annotated[Stage | None, typer.Option(help="The stage to begin with; what came before is kept.")] = None,
    instructions: Instructions = "",
    file: InstructionsFile = None,
    as_json: Json = False,
) -> None:
    """Run a change request again, from a stage or from scratch.

    From scratch it is a new attempt on a branch of its own; the work of earlier attempts is kept.
    """
    chosen = mode or (RerunMode.STAGE if stage else RerunMode.SCRATCH)
    if (chosen is RerunMode.STAGE) is not (stage is not None):
        raise CallerError("A stage belongs to --mode stage.", field="--stage", remedy="Give both, or neither.")
    said = {"mode": chosen.value, "stage": stage.value if stage else None, "instructions": _text(instructions, file)}
    _say(cr, Action.RERUN, as_json=as_json, **said)


@app.command()
def budget(
    cr: ChangeRequest,
    usd: Annotated[str, typer.Argument(metavar="USD", help="The new total, in US dollars.")],
    *,
    as_json: Json = False,
) -> None:
    """Raise the budget of a change request.

    One that paused because of its budget goes on with `resume`.
    """
    try:
        amount = Decimal(usd.removeprefix("$"))
    except InvalidOperation as error:
        raise CallerError(f"{usd!r} is no amount of money.", field="USD", remedy="Give a number such as 25.") from error
    _say(cr, Action.BUDGET, as_json=as_json, budget_usd=str(amount))


@app.command()
def fail(cr: ChangeRequest, *, instructions: Why = "", as_json: Json = False) -> None:
    """End a change request as failed."""
    _say(cr, Action.FAIL, as_json=as_json, instructions=instructions)


@app.command()
def cancel(cr: ChangeRequest, *, instructions: Why = "", as_json: Json = False) -> None:
    """End a change request as cancelled."""
    _say(cr, Action.CANCEL, as_json=as_json, instructions=instructions)


def _text(instructions: str, file: str | None) -> str:
    if file is None:
        return instructions
    if instructions:
        raise CallerError("The instructions are given twice.", field="--file", remedy="Give them once.")
    return request_text(file, None, None)[1]


def _say(cr: str, action: Action, *, as_json: bool, **said: Any) -> None:
    with begin(as_json=as_json) as session:
        cr_id = identify(session.client, cr)
        body = {"action": action.value, **{name: value for name, value in said.items() if value not in (None, "")}}
        receipt = session.client.post(f"{path_of(cr_id)}/interventions", Receipt, body)
        if as_json:
            session.out.value({"change_request": cr_id, **plain_json(receipt)})
        session.out.line(f"{receipt.message}  ({receipt.id}, {receipt.status})")
        session.out.line(f"{cr_id} is {receipt.change_request_status}.")
        if receipt.change_request_status in {Status.QUEUED, Status.RUNNING}:
            session.out.line(f"Follow it: changeline watch {cr_id}")
