"""Whatever a command prints is read, stored, shown and found again: bytes, halves of characters, floods, odd names."""

import json
import os
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from pipeline.adapters.process_io import CappedOutput
from pipeline.change_request import Stage
from pipeline.ports import CommandResult
from pipeline.proof import test_logs
from pipeline.proof.results.test_results import read_results
from pipeline.proof.stored_runs import report_of
from pipeline.proof.test_commands import ResultFormat, TestCommand
from pipeline.proof.test_reports import TestReport, merged, readable
from pipeline.records import RunPurpose
from pipeline.stage.proving import plain
from pipeline.store.engine import Database
from pipeline.store.work import Work

REPORT = TypeAdapter(TestReport)
PIECES = st.one_of(
    st.binary(max_size=200),
    st.text(max_size=80).map(lambda text: text.encode("utf-8", "surrogatepass")),
    st.sampled_from(
        [
            b"\0", b"\xff\xfe", "\ud800".encode("utf-8", "surrogatepass"), b"\x1b[31m", b"\x1b]0;t\x07", b"1..2\n", b"ok 1 - a\0b\n",
            b"not ok 2 - \xe9\n", b"E   AssertionError: \0\n", b"t.c:1:2: error: \xff\n", b"tests/t.py::t[\0] FAILED\n",
            b"test_a (m.C.test_a) ... FAIL\n", b"1/1 Test #1: x ....***Failed 0.1 sec\n", "\u202e😀\u2028".encode(),
        ]
    ),
)  # fmt: skip
ODD_NAMES = st.sampled_from(["a b.py", "ü.py", os.fsdecode(b"\xe9.py"), "x\n.py", "\u202ey.py"])
FORMATS = st.sampled_from([ResultFormat.COMMAND, ResultFormat.GO_EVENTS, ResultFormat.CARGO_TEXT, ResultFormat.AVA_TAP])


def kept(pieces: list[bytes], limit: int) -> CommandResult:
    output = CappedOutput(limit)
    for piece in pieces:
        output.feed(piece)
    return CommandResult(exit_code=1, output=output.text(), truncated=output.truncated, duration_s=0.1)


def reported(result: CommandResult, command: TestCommand, tree: Path) -> TestReport:
    found = read_results(command, result, tree)
    return TestReport(
        command=command.argv, exit_code=1, cases=merged(map(readable, found.cases)), complaints=tuple(found.complaints),
        output_tail=result.output[-4_000:],
    )  # fmt: skip


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(PIECES, max_size=12), st.integers(2, 400), FORMATS, ODD_NAMES)
async def test_no_output_keeps_a_run_from_being_stored_and_shown(
    store: Database, cr: str, tmp_path: Path, pieces: list[bytes], limit: int, results: ResultFormat, name: str
) -> None:
    result = kept(pieces, limit)
    command = TestCommand(argv=("run", name), results=results)
    report = reported(result, command, tmp_path)
    log = test_logs.log_of(command, result)
    log.text.encode()
    async with store.transaction() as connection:
        work = Work(connection, cr_id=cr, attempt=1)
        run_id = await work.save_test_run(
            repository="sample", stage=Stage.DEVELOPMENT, activation="a", purpose=RunPurpose.RED, commit="c" * 40,
            ok=False, report=plain(report), verdict={"said": result.output},
        )  # fmt: skip
    async with store.transaction() as connection:
        stored = await Work(connection, cr_id=cr, attempt=1).test_run(run_id)
    assert stored is not None
    read = report_of(stored)
    assert [case.test_id for case in read.cases] == [case.test_id for case in report.cases], "names are kept as told"
    shown = json.loads(REPORT.dump_json(read))
    assert "\0" not in json.dumps(shown, ensure_ascii=False)


FLOODS = {
    "dots": "." * 500_000,
    "lines of dots": "...\n" * 100_000,
    "one long line": "x" * 500_000,
    "blank lines": "\n" * 500_000,
    "failures": "tests/a.py::test_x FAILED\n" * 5_000,
    "not ok": "1..9\n" + "not ok 1 - x\n" * 10_000,
    "ctest": "1/1 Test #1: " + " ." * 200_000,
    "equals": "=" * 300_000 + " test_x " + "\ntests/a.py::test_x FAILED\n",
    "go": "=== RUN   TestA\n--- FAIL: TestA (0.00s)\n" * 5_000,
    "colons": "a:" * 200_000,
}
"""What takes a square of time in a careless pattern takes minutes at these sizes."""


@pytest.mark.parametrize("flood", FLOODS)
def test_a_flood_is_read_in_seconds(tmp_path: Path, flood: str) -> None:
    result = CommandResult(exit_code=1, output=FLOODS[flood], duration_s=1.0)
    began = time.process_time()
    reported(result, TestCommand(argv=("run",), results=ResultFormat.COMMAND), tmp_path)
    test_logs.log_of(TestCommand(argv=("run",), results=ResultFormat.COMMAND), result)
    assert time.process_time() - began < 20
