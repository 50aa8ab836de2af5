"""`changeline run`: from a request in a file to a merged branch, with real servers, workers, git and tests."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.installation import SCENARIO, Changeline, git, pinned, request_in, sums_in, value_of

pytestmark = [pytest.mark.acceptance, pytest.mark.timeout(900)]


@pytest.mark.thorough
def test_one_command_carries_a_request_to_a_merged_branch_and_stops_what_it_started(
    changeline: Changeline, place: Path
) -> None:
    sample, scenario = sums_in(place, "sums"), place / "scenario.json"
    scenario.write_text(SCENARIO)
    before = git(sample, "rev-parse", "main")
    evidence = place / "evidence.json"
    done = changeline(
        "run", "--repo", str(sample), "--file", request_in(place), "--scenario", str(scenario), "--yes", "--json", "--evidence", str(evidence)
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    outcome = value_of(done)
    merged = git(sample, "rev-parse", "main")
    assert merged != before
    assert (outcome["status"], outcome["repositories"][0]["merge_commit"]) == ("completed", merged)
    assert outcome["model"]["scripted"]
    assert git(sample, "status", "--porcelain") == ""
    suite = subprocess.run(
        [sys.executable, "-m", "pytest", "-q"], cwd=sample, capture_output=True, text=True, check=False
    )
    assert suite.returncode == 0, suite.stdout
    assert changeline("status").returncode == 5

    verified = changeline("evidence", "verify", str(evidence), "--repo", str(sample), "--json", *pinned(changeline))
    assert value_of(verified)["failures"] == []
    assert verified.returncode == 0
    content = evidence.read_bytes()
    evidence.write_bytes(content.replace(merged.encode(), before.encode()))
    forged = changeline("evidence", "verify", str(evidence), "--repo", str(sample), "--json", *pinned(changeline))
    assert (forged.returncode, value_of(forged)["ok"]) == (1, False)
