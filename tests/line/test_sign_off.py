"""Commits for repositories that ask for the DCO: signed off where the operator says so, and by nobody otherwise."""

from pipeline.change_request import Status
from tests.line.harness import LineRun
from tests.line.savepoints import BEFORE_DEVELOPMENT, begins_at

LINE = "Signed-off-by: Ana Lima <ana@example.invalid>"


@begins_at(BEFORE_DEVELOPMENT)
async def test_every_commit_of_a_change_is_signed_off_where_the_operator_says_so(line: LineRun) -> None:
    before = line.sums.head()
    git = line.settings.git.model_copy(
        update={"sign_off": True, "author_name": "Ana Lima", "author_email": "ana@example.invalid"}
    )
    line.settings = line.settings.model_copy(update={"git": git})
    await line.work()
    await line.decide_and_finish()
    assert (await line.read()).status is Status.COMPLETED
    messages = line.sums.git("log", "--format=%B%x00", f"{before}..main").split("\0")[:-1]
    assert len(messages) >= 3, "tests, code and the merge"
    assert [message for message in messages if message.strip().splitlines()[-1] != LINE] == []
    trailers = line.sums.git("log", "-1", "--format=%(trailers:key=Signed-off-by,valueonly)", "main")
    assert trailers == LINE.partition(": ")[2], "git reads it as a trailer"
