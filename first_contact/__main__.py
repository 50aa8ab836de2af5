"""`python -m first_contact`: exit 1 when an end is not the one that a user expects."""

import argparse
import json
import signal
import sys
from dataclasses import asdict
from pathlib import Path

from rich.console import Console

from bench import machine
from first_contact import report
from first_contact.campaign import carried, names
from first_contact.cases import CaseBroken

PAGE = Path(__file__).parents[1] / "docs" / "first-contact.md"


def main(arguments: list[str] | None = None) -> int:
    """Carry the cases through the line and print what came of each."""
    parser = argparse.ArgumentParser(prog="python -m first_contact", description="Carry repositories through the line.")
    parser.add_argument("cases", nargs="*", help="names of cases [default: all]")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of a table")
    parser.add_argument("--write", action="store_true", help=f"write docs/{PAGE.name} anew")
    given = parser.parse_args(arguments)
    # So that the installation is stopped in every way out.
    signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))
    notes = Console(stderr=True, highlight=False, style="dim", soft_wrap=True)
    try:
        endings = carried(given.cases, notes.print)
    except CaseBroken as broken:
        notes.print(str(broken), style="red")
        return 2
    if given.write:
        told = {one.name for one in endings}
        rest = [name for name in names() if name not in told]
        PAGE.write_text(report.page(endings, machine.describe(), rest), encoding="utf-8")
    if given.json:
        json.dump({"machine": machine.describe(), "endings": [asdict(one) for one in endings]}, sys.stdout, indent=2)
        sys.stdout.write("\n")
    else:
        report.show(endings, Console(width=None if sys.stdout.isatty() else 160))
    return 0 if all(one.as_expected for one in endings) else 1


if __name__ == "__main__":
    sys.exit(main())
