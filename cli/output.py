"""What commands print: one JSON value on stdout with `--json`, otherwise words and tables; progress goes to stderr."""

import json
import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from pipeline.change_request import PauseReason, Status

STATUS_STYLES = {
    Status.QUEUED: "cyan",
    Status.RUNNING: "blue",
    Status.WAITING: "yellow",
    Status.PAUSED: "yellow bold",
    Status.COMPLETED: "green",
    Status.FAILED: "red",
    Status.CANCELLED: "magenta",
}


_PIPE_WIDTH = 10_000


class Output:
    """Where one command prints. Text from outside is escaped before it meets markup, and cannot move the cursor."""

    def __init__(self, *, as_json: bool) -> None:
        self.as_json = as_json
        # A pipe has no width: tables keep whole ids there.
        width = None if sys.stdout.isatty() else _PIPE_WIDTH
        self._out = Console(highlight=False, soft_wrap=True, width=width)
        self._err = Console(stderr=True, highlight=False, soft_wrap=True)

    @property
    def interactive(self) -> bool:
        """Whether a person sits in front of it who sees what is printed and can be asked."""
        return not self.as_json and sys.stdin.isatty() and sys.stdout.isatty()

    @property
    def progress_console(self) -> Console | None:
        """A terminal on which progress can be drawn; None when nobody watches one."""
        return self._err if self._err.is_terminal else None

    def value(self, value: Any) -> None:
        """Print the command's result as JSON; an answer of the API as the API worded it."""
        plain = plain_json(value) if isinstance(value, BaseModel) else value
        sys.stdout.write(json.dumps(plain, indent=2, ensure_ascii=False, default=str) + "\n")
        sys.stdout.flush()

    def line(self, text: str = "", style: str | None = None) -> None:
        """Print one line of the result; nothing with `--json`."""
        if not self.as_json:
            self._out.print(escape(printable(text)), style=style)

    def styled(self, markup: str) -> None:
        """Print a line of our own markup, whose outside parts the caller has escaped."""
        if not self.as_json:
            self._out.print(markup)

    def note(self, text: str) -> None:
        """Print progress or a remark to stderr."""
        self._err.print(escape(printable(text)), style="dim")

    def warn(self, text: str) -> None:
        """Print a warning to stderr."""
        self._err.print(f"[yellow]Warning:[/yellow] {escape(printable(text))}")

    def table(self, headings: Sequence[str], rows: Iterable[Sequence[Any]], *, empty: str) -> None:
        """Print rows, or the sentence for none."""
        if self.as_json:
            return
        listed = [[escape("" if cell is None else one_line(cell)) for cell in row] for row in rows]
        if not listed:
            self.line(empty, "dim")
            return
        table = Table(box=None, pad_edge=False, header_style="bold")
        for heading in headings:
            table.add_column(heading, overflow="fold")
        for row in listed:
            table.add_row(*row)
        self._out.print(table)


def plain_json(answer: BaseModel) -> dict[str, Any]:
    """Return an answer of the API as JSON has it."""
    return answer.model_dump(mode="json")


def status_markup(status: Status, reason: PauseReason | None) -> str:
    """Return a status with its colour, and its reason in words."""
    why = f" ({words(reason)})" if reason else ""
    return f"[{STATUS_STYLES.get(status, 'white')}]{status}[/]{why}"


def words(name: str) -> str:
    """Return a name of ours, such as a stage or a reason, as people read it."""
    return name.replace("_", " ")


def refuse(message: str, *, field: str | None, remedy: str | None, as_json: bool) -> None:
    """Print why a command was refused: one sentence, the field, the remedy."""
    if as_json:
        sys.stdout.write(json.dumps({"error": message, "field": field, "remedy": remedy}, ensure_ascii=False) + "\n")
        return
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    named = f" [dim]({escape(field)})[/dim]" if field else ""
    console.print(f"[red]Error:[/red] {escape(printable(message))}{named}")
    if remedy:
        console.print(f"       {escape(printable(remedy))}")


def one_line(text: Any) -> str:
    """Return a text on one line and without control characters."""
    return " ".join(printable(text).split())


def printable(text: Any) -> str:
    """Return a text without control characters but newlines and tabs: outside text must not steer the terminal."""
    return "".join(one if one.isprintable() or one in "\n\t" else "\N{REPLACEMENT CHARACTER}" for one in str(text))


def age_of(moment: datetime) -> str:
    """Return how long ago a moment was, in its largest unit."""
    seconds = int((datetime.now(UTC) - moment).total_seconds())
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds // size} {unit}"
    return f"{max(seconds, 0)} s"
