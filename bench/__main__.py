"""`python -m bench`: measure and print. The exit code says whether it could measure, never how fast it was."""

import argparse
import json
import sys

from rich.console import Console

from bench import machine, table
from bench.runs import RUNS, run

NAMES = [one.name for one in RUNS]


def main(arguments: list[str] | None = None) -> int:
    """Run the wanted figures and print them."""
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measure Changeline beside its floors.")
    parser.add_argument("--quick", action="store_true", help="fewer samples")
    shape = parser.add_mutually_exclusive_group()
    shape.add_argument("--json", action="store_true", help="print one JSON object instead of a table")
    shape.add_argument("--markdown", action="store_true", help="print the table as docs/performance.md shows it")
    parser.add_argument("--only", action="append", choices=NAMES, metavar="NAME", help=f"one of: {', '.join(NAMES)}")
    given = parser.parse_args(arguments)
    notes = Console(stderr=True, highlight=False, style="dim")
    before = machine.describe()
    figures = list(run(given.only or NAMES, quick=given.quick, report=notes.print))
    if given.json:
        json.dump({"machine": before, "figures": [one.plain() for one in figures]}, sys.stdout, indent=2)
        sys.stdout.write("\n")
    elif given.markdown:
        sys.stdout.write(table.markdown(figures, machine=before))
    else:
        table.show(figures, machine=before, console=Console(width=None if sys.stdout.isatty() else 150))
    return 0


if __name__ == "__main__":
    sys.exit(main())
