"""The `changeline` command: assembles the verbs, and turns whatever goes wrong into one sentence and an exit code."""

import io
import sys
import traceback
from collections.abc import Sequence
from typing import Annotated

import typer
from typer.exceptions import TyperException
from typer.main import get_command

from cli.exits import Exit
from cli.registry import Verbs

ABOUT = """Carries a change request from a ticket to released code.

Agents do the work, deterministic checks prove it, people stay at the controls.

First: changeline run --repo PATH --file REQUEST.md
"""
EPILOG = (
    "Exit codes: 0 completed · 1 internal error, or the answer no of a check · 2 usage · 3 waits for a person,"
    " or evidence whose signer is unknown · 4 failed or cancelled · 5 controller not reachable"
)

app = typer.Typer(
    cls=Verbs,
    name="changeline",
    help=ABOUT,
    epilog=EPILOG,
    no_args_is_help=True,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(asked: bool) -> None:
    if asked:
        from pipeline.version import version  # noqa: PLC0415 - help and completion do not need it

        typer.echo(f"changeline {version()}")
        raise typer.Exit


@app.callback()
def _root(
    _version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code. Nothing but SystemExit of completion scripts leaves it."""
    _never_fail_to_print()
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        outcome = get_command(app).main(given, prog_name="changeline", standalone_mode=False)
    except TyperException as error:
        return _explain_usage(error, given)
    except typer.Abort:
        return Exit.INTERRUPTED
    except BrokenPipeError:
        return Exit.INTERNAL
    except Exception as error:  # noqa: BLE001 - the last handler of the process: every error becomes a sentence and a code
        return _explain_failure(error, given)
    return int(outcome) if isinstance(outcome, int) else Exit.COMPLETED


def _never_fail_to_print() -> None:
    """A terminal that lacks a character shows a question mark; that is no reason to fail."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper) and stream.encoding.lower() != "utf-8":
            stream.reconfigure(errors="replace")


def _explain_usage(error: TyperException, given: Sequence[str]) -> int:
    if _wants_json(given):
        from cli.output import refuse  # noqa: PLC0415 - as `_explain_failure`

        refuse(error.format_message(), field=None, remedy="See --help.", as_json=True)
        return Exit.USAGE
    from typer.rich_utils import rich_format_error  # noqa: PLC0415 - as `_explain_failure`

    rich_format_error(error)  # type: ignore[arg-type]  # what leaves a parsed command is always Typer's own subclass
    return Exit.USAGE


def _explain_failure(error: Exception, given: Sequence[str]) -> int:
    from cli.failures import explain  # noqa: PLC0415 - a command that succeeds does not pay for failing

    return explain(error, as_json=_wants_json(given), trace=traceback.format_exc())


def _wants_json(given: Sequence[str]) -> bool:
    own = given[: given.index("--")] if "--" in given else given
    return "--json" in own
