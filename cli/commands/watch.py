"""`watch`: a change request as it happens."""

import typer

from cli.change_requests import change_request
from cli.event_view import follow_to_rest, view_of
from cli.exits import Exit
from cli.options import ChangeRequest, Json
from cli.outcome import exit_of, outcome_value, print_outcome
from cli.session import begin

app = typer.Typer()


@app.callback()
def _group() -> None:
    pass


@app.command()
def watch(cr: ChangeRequest = "latest", *, as_json: Json = False) -> None:
    """Follow a change request live.

    Ends when it is finished or waits for a person, with the exit code of `run`. Connections that break are taken up
    again where they were. Without a terminal, one line per event is printed. Ctrl-C ends watching, not the work.
    """
    with begin(as_json=as_json) as session:
        out = session.out
        detail = change_request(session.client, cr)
        console = out.progress_console if out.interactive else None
        try:
            with view_of(detail, console, out.note if as_json else out.line) as view:
                detail = follow_to_rest(session.client, detail.id, view, answer=lambda _detail: False)
        except KeyboardInterrupt:
            out.note(f"\n{detail.id} goes on. Return with: changeline watch {detail.id}")
            raise typer.Exit(Exit.NEEDS_PERSON) from None
        if as_json:
            out.value(outcome_value(detail))
        print_outcome(out, detail)
        raise typer.Exit(exit_of(detail))
