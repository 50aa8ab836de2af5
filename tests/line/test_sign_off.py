"""Commits for repositories that ask for the DCO: signed off where the operator says so, and by nobody otherwise."""

from collections import Counter

import pytest

from pipeline.change_request import PauseReason, Stage, Status
from tests.line.harness import LineRun
from tests.line.savepoints import BEFORE_DEVELOPMENT, begins_at

LINE = "Signed-off-by: Ana Lima <ana@example.invalid>"


def signing(line: LineRun) -> None:
    git = line.settings.git.model_copy(
        update={"sign_off": True, "author_name": "Ana Lima", "author_email": "ana@example.invalid"}
    )
    line.settings = line.settings.model_copy(update={"git": git})


@pytest.mark.thorough
@begins_at(BEFORE_DEVELOPMENT)
async def test_commits_made_before_the_operator_said_so_are_signed_off_on_resuming_and_no_agent_works_again(
    line: LineRun,
) -> None:
    before = line.sums.head()
    line.sums.git("branch", "changeline")
    cr = await line.work()
    assert (cr.pause_reason, cr.stage) == (PauseReason.DELIVERY_FAILED, Stage.DELIVERY), cr.pause_message
    line.sums.git("branch", "-D", "changeline")
    asked = Counter(line.asked_roles())
    signing(line)
    await line.resume()
    gate = await line.to_the_gate()
    assert Counter(line.asked_roles()) == asked, "no agent works again"
    head = line.sums.git("for-each-ref", "--format=%(objectname)", "refs/heads/changeline")
    assert head in str(gate.content)
    await line.decide_and_finish()
    messages = line.sums.git("log", "--format=%B%x00", f"{before}..main").split("\0")[:-1]
    assert len(messages) >= 3
    assert [message for message in messages if message.strip().splitlines()[-1] != LINE] == []


@begins_at(BEFORE_DEVELOPMENT)
async def test_every_commit_of_a_change_is_signed_off_where_the_operator_says_so(line: LineRun) -> None:
    before = line.sums.head()
    signing(line)
    await line.work()
    await line.decide_and_finish()
    assert (await line.read()).status is Status.COMPLETED
    messages = line.sums.git("log", "--format=%B%x00", f"{before}..main").split("\0")[:-1]
    assert len(messages) >= 3, "tests, code and the merge"
    assert [message for message in messages if message.strip().splitlines()[-1] != LINE] == []
    trailers = line.sums.git("log", "-1", "--format=%(trailers:key=Signed-off-by,valueonly)", "main")
    assert trailers == LINE.partition(": ")[2], "git reads it as a trailer"
