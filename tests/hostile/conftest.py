"""A place for hostile repositories, and a real controller in front of real git."""

import os
import resource
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import httpx2
import pytest

from cli import own_processes
from controller.process import wiring
from pipeline.settings.process import ProcessSettings
from tests.controller.conftest import _served
from tests.database import TestDatabase, TestServer
from tests.hostile.canaries import Canaries, Fifos
from tests.hostile.ground import Honest
from tests.line.conftest import _model, environments, isolation, line, proofs, root, savepoints  # noqa: F401 - fixtures of this suite too
from tests.line.harness import LineRun, NoLauncher

STRANGER = 61_001
"""A user id that owns the repositories which belong to somebody else."""
GIT_TIMEOUT_S = 20.0
"""Long enough for any honest command; one that hangs becomes an error that the tests see."""
MEMORY_MORE_BYTES = 3 << 30


@pytest.fixture(scope="module")
def place() -> Iterator[Path]:
    """A directory that every user can pass and no sandbox shows."""
    path = Path(tempfile.mkdtemp(prefix="changeline-test-hostile-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture(scope="module")
def canaries(place: Path) -> Iterator[Canaries]:
    made = Canaries(place)
    yield made
    made.close()


@pytest.fixture(scope="module")
def honest(place: Path, canaries: Canaries) -> Iterator[Honest]:
    """The repository that the hostile ones are copies of."""
    with Fifos(canaries).watched() as fifos, bounded_memory():
        yield Honest(place, canaries, fifos)


@dataclass(frozen=True, slots=True)
class Door:
    """A running controller that looks at real repositories, and its data directory."""

    client: httpx2.Client
    data: Path
    environment: Mapping[str, str]
    """How the command line finds this controller."""


@contextmanager
def served(place: Path, database: TestDatabase) -> Iterator[Door]:
    """Serve a controller whose workers never start."""
    settings = ProcessSettings.model_validate(
        {
            "data_dir": place / "data",
            "database": {"url": database.app_url},
            "controller": {"port": 0},
            "git": {"command_timeout_s": GIT_TIMEOUT_S, "transfer_timeout_s": GIT_TIMEOUT_S},
        }
    )
    wired = replace(wiring(settings, own_processes.processes(), alone=True), launcher=NoLauncher())
    with (
        _served(wired, database) as (url, token),
        httpx2.Client(
            base_url=url, headers={"Authorization": f"Bearer {token}"}, timeout=300, trust_env=False
        ) as client,
    ):
        yield Door(client, place / "data", {"CHANGELINE_URL": url, "CHANGELINE_TOKEN": token})


@pytest.fixture(scope="module")
def door(place: Path, postgres: TestServer) -> Iterator[Door]:
    database = postgres.create(f"hostile_{os.getpid()}_{place.name[-8:].lower()}", template="template_changeline")
    with served(place, database) as running:
        yield running
    postgres.drop(database.name)


@pytest.fixture
async def quiet(line: LineRun, canaries: Canaries) -> AsyncIterator[LineRun]:  # noqa: F811 - pytest's way to name a fixture
    """A line after which no canary has told anything."""
    canaries.told()
    yield line
    fired = canaries.told()
    assert not fired, "\n".join(fired)


@contextmanager
def bounded_memory() -> Iterator[None]:
    """Let no process that starts here grow without end: some repositories never end."""
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    mine = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (mine + MEMORY_MORE_BYTES, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
