"""Adding a stage is what `docs/extending.md` says, and nothing else: its recipe is followed in a copy, and everything knows it.

The copy is looked at from a fresh process, because stages are found while a process runs. The last test has a scripted
change request pass through the stage to the merged branch, by the test that the recipe ends with.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.architecture.source_tree import ROOT, text_of, tracked_files

RECIPE = "docs/extending.md"
BLOCK = re.compile(r"^```python (\S+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LEFT_OUT = ("dashboard/public/", "docs/images/", "docs/adr/")
NAME = "licence_check"
TEST = f"tests/line/test_{NAME}.py"

LOOK = """
import json, sys
from controller.app import bare_app
from langgraph.checkpoint.memory import InMemorySaver
from cli.progress import Progress
from pipeline.change_request import Stage
from pipeline.limits import Limits
from pipeline.line import crash_points, routing, skipping, version
from pipeline.line.graph import compile_line
from scripts import stage_pages, state_machine

stage = Stage(sys.argv[1])
drawn = compile_line(InMemorySaver()).get_graph()

def after(verdict):
    outcome = {"verdict": verdict, "summary": "because"}
    state = {"repositories": {"one": {}}, "outcomes": {f"{stage.value}/one": outcome}}
    return routing.after(stage, state, Limits()).goto

json.dump({
    "nodes": sorted(drawn.nodes),
    "edges": sorted([edge.source, edge.target] for edge in drawn.edges),
    "passed": after("passed"),
    "sent back": after("sent_back"),
    "why never skipped": skipping.why_never(stage),
    "crash points": sorted(crash_points.points()),
    "checkpoints": crash_points.checkpoints(),
    "version": version.graph_version(),
    "table": stage_pages.table(),
    "dashboard": stage_pages.listed(),
    "picture": state_machine.picture(),
    "api": bare_app().openapi()["components"]["schemas"]["Stage"]["enum"],
    "command line": list(Progress().stages),
}, sys.stdout)
"""


@pytest.fixture(scope="module")
def grown(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the sources to which the recipe was applied."""
    copy = tmp_path_factory.mktemp("grown")
    for path in tracked_files():
        if not path.startswith(LEFT_OUT):
            (copy / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / path, copy / path)
    section = text_of(RECIPE).partition("\n## A stage\n")[2].partition("\n## ")[0]
    written = BLOCK.findall(section)
    assert [path for path, _ in written] == ["pipeline/change_request.py", f"pipeline/stages/{NAME}.py", TEST]
    for path, block in written:
        _write(copy / path, block)
    return copy


def _write(file: Path, block: str) -> None:
    """Write a new module; in a file that exists, put what is new between the lines that the block begins and ends with."""
    if not file.exists():
        file.write_text(block)
        return
    first, *_, last = block.splitlines(keepends=True)
    text = file.read_text()
    assert text.count(first + last) == 1, "the recipe shows where its line goes"
    file.write_text(text.replace(first + last, block))


def _inside(copy: Path, argv: Sequence[str]) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(
        [sys.executable, *argv], cwd=copy, env=environment, capture_output=True, text=True, check=False
    )


def _seen(copy: Path, stage: str) -> dict[str, Any]:
    looked = _inside(copy, ["-c", LOOK, stage])
    assert looked.returncode == 0, looked.stderr
    found: dict[str, Any] = json.loads(looked.stdout)
    return found


@pytest.mark.thorough
def test_everything_knows_a_stage_that_was_added_by_the_recipe(grown: Path) -> None:
    before, after = _seen(ROOT, "review"), _seen(grown, NAME)
    assert set(after["nodes"]) - set(before["nodes"]) == {NAME, f"{NAME}_join"}
    assert [f"{NAME}_join", "rebase"] in after["edges"] and ["review_join", NAME] in after["edges"]
    assert [f"{NAME}_join", "pause"] in after["edges"] and ["resume", NAME] in after["edges"]
    assert ["sync", NAME] in after["edges"]
    assert (after["passed"], after["sent back"]) == ("rebase", "development")
    assert after["why never skipped"] == "a licence is changed by its owner alone"
    assert after["checkpoints"] == before["checkpoints"] + 2
    assert {point for point in after["crash points"] if NAME in point} == {
        f"result.{NAME}.before", f"result.{NAME}.after",
    }  # fmt: skip
    assert after["version"] != before["version"]
    assert (
        "| licence check | sends back a change that touches the licence | development | `diff_scope` |"
        in after["table"]
    )
    assert f'{NAME}[["licence check, per repository"]]' in after["picture"]
    assert f'stage: "{NAME}", label: "Licence check"' in after["dashboard"]
    for where in ("api", "command line"):
        assert after[where].index(NAME) == after[where].index("review") + 1


@pytest.mark.thorough
def test_a_change_request_passes_through_a_stage_that_was_added(grown: Path) -> None:
    ran = _inside(grown, ["-m", "pytest", "-q", "-n", "0", TEST])
    assert ran.returncode == 0, ran.stdout[-3_000:]
