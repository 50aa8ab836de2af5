"""The figures as people read them."""

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from bench.figures import Figure

_SMALL = 10.0
_MEDIUM = 1_000.0


def show(figures: Sequence[Figure], *, machine: str, console: Console) -> None:
    """Print one table; a figure that misses its aim is marked and nothing more happens."""
    table = Table(title="Changeline beside its floors", title_justify="left", title_style="bold", header_style="bold")
    for name in ("", "Figure"):
        table.add_column(name, overflow="fold")
    for name in ("Median", "p95", "Floor", "x", "Aim"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("Floor is", overflow="fold", style="dim")
    group = None
    for one in figures:
        if group not in {None, one.group}:
            table.add_section()
        table.add_row("" if one.group == group else one.group, one.name, *_numbers(one), _words(one))
        group = one.group
    console.print(table)
    console.print(f"Machine: {machine}", highlight=False)


def markdown(figures: Sequence[Figure], *, machine: str) -> str:
    """Return the same table as a page of the documentation shows it."""
    lines = ["| | figure | median | p95 | floor | × | aim | floor is |", "|---|---|---:|---:|---:|---:|---:|---|"]
    group = None
    for one in figures:
        cells = [_plain(cell) for cell in _numbers(one)]
        first = "" if one.group == group else one.group
        lines.append(f"| {' | '.join([first, one.name, *cells, _words(one)])} |")
        group = one.group
    return "\n".join([*lines, "", f"Machine: {machine}", ""])


def _plain(cell: str) -> str:
    return cell.replace("[yellow]", "**").replace("[/yellow]", "**")


def _words(one: Figure) -> str:
    if one.unmeasured:
        return f"not measured: {one.unmeasured}"
    return one.floor.name if one.floor else ""


def _numbers(one: Figure) -> tuple[str, str, str, str, str]:
    if one.unmeasured:
        return ("none", "", "", "", "")
    missed = one.aim is not None and one.value > one.aim
    value = f"[yellow]{_text(one.value, one.unit)}[/yellow]" if missed else _text(one.value, one.unit)
    times = f"{one.value / one.floor.value:.1f}" if one.floor else ""
    return (
        value,
        _text(one.p95, one.unit) if one.p95 is not None else "",
        _text(one.floor.value, one.unit) if one.floor else "",
        times,
        _text(one.aim, one.unit) if one.aim is not None else "",
    )


def _text(value: float, unit: str) -> str:
    digits = 2 if value < _SMALL else 1 if value < _MEDIUM else 0
    return f"{value:,.{digits}f} {unit}"
