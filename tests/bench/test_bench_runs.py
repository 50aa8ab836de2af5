"""The bench measures and prints; how fast it was is nobody's test."""

import io
import json
import subprocess

import pytest
from rich.console import Console

from bench import table
from bench.figures import RATE, Floor, figure, percentile, unmeasured
from bench.whole_request import covered_s
from cli import own_processes


@pytest.mark.thorough
def test_the_cheap_figures_come_out_beside_their_floors() -> None:
    argv = own_processes.module("bench", "--quick", "--json", "--only", "stage", "--only", "events")
    done = subprocess.run(argv, env=own_processes.environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert "cores" in found["machine"]
    figures = {one["name"]: one for one in found["figures"]}
    assert figures["stage with a body that does nothing"]["floor_name"] == "node, LangGraph on plain tables"
    for name in ("append, one writer", "append, 4 writers", "number and read"):
        assert figures[name]["floor"] > 0
        assert figures[name]["unit"] == RATE
    assert all(one["value"] > 0 for one in figures.values())


def test_the_table_shows_floor_factor_and_aim() -> None:
    shown = Console(file=io.StringIO(), width=150)
    measured = figure(
        "submit", "submit to first model request", [400.0, 200.0, 600.0], "ms", floor=Floor("bare", 100.0), aim=300.0
    )
    table.show([measured], machine="2 cores", console=shown)
    assert isinstance(shown.file, io.StringIO)
    text = shown.file.getvalue()
    for part in ("400.0 ms", "600.0 ms", "100.0 ms", "4.0", "300.0 ms", "bare", "Machine: 2 cores"):
        assert part in text
    page = table.markdown([measured], machine="2 cores")
    assert (
        "| submit | submit to first model request | **400.0 ms** | 600.0 ms | 100.0 ms | 4.0 | 300.0 ms | bare |"
        in page
    )


def test_of_rates_the_slow_side_is_told() -> None:
    samples = [float(number) for number in range(1, 101)]
    assert percentile(samples, 0.95) == 95.0
    assert figure("events", "append", samples, RATE).p95 == 5.0


def test_time_that_two_reviewers_spend_side_by_side_counts_once() -> None:
    assert covered_s([(0.0, 2.0), (1.0, 3.0), (5.0, 6.0), (5.2, 5.4)]) == 4.0


def test_a_row_without_a_number_says_why() -> None:
    missing = unmeasured("control room", "open it in a browser", "no browser here")
    page = table.markdown([missing], machine="2 cores")
    assert "| control room | open it in a browser | none |  |  |  |  | not measured: no browser here |" in page
    assert (missing.plain()["value"], missing.plain()["unmeasured"]) == (None, "no browser here")
