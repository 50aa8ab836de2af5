"""The campaign in one table, and whether it passed: nothing lost, nothing twice, nothing different."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from bench.figures import P95, percentile
from chaos.campaign import Line, kinds

_RESUMING = {"worker", "freeze", "cut"}


def summary(lines: Sequence[Line], *, seed: int) -> dict[str, Any]:
    """Return the campaign's figures, JSON-plain."""
    struck = sum(len(line["struck"]) for line in lines)
    repeated = sum(line["repeated_calls"] for line in lines)
    wrong = [line for line in lines if line["problems"]]
    return {
        "seed": seed, "kills": struck, "change_requests": len(lines), "recovered": len(lines) - len(wrong),
        "workers_lost": sum(line["lost_workers"] for line in lines),
        "calls_repeated": repeated, "calls_repeated_per_kill": round(repeated / struck, 3) if struck else 0.0,
        "minutes": round(sum(line["elapsed_s"] for line in lines) / 60, 1), "resume": _resume(lines),
        "problems": [f"{line['change_request']}: {one}" for line in wrong for one in line["problems"]],
    }  # fmt: skip


def show(found: dict[str, Any], *, machine: str, console: Console) -> None:
    """Print the figures as people read them."""
    console.print(
        f"[bold]{found['kills']} kills, seed {found['seed']}[/bold]: {found['recovered']} of {found['change_requests']}"
        f" change requests ended as if undisturbed; {found['workers_lost']} workers lost,"
        f" {found['calls_repeated']} model calls repeated ({found['calls_repeated_per_kill']} per kill);"
        f" {found['minutes']} minutes",
        highlight=False,
    )
    table = Table(title="Seconds until it answers, or a successor works", title_justify="left", header_style="bold")
    table.add_column("Disturbed")
    for name in ("Times", "p50", "p95", "Worst"):
        table.add_column(name, justify="right")
    for kind, one in found["resume"].items():
        table.add_row(kind, str(one["times"]), *(f"{one[name]:.2f} s" for name in ("p50", "p95", "worst")))
    console.print(table)
    for problem in found["problems"]:
        console.print(f"WRONG  {problem}", style="red", highlight=False)
    console.print(f"Machine: {machine}", highlight=False)


def _resume(lines: Sequence[Line]) -> dict[str, dict[str, float]]:
    samples: dict[str, list[float]] = defaultdict(list)
    for kind, one in kinds(list(lines)):
        seconds = one["resumed_s"] if one["target"] in _RESUMING else one["answered_s"]
        if seconds is not None:
            samples[kind].append(seconds)
    return {
        kind: {
            "times": len(found), "p50": round(percentile(found, 0.5), 3), "p95": round(percentile(found, P95), 3),
            "worst": round(max(found), 3),
        }
        for kind, found in sorted(samples.items())
    }  # fmt: skip
