"""The endings in one table, for the terminal and for `docs/first-contact.md`."""

import re
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from first_contact.journeys import Ending

AIM = 0.95
_WORDS_MAX = 160
_PLACE = re.compile(r"/\S*/changeline-first-contact-\w+/")


def share(endings: Sequence[Ending]) -> float:
    """Return the share of endings that a user expects."""
    return sum(one.as_expected for one in endings) / len(endings) if endings else 0.0


def show(endings: Sequence[Ending], console: Console) -> None:
    """Print the table and the two figures."""
    table = Table(title="First contact", title_justify="left", header_style="bold")
    for name in ("Case", "End", "Expected", "Seconds", "What a person reads"):
        table.add_column(name, justify="right" if name == "Seconds" else "left", overflow="fold")
    for one in endings:
        style = "" if one.as_expected else "red"
        table.add_row(one.name, _end(one), ", ".join(one.expected), f"{one.seconds:.0f}", _short(one), style=style)
    console.print(table)
    console.print(summary(endings), highlight=False)


def summary(endings: Sequence[Ending]) -> str:
    """Return the figures in a sentence."""
    expected, blaming = sum(one.as_expected for one in endings), sum(one.blames_an_agent for one in endings)
    return (
        f"{expected} of {len(endings)} as expected ({share(endings):.0%}, aim {AIM:.0%}); "
        f"{blaming} blame an agent for something else (aim 0)."
    )


def page(endings: Sequence[Ending], machine: str, not_carried: Sequence[str]) -> str:
    """Return the page for the documents; it names the cases that were not carried this time."""
    rows = [
        f"| {one.name} | {'' if one.as_expected else '**'}{_end(one)}{'' if one.as_expected else '**'} |"
        f" {', '.join(one.expected)} | {one.seconds:.0f} | {_short(one).replace('|', chr(92) + '|')} |"
        for one in endings
    ]
    return "\n".join([
        "# First contact",
        "",
        "Written by `make first-contact`: repositories of the shapes that people have, each carried through the whole line",
        "with scripted agents that do not adapt. An end in bold is not the one that a user expects.",
        "",
        summary(endings),
        *((f"Not carried this time: {', '.join(not_carried)}.",) if not_carried else ()),
        "",
        f"Machine: {machine}. Seconds are from registering to the end, beside others that ran at the same time.",
        "",
        "| case | end | expected | seconds | what a person reads |",
        "|---|---|---|---|---|",
        *rows,
        "",
    ])  # fmt: skip


def _end(one: Ending) -> str:
    return one.end if not one.undeclared else f"{one.end}, with undeclared {', '.join(one.undeclared)}"


def _short(one: Ending) -> str:
    words = _PLACE.sub("", one.words)  # where the cases lay this time says nothing
    return words if len(words) <= _WORDS_MAX else f"{words[:_WORDS_MAX].rsplit(' ', 1)[0]} …"
