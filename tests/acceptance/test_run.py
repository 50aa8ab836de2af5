"""`changeline run`: from a request in a file to a merged branch, with real servers, workers, git and tests."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.acceptance.conftest import EXAMPLES, Changeline, git, value_of

pytestmark = [pytest.mark.acceptance, pytest.mark.timeout(400)]

REQUEST = str(EXAMPLES / "parcel-rates.request.md")
SCENARIO = str(EXAMPLES / "parcel-rates.scenario.yaml")


def test_one_command_carries_a_request_to_a_merged_branch_and_stops_what_it_started(
    changeline: Changeline, sample: Path, place: Path
) -> None:
    before = git(sample, "rev-parse", "main")
    evidence = place / "evidence.json"
    done = changeline(
        "run", "--repo", str(sample), "--file", REQUEST, "--scenario", SCENARIO, "--yes", "--json", "--evidence", str(evidence)
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

    verified = changeline("evidence", "verify", str(evidence), "--repo", str(sample), "--json")
    assert value_of(verified)["failures"] == []
    assert verified.returncode == 0
    content = evidence.read_bytes()
    evidence.write_bytes(content.replace(merged.encode(), before.encode()))
    forged = changeline("evidence", "verify", str(evidence), "--repo", str(sample), "--json")
    assert (forged.returncode, value_of(forged)["ok"]) == (1, False)


def test_without_a_yes_it_stops_at_the_release_and_goes_on_after_an_approval(
    changeline: Changeline, sample: Path
) -> None:
    before = git(sample, "rev-parse", "main")
    stopped = changeline("run", "--repo", str(sample), "--file", REQUEST, "--scenario", SCENARIO, "--keep", "--json")
    outcome = value_of(stopped)
    assert (stopped.returncode, outcome["status"], outcome["gates"][0]["kind"]) == (3, "waiting", "release")
    assert git(sample, "rev-parse", "main") == before

    cr = outcome["id"]
    approved = changeline("approve", cr, "--comment", "Seen.", "--json")
    assert value_of(approved)["content_hash"] == outcome["gates"][0]["content_hash"]
    watched = changeline("watch", cr)
    assert watched.returncode == 0, watched.stderr
    assert "release: approve by local: Seen." in watched.stdout
    assert git(sample, "rev-parse", "main") != before
    assert "src/parcel_rates/insurance.py" in changeline("diff", cr, "--stat").stdout
    proposed = value_of(changeline("learnings", "list", "--json"))["items"]
    assert [one["status"] for one in proposed] == ["proposed"]
    assert changeline("down").returncode == 0
