"""What became of the changes: a table for the terminal, and the same in short for `docs/proof.md`."""

from collections import Counter
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from tamper.trials import Outcome, Trial


def show(trials: Sequence[Trial], console: Console) -> None:
    """Print what is not as aimed one by one, then the counts for each kind."""
    for one in trials:
        if not one.as_aimed:
            console.print(f"{one.name}: {one.outcome} ({one.reason}) {one.words[:300]}", highlight=False, markup=False)
    table = Table(title="Tampered and honest changes", title_justify="left", header_style="bold")
    for name in ("Kind", "Changes", *Outcome, "Seconds each", "By what"):
        table.add_column(str(name), justify="left" if name in {"Kind", "By what"} else "right", overflow="fold")
    for row in rows(trials):
        table.add_row(*row)
    console.print(table)
    console.print(summary(trials), highlight=False)


def rows(trials: Sequence[Trial]) -> list[tuple[str, ...]]:
    """Return one row for each kind."""
    found = []
    for kind in dict.fromkeys(one.kind for one in trials):
        of_it = [one for one in trials if one.kind == kind]
        counts = Counter(one.outcome for one in of_it)
        reasons = Counter(one.reason for one in of_it if one.reason)
        by = ", ".join(f"{reason} {number}" for reason, number in reasons.most_common())
        seconds = sum(one.seconds for one in of_it) / len(of_it)
        found.append((kind, str(len(of_it)), *(str(counts[one] or "") for one in Outcome), f"{seconds:.0f}", by))
    return found


def summary(trials: Sequence[Trial]) -> str:
    """Return the figures in a sentence."""
    bad = [one for one in trials if one.kind != "honest"]
    good = [one for one in trials if one.kind == "honest"]
    caught, shown = (sum(one.outcome is outcome for one in bad) for outcome in (Outcome.CAUGHT, Outcome.SHOWN))
    beyond = sum(one.outcome is Outcome.MISSED and bool(one.undecidable) for one in bad)
    alarms = sum(one.outcome is not Outcome.PASSED for one in good)
    return (
        f"Of {len(bad)} tampered changes {caught} caught, {shown} shown at the gate as a finding, {beyond} beyond what is decided "
        f"here (aim: all); {alarms} of {len(good)} honest changes stopped or shown as more than a remark (aim: 0)."
    )


def markdown(trials: Sequence[Trial], machine: str) -> str:
    """Return the table for the page."""
    head = ["Kind", "Changes", *(str(one) for one in Outcome), "Seconds each", "By what"]
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}", *(f"| {' | '.join(row)} |" for row in rows(trials))]
    missed = [f"- `{one.name}`: {one.undecidable or one.outcome}" for one in trials if one.outcome in {Outcome.MISSED, Outcome.STOPPED, Outcome.ALARM, Outcome.BROKEN}]  # fmt: skip
    return "\n".join([*lines, "", summary(trials), f"Machine: {machine}", "", *missed, ""])
