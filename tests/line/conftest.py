"""One line per test: a fresh database, a fresh scripted model; built environments are shared by the test process."""

import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.database import TestDatabase
from tests.line.harness import LineRun, controller_of, settings_of
from tests.scripted import SILENCE, ScriptedServer, scripted_server


def _directory(prefix: str) -> Iterator[Path]:
    """Tools run as another user, so their trees cannot lie below pytest's private directories."""
    made = Path(tempfile.mkdtemp(prefix=prefix))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made, ignore_errors=True)


@pytest.fixture(scope="session")
def environments() -> Iterator[Path]:
    """Built environments, kept by their manifest hash."""
    yield from _directory("changeline-test-environments-")


@pytest.fixture(scope="session")
def _model() -> Iterator[ScriptedServer]:
    with scripted_server() as server:
        yield server


@pytest.fixture
def root() -> Iterator[Path]:
    """The test's own directory: remotes and the data directory."""
    yield from _directory("changeline-test-line-")


@pytest.fixture
async def line(
    database: TestDatabase, _model: ScriptedServer, root: Path, environments: Path
) -> AsyncIterator[LineRun]:
    """A change request about to be submitted."""
    (root / "data").mkdir()
    (root / "data" / "environments").symlink_to(environments)
    _model.play(SILENCE)
    settings = settings_of(root, database, _model)
    controller = controller_of(settings)
    yield LineRun(database=database, model=_model, root=root, settings=settings, controller=controller)
    await controller.bells.close()
    await controller.database.close()
