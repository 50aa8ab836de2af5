"""One directory for all processes of a test run: what one of them made at some cost, the others use.

Problem: with several workers each builds the same environments and proves the same trees. Choice: the first process makes
the directory, tells its workers where it is, and deletes it at the end. Invariant: what lies there is written under a lock
or put in place whole; no later run sees it.
"""

import shutil
import tempfile
from pathlib import Path
from typing import Any

import pytest

_PLACE = pytest.StashKey[Path]()
_TOLD = "shared"


def pytest_configure(config: pytest.Config) -> None:
    told = getattr(config, "workerinput", None)
    if told is not None:
        config.stash[_PLACE] = Path(told[_TOLD])
        return
    # Tools run as another user, so their trees cannot lie below pytest's private directories.
    made = Path(tempfile.mkdtemp(prefix="changeline-tests-"))
    made.chmod(0o755)
    config.stash[_PLACE] = made
    config.add_cleanup(lambda: shutil.rmtree(made, ignore_errors=True))


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell a worker, before it starts."""
    node.workerinput[_TOLD] = str(node.config.stash[_PLACE])


@pytest.fixture(scope="session")
def shared(pytestconfig: pytest.Config) -> Path:
    """The directory; each subject has one of its own in it."""
    return pytestconfig.stash[_PLACE]
