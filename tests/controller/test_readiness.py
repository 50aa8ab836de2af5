"""Ready means that work can begin, which takes more than a door that answers."""

from tests.controller.conftest import Starter
from tests.controller.fakes import ScriptedLauncher


def test_a_controller_that_cannot_start_workers_yet_is_not_ready_and_says_so(start: Starter) -> None:
    with start.running(launcher=ScriptedLauncher(ready=False)) as controller:
        answer = controller.client().get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["checks"]["workers"] == "workers cannot be started yet"
