"""The built wheel in an empty environment, started from another directory: nothing of the checkout may be needed.

`make wheel-test` builds it, installs it and names the environment in WHEEL_ENVIRONMENT; a plain pytest run skips this.
"""

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.installation import SCENARIO, git, request_in, sums_in

PLACE = os.environ.get("WHEEL_ENVIRONMENT", "")

pytestmark = [
    pytest.mark.skipif(not PLACE, reason="`make wheel-test` installs the wheel and runs these"),
    pytest.mark.acceptance,
    pytest.mark.timeout(600),
]


def test_migrations_travel_with_the_wheel(tmp_path: Path) -> None:
    shown = _python(tmp_path, "from pipeline.store import migrations; print(migrations.__file__)")
    assert Path(PLACE) in Path(shown.strip()).parents
    packaged = Path(shown.strip()).parent / "_alembic"
    assert (packaged / "env.py").is_file()
    assert list((packaged / "versions").glob("0001*.py"))


def test_the_library_named_alembic_is_still_the_library(tmp_path: Path) -> None:
    assert "site-packages/alembic/__init__.py" in _python(tmp_path, "import alembic; print(alembic.__file__)")


def test_the_dashboard_travels_with_the_wheel(tmp_path: Path) -> None:
    page = _python(
        tmp_path,
        "from importlib.resources import files; print((files('controller') / '_dashboard/index.html').read_text())",
    )
    assert "<script" in page


def test_only_our_rooms_are_installed(tmp_path: Path) -> None:
    tops = _python(
        tmp_path,
        "import importlib.metadata as m; print(' '.join(sorted({str(f).split('/')[0] for f in m.files('changeline')})))",
    ).split()
    rooms = {top for top in tops if ".dist-info" not in top and top != ".."}
    assert rooms == {"cli", "controller", "pipeline", "prompts", "worker"}


def test_the_command_says_its_version(tmp_path: Path) -> None:
    version = _python(tmp_path, "import importlib.metadata as m; print(m.version('changeline'))").strip()
    assert version in _changeline(tmp_path, "--version")


def test_one_machine_starts_checks_its_database_carries_a_request_to_a_merged_branch_and_stops(tmp_path: Path) -> None:
    sample, request, scenario = sums_in(tmp_path, "sums"), request_in(tmp_path), tmp_path / "scenario.json"
    scenario.write_text(SCENARIO, encoding="utf-8")
    try:
        _changeline(tmp_path, "up", "--detach", "--scenario", str(scenario))
        assert _changeline(tmp_path, "status")
        assert _changeline(tmp_path, "db", "check")
        told = _changeline(tmp_path, "run", "--repo", str(sample), "--file", request, "--yes", "--json")
    finally:
        _changeline(tmp_path, "down")
    assert json.loads(told)["status"] == "completed"
    assert len(git(sample, "log", "-1", "--format=%P").split()) == 2


def _python(elsewhere: Path, program: str) -> str:
    return _run(elsewhere, [f"{PLACE}/bin/python", "-c", program])


def _changeline(elsewhere: Path, *arguments: str) -> str:
    command = Path(PLACE) / "bin" / "changeline"
    return _run(elsewhere, [str(command), *arguments])


def _run(elsewhere: Path, command: list[str]) -> str:
    home = elsewhere / "home"
    home.mkdir(exist_ok=True)
    environment = {
        "PATH": f"{PLACE}/bin:/usr/local/bin:/usr/bin:/bin",
        "HOME": str(home),
        "LANG": "C.UTF-8",
        "CHANGELINE_DATA_DIR": str(elsewhere / "data"),
        "CHANGELINE_CONTROLLER__PORT": "0",
        "CHANGELINE_ENVIRONMENT__OFFLINE": "true",
    }
    ended = subprocess.run(command, cwd=elsewhere, env=environment, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, f"{command[-1]}: {ended.stdout}{ended.stderr}"
    return ended.stdout
