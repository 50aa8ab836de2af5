"""What people read of a run's output: plain, complete up to a size, and without secrets."""

import json
import sys
from pathlib import Path

from pipeline.limits import Limits
from pipeline.ports import CommandResult, Language, Stack
from pipeline.proof.test_commands import ResultFormat, TestCommand
from pipeline.proof.test_logs import LOG_MAX_BYTES, RunLog, log_of
from pipeline.proof.test_runs import run_tests
from tests.evidence.plain_sandbox import PlainSandbox, environment, write_tree

PYTEST = TestCommand(argv=("python", "-m", "pytest", "a b.py"), results=ResultFormat.PYTHON_JUNIT)
KEY = "sk-ant-" + "Q7x" * 12


def printed(output: str, command: TestCommand = PYTEST, **facts: bool) -> RunLog:
    return log_of(command, CommandResult(exit_code=1, output=output, duration_s=2.0, **facts))


def test_colours_progress_and_control_characters_do_not_reach_the_reader() -> None:
    log = printed(
        "\x1b[31;1mFAILED\x1b[0m a\r\n10%\r20%\r\n\x1b]0;title\x07\x1b]8;;http://x\x1b\\link\x9b2K\x00\x1b(B end\x1b"
    )
    assert log.text.splitlines() == [
        "$ python -m pytest 'a b.py'", "FAILED a", "10%", "20%", "link end",
        "[The process ended with exit code 1 after 2.0 s.]",
    ]  # fmt: skip
    assert not log.cut


def test_a_run_that_printed_nothing_and_one_that_was_stopped_say_so() -> None:
    assert "[The run printed nothing.]" in printed("\x1b[0m").text
    assert "did not end in time and was stopped after 2.0 s" in printed("x", timed_out=True).text
    assert printed("x", truncated=True).cut


def test_a_very_long_log_keeps_its_beginning_and_its_end() -> None:
    log = printed("first\n" + "ü" * LOG_MAX_BYTES + "\nlast\n")
    assert log.cut and len(log.text.encode()) < LOG_MAX_BYTES + 1_000
    assert "bytes left out" in log.text
    assert log.text.splitlines()[1] == "first" and log.text.splitlines()[-2] == "last"


def test_what_has_the_shape_of_a_secret_is_masked_and_lines_stay_lines() -> None:
    body = "\n".join(
        ["-----BEGIN PRIVATE KEY-----", *["MIIEvQIBADANBgkqhkiG9w0BAQEFAASC"] * 3, "-----END PRIVATE KEY-----"]
    )
    log = printed(f"key {KEY} end\n{body}\nafter\n")
    assert KEY not in log.text and "MIIEvQ" not in log.text
    assert "sk-a…" in log.text
    assert len(log.text.splitlines()) == 3 + 1 + len(body.splitlines())


def test_the_events_of_go_are_shown_as_what_its_tests_printed() -> None:
    events = [{"Action": "run", "Test": "TestA"}, {"Action": "output", "Output": "--- FAIL: TestA\n"}]
    go = TestCommand(argv=("go", "test", "-json"), results=ResultFormat.GO_EVENTS)
    log = printed("# broken\n" + "".join(f"{json.dumps(event)}\n" for event in events) + "{not json\n", go)
    assert log.text.splitlines()[1:4] == ["# broken", "--- FAIL: TestA", "{not json"]


async def test_a_real_run_hands_its_whole_output_over_and_names_the_planted_test(tmp_path: Path) -> None:
    text = (
        "import unittest\n\n\nclass T(unittest.TestCase):\n    def test_a(self):\n        print('x' * 9_000 + 'HERE')\n"
    )
    kept: list[RunLog] = []

    async def keep(log: RunLog) -> None:
        kept.append(log)

    report = await run_tests(
        stack=Stack(language=Language.PYTHON, runner="unittest", test_command="python -m unittest", manifests=()),
        tree=write_tree(tmp_path / "tree", {"test_x.py": text}),
        environment=environment(tmp_path, (Path(sys.base_prefix) / "bin",)), sandbox=PlainSandbox(),
        selection=["test_x.py"], limits=Limits(test_timeout_s=60), keep_log=keep,
    )  # fmt: skip
    (log,) = kept
    assert report.ok and "x" * 9_000 + "HERE" in log.text
    assert "[Changeline planted test_" in log.text
