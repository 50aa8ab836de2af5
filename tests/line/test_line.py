"""The line from a request to a merged branch."""

from pipeline.change_request import Status
from tests.line import scenarios
from tests.line.harness import LineRun


async def test_a_small_change_request_reaches_the_merged_branch(line: LineRun) -> None:
    repository = line.repository(scenarios.FILES)
    line.model.play(scenarios.scenario())
    await line.submit(title=scenarios.TITLE, body=scenarios.BODY)
    cr = await line.to_the_end()
    assert cr.status is Status.COMPLETED, (cr.pause_reason, cr.pause_message, cr.pause_facts)
    assert repository.text("calc.py") == scenarios.CODE.strip()
