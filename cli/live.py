"""The live view of one change request on a terminal: a timeline, who works now, tests, money."""

from datetime import UTC, datetime
from types import TracebackType
from typing import Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.markup import escape
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from cli.client import Event
from cli.outcome import stage_words
from cli.output import STATUS_STYLES, one_line
from cli.progress import Mark, Progress, StageLine
from controller.events.schemas import DeltaView
from pipeline.change_request import Status

_MARKS = {Mark.AHEAD: "·", Mark.RUNNING: "▶", Mark.DONE: "✓", Mark.BACK: "↺", Mark.STOPPED: "■"}
_STYLES = {
    Mark.AHEAD: "dim", Mark.RUNNING: "bold blue", Mark.DONE: "green", Mark.BACK: "yellow", Mark.STOPPED: "yellow",
}  # fmt: skip
_PER_SECOND = 8
_MODEL_WORDS = 60
_HEAD_LINES = 2
_STAGES_MIN = 5
_NAME_WIDTH = 26
_DURATION_WIDTH = 9
_WARNINGS_SHOWN = 2


class LiveView:
    """Use as a context manager; `show` takes each event."""

    def __init__(self, console: Console, *, cr_id: str, title: str, model: str) -> None:
        self._head = (cr_id, title, model)
        self._console = console
        self.progress = Progress()
        self._spinner = Spinner("dots")
        self._live = Live(get_renderable=self._render, console=console, refresh_per_second=_PER_SECOND, transient=False)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()

    def show(self, event: Event) -> None:
        """Take in an event; the screen follows by itself."""
        self.progress.apply(event)

    def on_delta(self, delta: DeltaView) -> None:
        """Take in what a model is saying."""
        self.progress.hear(delta)

    def notice(self, text: str) -> None:
        """Print a line above the view."""
        self._console.print(escape(text), style="dim")

    def _render(self) -> RenderableType:
        below = [*self._agents(), *self._facts()]
        room = self._console.height - _HEAD_LINES - len(below) - 1
        return Group(self._heading(), self._timeline(room), *below)

    def _heading(self) -> RenderableType:
        cr_id, title, model = self._head
        progress = self.progress
        reason = f" ({progress.reason.replace('_', ' ')})" if progress.reason else ""
        style = STATUS_STYLES.get(progress.status, "white")
        text = Text.from_markup(
            f"[bold]{escape(one_line(title))}[/bold]\n"
            f"[dim]{escape(cr_id)} · {escape(one_line(model)[:_MODEL_WORDS])}[/dim] · [{style}]{progress.status}{reason}[/]"
        )
        text.no_wrap, text.overflow = True, "ellipsis"
        return text

    def _timeline(self, room: int) -> RenderableType:
        """Draw the stages in at most `room` lines: what lies ahead shares one, what is long done gives way first."""
        lines = list(self.progress.stages.values())
        ahead = [line for line in lines if line.state is Mark.AHEAD]
        begun = [line for line in lines if line.state is not Mark.AHEAD]
        hidden = max(0, len(begun) + bool(ahead) + 1 - max(room, _STAGES_MIN))
        hidden = hidden if hidden > 1 else 0
        table = Table.grid(padding=(0, 1), expand=True)
        for width in (1, _NAME_WIDTH, _DURATION_WIDTH):
            table.add_column(width=width, min_width=width, no_wrap=True)
        table.add_column(overflow="ellipsis", no_wrap=True, ratio=1)
        if hidden:
            table.add_row(Text("✓", "green"), Text(f"{hidden} stages", "green"), Text(""), Text(""))
        for line in begun[hidden:]:
            style = _STYLES[line.state]
            mark: RenderableType = self._spinner if line.state is Mark.RUNNING else Text(_MARKS[line.state], style)
            name = stage_words(line.name) + (f" ×{line.round}" if line.round > 1 else "")
            table.add_row(mark, Text(name, style), Text(_duration(line), "dim"), Text(one_line(line.summary), "dim"))
        if ahead:
            names = ", ".join(stage_words(line.name) for line in ahead)
            table.add_row(Text("·", "dim"), Text("then", "dim"), Text(""), Text(names, "dim"))
        return table

    def _agents(self) -> list[RenderableType]:
        lines: list[RenderableType] = []
        for agent in self.progress.agents.values():
            now = f"… {one_line(agent.saying)}" if agent.saying else one_line(agent.tool or agent.text)
            text = Text.from_markup(
                f"  [cyan]{escape(agent.role.replace('_', ' '))}[/cyan] [dim]turn {agent.turn}[/dim]  {escape(now)}"
            )
            text.no_wrap, text.overflow = True, "ellipsis"
            lines.append(text)
        return lines

    def _facts(self) -> list[RenderableType]:
        progress = self.progress
        tests = [
            f"{purpose} [{'green' if ok else 'red'}]{passed} passed, {failed} failed[/]"
            for purpose, (passed, failed, ok) in list(progress.tests.items())[-2:]
        ]
        budget = f" of {progress.budget_usd:.2f}" if progress.budget_usd is not None else ""
        spent = f"{progress.spent_usd:.4f}{budget} USD"
        counts = f"{progress.turns} turns, {progress.tools} tools"
        facts = [f"{_elapsed_time(progress)} · {spent} · {counts}", *(f"Tests: {line}" for line in tests)]
        warned = [f"[yellow]! {escape(one_line(text))}[/yellow]" for text in progress.warnings[-_WARNINGS_SHOWN:]]
        found = [Text.from_markup("  " + line) for line in (*facts, *warned)]
        for text in found:
            text.no_wrap, text.overflow = True, "ellipsis"
        return list(found)


def _duration(line: StageLine) -> str:
    seconds = line.duration_s
    if line.state is Mark.RUNNING and line.entered_at is not None:
        seconds += (datetime.now(UTC) - line.entered_at).total_seconds()
    return f"{seconds:.1f} s" if line.state is not Mark.AHEAD else ""


def _elapsed_time(progress: Progress) -> str:
    if progress.started_at is None:
        return "0:00"
    active = progress.status in {Status.QUEUED, Status.RUNNING}
    end = datetime.now(UTC) if active else progress.newest_at or progress.started_at
    seconds = max(0, int((end - progress.started_at).total_seconds()))
    hours, minutes = divmod(seconds // 60, 60)
    return f"{hours}:{minutes:02}:{seconds % 60:02}" if hours else f"{minutes}:{seconds % 60:02}"
