"""`python -m first_contact`: exit 1 when an end is not the one that a user expects."""

import argparse
import json
import shutil
import signal
import sys
import tempfile
from dataclasses import asdict
from functools import partial
from pathlib import Path

from rich.console import Console

from bench import machine
from chaos.installation import installation
from first_contact import agents, cases, packages, report
from first_contact.cases import Case, Prepared
from first_contact.journeys import travel

_SETTINGS = {
    "CHANGELINE_ENVIRONMENT__OFFLINE": "false",
    "CHANGELINE_LEASE__BEAT_S": "5",
    "CHANGELINE_LEASE__LOST_AFTER_S": "60",
}
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
    known: dict[str, tuple[Case, partial[Prepared]]] = {
        case.name: (case, partial(cases.prepare, case)) for case in cases.known()
    } | {one.case.name: (one.case, partial(packages.prepare, one)) for one in packages.known()}
    if strange := [name for name in given.cases if name not in known]:
        notes.print(f"No such case: {', '.join(strange)}. Known are {', '.join(known)}.", style="red")
        return 2
    wanted = {name: known[name] for name in given.cases or known}
    for case, _ in list(wanted.values()):
        if case.needs and shutil.which(case.needs) is None:
            notes.print(f"{case.name}: not tried, there is no {case.needs} on this machine", style="yellow")
            del wanted[case.name]
    with tempfile.TemporaryDirectory(prefix="changeline-first-contact-") as root:
        # Tools of agents run as other users, who have to be able to pass through.
        Path(root).chmod(0o755)
        prepared = [make(Path(root) / name) for name, (_, make) in wanted.items()]
        with installation(scenario=agents.scenario(prepared), settings=_SETTINGS) as installed:
            endings = travel(installed, prepared, notes.print)
    if given.write:
        PAGE.write_text(report.page(endings, machine.describe()), encoding="utf-8")
    if given.json:
        json.dump({"machine": machine.describe(), "endings": [asdict(one) for one in endings]}, sys.stdout, indent=2)
        sys.stdout.write("\n")
    else:
        report.show(endings, Console(width=None if sys.stdout.isatty() else 160))
    return 0 if all(one.as_expected for one in endings) else 1


if __name__ == "__main__":
    sys.exit(main())
