"""`run` and `submit`: from a person's words to a change request."""

import shlex
import signal
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Annotated, Any

import typer

from cli import gates
from cli.change_requests import path_of
from cli.client import Client, Unreachable
from cli.event_view import follow_to_rest, view_of
from cli.exits import Exit
from cli.installation import installation, refuse_without_model
from cli.options import Json
from cli.outcome import exit_of, outcome_value, print_outcome
from cli.output import Output
from cli.repository_checks import warn_before_submitting
from cli.request_input import in_own_words, repository, request_text
from cli.session import begin
from controller.change_requests.schemas import ChangeRequestDetail
from controller.gates.schemas import GateView
from pipeline.change_request import Status
from pipeline.errors import CallerError, Conflict, TransientError
from pipeline.gates.gate import Decision, GateKind
from pipeline.machine.private_files import write_private

app = typer.Typer()

_TRIES = 4
_PAUSE_S = 1.0

Repo = Annotated[
    str, typer.Option("--repo", "-r", metavar="REPO", help="A path, a URL, or the name of a registered repository.")
]
File = Annotated[
    str | None, typer.Option("--file", "-f", metavar="REQUEST.md", help="The request as text; - reads stdin.")
]
Title = Annotated[str | None, typer.Option(help="One line. Without it, the first line of the text.")]
Body = Annotated[str | None, typer.Option(help="The request, instead of a file.")]
BaseBranch = Annotated[
    str | None, typer.Option(metavar="BRANCH", help="What to change. [default: the remote's default branch]")
]
TestCommand = Annotated[
    str | None, typer.Option(metavar="COMMAND", help="How the tests run. [default: found in the repository]")
]
ReportUrl = Annotated[
    str | None,
    typer.Option("--report-url", metavar="URL", help="Send signed reports on its progress to this web address."),
]


@app.command()
def run(
    repo: Repo,
    *,
    file: File = None,
    title: Title = None,
    body: Body = None,
    base_branch: BaseBranch = None,
    test_command: TestCommand = None,
    report_url: ReportUrl = None,
    yes: Annotated[
        bool, typer.Option("--yes", "-y", help="Approve the release when everything is proven; nothing else.")
    ] = False,
    scenario: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Play a scripted model from this file instead of asking a real one."),
    ] = None,
    evidence: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Save the evidence here when it is complete.")
    ] = None,
    keep: Annotated[bool, typer.Option("--keep", help="Leave running what this command started.")] = False,
    as_json: Json = False,
) -> None:
    """Carry a change request out from start to end: submit, follow, decide, report.

    Starts what is needed if nothing runs, and stops it at the end. Ctrl-C detaches: the work goes on, and
    `changeline watch` returns to it.

    Exit 0 completed, 3 paused or waiting for a person, 4 failed or cancelled, 5 controller not reachable.
    """
    with begin(as_json=as_json) as session:
        out = session.out
        submission = _submission(repo, file, title, body, base_branch, test_command, report_url)
        if evidence is not None and not evidence.absolute().parent.is_dir():
            raise CallerError(f"There is no directory {evidence.absolute().parent}.", field="--evidence")
        refuse_without_model(session.settings, scenario)
        with _end_on_sigterm(), installation(session, scenario, keep=keep) as reached:
            detail = send(reached.client, submission, out)
            warnings = detail.warnings
            try:
                detail = _carry_out(reached.client, detail, out, approve=yes)
            except KeyboardInterrupt:
                reached.keep = True
                _say_how_to_return(out, detail.id, started=reached.started)
                raise typer.Exit(Exit.NEEDS_PERSON) from None
            saved = _save_evidence(reached.client, detail, evidence)
            if as_json:
                out.value(outcome_value(detail, warnings=warnings, evidence=saved))
            print_outcome(out, detail, evidence=saved)
            _say_where_it_continues(out, detail, stopping=reached.started and not reached.keep, scenario=scenario)
        raise typer.Exit(exit_of(detail))


@app.command()
def submit(
    repo: Repo,
    *,
    file: File = None,
    title: Title = None,
    body: Body = None,
    base_branch: BaseBranch = None,
    test_command: TestCommand = None,
    report_url: ReportUrl = None,
    as_json: Json = False,
) -> None:
    """Submit a change request and print its id.

    The controller must run; `changeline run` starts one by itself.
    """
    with begin(as_json=as_json) as session:
        submission = _submission(repo, file, title, body, base_branch, test_command, report_url)
        refuse_without_model(session.settings, None)
        detail = send(session.client, submission, session.out)
        if as_json:
            session.out.value(detail)
        session.out.line(detail.id)
        session.out.note(f"Follow it with: changeline watch {detail.id}")


def send(client: Client, submission: dict[str, Any], out: Output) -> ChangeRequestDetail:
    """Submit once, however often the answer is lost; prints warnings. Raises `Unreachable` after several tries."""
    key, told = f"cli-{uuid.uuid4().hex}", warn_before_submitting(client, submission, out)
    for left in reversed(range(_TRIES)):
        try:
            detail = client.post("/api/v1/change-requests", ChangeRequestDetail, submission, idempotency_key=key)
        except (Unreachable, TransientError) as error:
            if not left:
                raise
            out.note(f"{error.message} Trying again.")
            time.sleep(_PAUSE_S)
        except CallerError as error:
            raise in_own_words(error) from error
        else:
            for warning in detail.warnings:
                if warning != told:
                    out.warn(warning)
            return detail
    raise Unreachable("The controller does not answer.")


def _submission(
    repo: str, file: str | None, title: str | None, body: str | None, base_branch: str | None, test_command: str | None,
    report_url: str | None,
) -> dict[str, Any]:  # fmt: skip
    heading, text = request_text(file, title, body)
    submission: dict[str, Any] = {
        "body": text,
        "repositories": [repository(repo, base_branch, test_command)],
        "source": "cli",
    }
    given = {"title": heading, "report_url": report_url}
    return {**submission, **{name: value for name, value in given.items() if value is not None}}


def _carry_out(client: Client, detail: ChangeRequestDetail, out: Output, *, approve: bool) -> ChangeRequestDetail:
    def answer(resting: ChangeRequestDetail) -> bool:
        gate = gates.open_gate(client, resting.id, kind=GateKind.RELEASE) if resting.gates else None
        if gate is None or not approve:
            return False
        out.note(f"Approving the release (--yes): {gate.content_hash}")
        return _approve(client, gate, out)

    out.note(f"Submitted {detail.id}: {detail.title}")
    while True:
        with view_of(detail, out.progress_console if not out.as_json else None, out.note) as view:
            detail = follow_to_rest(client, detail.id, view, answer=answer)
        # A person in front of the terminal decides now rather than by another command.
        if not (out.interactive and _ask(client, detail, out)):
            return detail


def _ask(client: Client, detail: ChangeRequestDetail, out: Output) -> bool:
    gate = gates.open_gate(client, detail.id, kind=GateKind.RELEASE) if detail.gates else None
    if gate is None:
        return False
    gates.show_gate(out, gate)
    return typer.confirm("Approve the release?") and _approve(client, gate, out)


def _approve(client: Client, gate: GateView, out: Output) -> bool:
    try:
        gates.decide(client, gate, Decision.APPROVE)
    except Conflict as error:
        # Somebody was faster, or the content changed: what holds now is looked at again.
        out.note(error.message)
    except CallerError as error:
        out.warn(error.message)
        return False
    return True


def _save_evidence(client: Client, detail: ChangeRequestDetail, file: Path | None) -> str | None:
    if file is None or detail.status is not Status.COMPLETED:
        return None
    write_private(file.absolute(), client.content(f"{path_of(detail.id)}/evidence").decode("utf-8"))
    return str(file)


def _say_how_to_return(out: Output, cr_id: str, *, started: bool) -> None:
    out.note(f"\nDetached; {cr_id} goes on. Return with: changeline watch {cr_id}")
    if started:
        out.note("It runs in the background; stop everything with: changeline down")


def _say_where_it_continues(out: Output, detail: ChangeRequestDetail, *, stopping: bool, scenario: Path | None) -> None:
    if stopping and exit_of(detail) is Exit.NEEDS_PERSON:
        again = f" --scenario {shlex.quote(str(scenario))}" if scenario else ""
        out.note(f"Everything is kept. Before you go on: changeline up --detach{again}")


@contextmanager
def _end_on_sigterm() -> Iterator[None]:
    """SIGTERM leaves like an error, so that what was started is stopped."""

    def end(_number: int, _frame: FrameType | None) -> None:
        raise SystemExit(128 + signal.SIGTERM)

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
