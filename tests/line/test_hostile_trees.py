"""An agent whose tree cannot be saved is told what to mend, mends it, and the run ends well."""

import pytest

from pipeline.change_request import Status
from tests.line import scenarios
from tests.line.harness import LineRun
from tests.line.savepoints import BEFORE_DEVELOPMENT, begins_at
from tests.line.scenarios import bash, create, part, submit_code, turn

DEEP = "python3 -c \"import os\nfor n in range(1800):\n    os.mkdir('deep')\n    os.chdir('deep')\""


TREES = (
    ("mkfifo tests/.gitattributes", "Pipes, sockets and device files", "rm tests/.gitattributes"),
    (DEEP, "200 deep", "rm -r deep"),
    ("touch CALC.py", "differ only in case", "rm CALC.py"),
    ("ln -s /etc/passwd tests/leak", "must stay inside the repository", "rm tests/leak"),
    ("truncate -s 1000M .gitignore", "1,048,576 bytes", "rm .gitignore"),
)
"""A pipe that git would read, one nested without end, a name that collides, a link out, endless rules."""


@pytest.mark.thorough
async def test_a_tree_that_cannot_be_saved_is_the_agents_to_mend(line: LineRun) -> None:
    turns = [one for left, _, mended in TREES for one in (turn(bash(left)), turn(submit_code()), turn(bash(mended)))]
    line.repository(scenarios.FILES)
    careless = part("code_writer", turn(create("calc.py", scenarios.CODE)), *turns, turn(submit_code()))
    line.model.play(scenarios.scenario(careless))
    limits = {"submission_retries_max": 2 * len(TREES)}
    await line.submit(title=scenarios.TITLE, body=scenarios.BODY, limits=limits)
    cr = await line.to_the_end()
    assert cr.status is Status.COMPLETED, (cr.pause_reason, cr.pause_message, cr.pause_facts)
    asked = [str(request["messages"][-1]) for request in line.asked("code_writer")]
    for number, (_, told, _) in enumerate(TREES):
        assert told in asked[3 * number + 2], "the turn that left it says so"
        assert told in asked[3 * number + 3], "and a submission is not accepted before it is gone"
        assert told not in asked[3 * number + 4]
    assert line.sums.files() == sorted([*scenarios.FILES, scenarios.TEST_FILE])


@pytest.mark.thorough
@begins_at(BEFORE_DEVELOPMENT)
async def test_a_test_run_that_leaves_a_hostile_tree_is_a_red_run_and_no_bug(line: LineRun) -> None:
    hostile = (
        f"{scenarios.CODE}\n\nimport os\nhere = os.getcwd()\nfor n in range(1800):\n    os.mkdir('d')\n    os.chdir('d')\n"
        "os.chdir(here)\nos.rename('tests', 'moved')\nos.symlink('/etc', 'tests')\nos.mkfifo('setup.cfg')\n"
    )
    careless = part(
        "code_writer", turn(create("calc.py", hostile)), turn(submit_code()), not_contains=["did not fail on the base"]
    )
    again = part(
        "code_writer",
        turn(create("calc.py", scenarios.CODE)),
        turn(submit_code()),
        contains=["did not fail on the base"],
    )
    line.plays(careless, again)
    cr = await line.to_the_end()
    assert cr.status is Status.COMPLETED, (cr.pause_reason, cr.pause_message, cr.pause_facts)
