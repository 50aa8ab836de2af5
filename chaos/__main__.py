"""`python -m chaos`: exit 1 when anything was lost, doubled or diverged; never for slowness."""

import argparse
import json
import signal
import sys
import time
from pathlib import Path

from rich.console import Console

from bench import machine
from chaos import report
from chaos.campaign import Campaign


def main(arguments: list[str] | None = None) -> int:
    """Run a campaign, or go on with one, and print what came of it."""
    parser = argparse.ArgumentParser(prog="python -m chaos", description="End real processes and compare the outcome.")
    parser.add_argument("--kills", type=int, default=200, help="how many disturbances [default: 200]")
    parser.add_argument("--seed", type=int, default=1, help="the same seed plans the same disturbances [default: 1]")
    parser.add_argument("--resume", type=Path, metavar="FILE", help="go on with the campaign in this result file")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of a table")
    given = parser.parse_args(arguments)
    # So that the installation is stopped in every way out.
    signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))
    file = given.resume or Path(f".cache/chaos/{given.seed}-{time.strftime('%Y%m%d-%H%M%S')}.jsonl")
    file.parent.mkdir(parents=True, exist_ok=True)
    notes = Console(stderr=True, highlight=False, style="dim", soft_wrap=True)
    notes.print(f"Results go to {file}; go on with --resume {file}")
    before = machine.describe()
    campaign = Campaign(kills=given.kills, seed=given.seed, file=file, report=notes.print)
    found = report.summary(campaign.run(), seed=given.seed)
    if given.json:
        json.dump({"machine": before, **found}, sys.stdout, indent=2)
        sys.stdout.write("\n")
    else:
        report.show(found, machine=before, console=Console(width=None if sys.stdout.isatty() else 120))
    return 1 if found["problems"] else 0


if __name__ == "__main__":
    sys.exit(main())
