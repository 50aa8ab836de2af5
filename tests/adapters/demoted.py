"""Runs test modules in this process as an ordinary user: `python -m tests.adapters.demoted DIRECTORY MODULE…`, as root.

Collected, and with everything imported, as root, because the interpreter may lie below a home that nobody can enter; then
the process becomes `nobody` for good, and the tests run. Prints one JSON object: the outcomes by test and who ran them.
"""

import importlib
import json
import os
import pkgutil
import sys
from pathlib import Path

import pytest

NOBODY = 65_534
_IMPORTED_WHEN_NEEDED = (
    "encodings.idna", "encodings.ascii", "encodings.latin_1", "encodings.utf_8_sig", "asyncio.unix_events",
    "multiprocessing.popen_fork", "_pytest.raises", "difflib", "pdb", "ssl", "linecache", "tracemalloc", "zipfile",
)  # fmt: skip


class Demotion:
    """A pytest plugin that drops to `nobody` between collection and the first test, and counts."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self.outcomes: dict[str, str] = {}
        self.reasons: dict[str, str] = {}
        self.user = -1

    def pytest_collection_finish(self) -> None:
        """Become `nobody`; there is no way back."""
        _import_everything()
        os.chown(self._directory, NOBODY, NOBODY)
        os.setgroups([])
        os.setresgid(NOBODY, NOBODY, NOBODY)
        os.setresuid(NOBODY, NOBODY, NOBODY)
        self.user = os.geteuid()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep the outcome of each test; what fails around it fails it."""
        if report.when == "call" or report.outcome != "passed":
            self.outcomes[report.nodeid] = report.outcome
            if report.outcome != "passed":
                self.reasons[report.nodeid] = report.longreprtext[-3_000:]


def _import_everything() -> None:
    for package in map(importlib.import_module, ("pipeline.adapters", "pipeline.agents")):
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            importlib.import_module(found.name)
    for name in _IMPORTED_WHEN_NEEDED:
        importlib.import_module(name)


def main(directory: Path, modules: list[str]) -> int:
    """Run the modules and print what came of them."""
    demotion = Demotion(directory)
    options = [
        "-q",
        "--no-header",
        "-p",
        "no:xdist",
        "-p",
        "no:hypothesispytest",
        f"--basetemp={directory / 'trees'}",
        *modules,
    ]
    code = pytest.main(options, plugins=[demotion])
    told = {"code": int(code), "user": demotion.user, "outcomes": demotion.outcomes, "reasons": demotion.reasons}
    (directory / "told.json").write_text(json.dumps(told))
    return int(code)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2:]))
