"""A repository with a long history, over a network, through the whole line."""

import random
import subprocess
from pathlib import Path

from pipeline.change_request import Status
from pipeline.gates.gate import Decision
from tests.git_server import git_server
from tests.line import scenarios
from tests.line.harness import LineRun

VERSIONS, LARGE = 5, 100_000


def lacking(root: Path) -> set[str]:
    """Return the objects that the cache of the only repository does not have."""
    (cache,) = (root / "data" / "git").glob("*.git")
    asked = ["git", "-C", str(cache), "rev-list", "--objects", "--missing=print", "--all"]
    listed = subprocess.run(asked, capture_output=True, text=True, check=True).stdout
    return {line.removeprefix("?") for line in listed.splitlines() if line.startswith("?")}


async def test_a_change_of_a_long_history_lands_on_a_target_that_moved(line: LineRun) -> None:
    repository, chance = line.repository(scenarios.FILES), random.Random(3)
    old = []
    for _ in range(VERSIONS):
        repository.commit({"data.hex": chance.randbytes(LARGE).hex()})
        old.append(repository.head("HEAD:data.hex"))
    repository.git("config", "uploadpack.allowFilter", "true")
    repository.git("config", "receive.denyCurrentBranch", "ignore")
    git = line.settings.git.model_copy(update={"whole_history_max_bytes": LARGE * 2})
    line.settings = line.settings.model_copy(update={"git": git})
    line.model.play(scenarios.scenario())
    with git_server(repository.path.parent) as served:
        address = f"http://127.0.0.1:{served.port}/sums/.git"
        await line.submit(title=scenarios.TITLE, body=scenarios.BODY, addresses={"sums": address})
        await line.to_the_gate()
        theirs = repository.commit({"README.md": "Sums.\n", "data.hex": "none"})
        await line.decide(Decision.APPROVE)
        cr = await line.work()
    assert cr.status is Status.COMPLETED, (cr.pause_reason, cr.pause_message, cr.pause_facts)
    assert repository.git("rev-parse", "main^1") == theirs
    assert {"calc.py", "README.md", scenarios.TEST_FILE} <= set(repository.files())
    assert lacking(line.root) == set(old[:-1])
    await line.check_evidence()
