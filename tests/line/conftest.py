"""One line per test: a fresh database, or a copy of one at a savepoint; built environments and proofs are shared by the test run."""

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pipeline.adapters.sandbox.bubblewrap import start_sandbox
from pipeline.adapters.sandbox.start_up_check import Places
from pipeline.ports import Isolation
from pipeline.settings.process import EnvironmentSettings, SandboxSettings
from tests.database import TestServer
from tests.line.harness import LineRun
from tests.line.remembered_proofs import Proofs
from tests.line.savepoints import Savepoint, Savepoints, data_directory, running
from tests.scripted import SILENCE, ScriptedServer, scripted_server


@contextmanager
def temporary_directory(prefix: str) -> Iterator[Path]:
    """Tools run as another user, so their trees cannot lie below pytest's private directories."""
    made = Path(tempfile.mkdtemp(prefix=prefix))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made, ignore_errors=True)


@pytest.fixture(scope="session")
def environments(shared: Path) -> Path:
    """Built environments, kept by their manifest hash; whoever builds one holds its lock."""
    place = shared / "environments"
    place.mkdir(exist_ok=True)
    return place


@pytest.fixture(scope="session")
def _model() -> Iterator[ScriptedServer]:
    with scripted_server() as server:
        yield server


@pytest.fixture(scope="session")
def isolation() -> Iterator[Isolation]:
    """What a worker of this machine finds out about its sandbox, found out once."""
    with temporary_directory("changeline-test-sandbox-") as data:
        looked = start_sandbox(SandboxSettings(), EnvironmentSettings(), hidden=(data,), places=Places.below(data))
        yield asyncio.run(looked).isolation()


@pytest.fixture(scope="session")
def proofs(shared: Path) -> Proofs:
    """Test runs that need not be run again."""
    place = shared / "proofs"
    place.mkdir(exist_ok=True)
    return Proofs(place)


@pytest.fixture(scope="session")
def savepoints(
    postgres: TestServer, _model: ScriptedServer, environments: Path, isolation: Isolation, proofs: Proofs
) -> Iterator[Savepoints]:
    """The places on the line that tests begin at, each reached once."""
    with (
        temporary_directory("changeline-test-line-") as root,
        temporary_directory("changeline-test-savepoints-") as beside,
    ):
        yield Savepoints(postgres, _model, environments, isolation, proofs, root, beside)


def _wanted(request: pytest.FixtureRequest) -> Savepoint | None:
    marker = request.node.get_closest_marker("begins_at")
    return marker.args[0] if marker else None


def _genuine(request: pytest.FixtureRequest) -> bool:
    """Whether every proof of a test is run, see `remembered_proofs`."""
    return request.path.stem in {"test_line", "test_real_package"} or request.path.parent.name != "line"


@pytest.fixture
def root(request: pytest.FixtureRequest) -> Iterator[Path]:
    """The test's own directory: remotes and the data directory."""
    if _wanted(request) is None:
        with temporary_directory("changeline-test-line-") as made:
            yield made
    else:
        yield request.getfixturevalue("savepoints").root


@pytest.fixture
async def line(
    request: pytest.FixtureRequest, _model: ScriptedServer, root: Path, environments: Path, isolation: Isolation
) -> AsyncIterator[LineRun]:
    """A change request about to be submitted, or one at the savepoint that `begins_at` names."""
    savepoint = _wanted(request)
    if savepoint is None:
        data_directory(root, environments)
        _model.play(SILENCE)
        proofs = None if _genuine(request) else request.getfixturevalue("proofs")
        async with running(request.getfixturevalue("database"), _model, root, isolation, proofs) as made:
            yield made
    else:
        async with request.getfixturevalue("savepoints").begun(savepoint) as made:
            yield made
