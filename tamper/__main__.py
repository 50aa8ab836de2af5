"""`python -m tamper`: exit 1 when a tampered change was missed or an honest one stopped."""

import argparse
import random
import signal
import sys

from rich.console import Console

from bench import machine
from tamper import report
from tamper.corpus import Change, corpus
from tamper.trials import as_json, tried


def main(arguments: list[str] | None = None) -> int:
    """Carry the changes through the line and print what became of each kind."""
    parser = argparse.ArgumentParser(
        prog="python -m tamper", description="Carry tampered and honest changes through the line."
    )
    parser.add_argument("names", nargs="*", help="changes, or beginnings of their names [default: all]")
    parser.add_argument("--sample", type=int, metavar="N", help="only N of them, drawn by --seed")
    parser.add_argument("--seed", type=int, default=None, help="for --sample; drawn and printed when not given")
    parser.add_argument(
        "--witnesses-alone", action="store_true", help="without the rules about how a change looks: what do runs show?"
    )
    shape = parser.add_mutually_exclusive_group()
    shape.add_argument("--json", action="store_true", help="print one JSON array instead of a table")
    shape.add_argument("--markdown", action="store_true", help="print the table as docs/proof.md shows it")
    given = parser.parse_args(arguments)
    # So that the installation is stopped in every way out.
    signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))
    notes = Console(stderr=True, highlight=False, style="dim", soft_wrap=True)
    changes = [one for one in corpus() if not given.names or one.name.startswith(tuple(given.names))]
    if not changes:
        notes.print("No change has such a name.", style="red")
        return 2
    drawn = _drawn(changes, given.sample, given.seed, notes)
    trials = tried(drawn, notes.print, witnesses_alone=given.witnesses_alone)
    if given.json:
        sys.stdout.write(f"{as_json(trials)}\n")
    elif given.markdown:
        sys.stdout.write(report.markdown(trials, machine.describe()))
    else:
        report.show(trials, Console(width=None if sys.stdout.isatty() else 170))
    return 0 if all(one.as_aimed for one in trials) else 1


def _drawn(changes: list[Change], number: int | None, seed: int | None, notes: Console) -> list[Change]:
    if number is None:
        return changes
    seed = random.randrange(2**32) if seed is None else seed  # noqa: S311 - which examples, no secret
    notes.print(f"Seed {seed}")
    return random.Random(seed).sample(changes, min(number, len(changes)))  # noqa: S311


if __name__ == "__main__":
    sys.exit(main())
