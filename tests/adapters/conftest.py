"""Sandboxes and trees for the tests of adapters."""

import os
import shutil
from pathlib import Path

import pytest

from pipeline.adapters.environments.toolchains import own_python
from pipeline.adapters.network.egress_proxy import EgressProxy
from pipeline.adapters.sandbox.bubblewrap import Bubblewrap
from pipeline.adapters.sandbox.uncontained import Uncontained
from pipeline.ports import Sandbox
from pipeline.settings.process import SandboxSettings
from tests.adapters.environment_world import Watched

SETTINGS = SandboxSettings(memory_max_bytes=512 * 1024**2, processes_max=128, file_max_bytes=64 * 1024**2)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """The worktree of a command, below a directory that is closed to others."""
    private = tmp_path / "data"
    private.mkdir(mode=0o700)
    worktree = private / "worktrees" / "one"
    worktree.mkdir(parents=True)
    return worktree


@pytest.fixture
async def bubblewrap(tree: Path) -> Bubblewrap:
    """Real containment; the data directory around the tree is the pipeline's own."""
    if shutil.which("bwrap") is None and os.geteuid() != 0:
        pytest.skip("bubblewrap is not installed and this user cannot install it: apt-get install bubblewrap")
    sandbox = Bubblewrap(SETTINGS, EgressProxy(()), hidden=(tree.parent.parent,))
    isolation = await sandbox.probe()
    assert isolation.active, isolation.detail
    return sandbox


@pytest.fixture
def watched(bubblewrap: Bubblewrap) -> Watched:
    """The same, remembering what it ran."""
    return Watched(bubblewrap)


@pytest.fixture(params=["bubblewrap", "uncontained"])
def sandbox(request: pytest.FixtureRequest) -> Sandbox:
    """Both implementations of the port, for what they agree on."""
    if request.param == "uncontained":
        return Uncontained(SETTINGS, "a test")
    contained: Bubblewrap = request.getfixturevalue("bubblewrap")
    return contained


def interpreter() -> Path:
    """The base of our own interpreter, or the system's for a user who cannot enter the home that ours lies in."""
    own = own_python()
    if os.access(own, os.X_OK):
        return own
    system = shutil.which("python3", path="/usr/local/bin:/usr/bin")
    if system is None:
        pytest.skip(f"this user cannot reach {own}, and the system has no python3")
    return Path(system)


def alive(marker: str) -> list[str]:
    """Processes of this machine whose command line contains the marker."""
    found = []
    for directory in Path("/proc").glob("[0-9]*"):
        try:
            line = (directory / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if marker in line:
            found.append(f"{directory.name}: {line}")
    return found
