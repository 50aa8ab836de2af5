"""Read the Test Anything Protocol from a command's output, where a custom command speaks it."""

import re

from pipeline.proof.test_reports import Outcome, TestCaseResult, failure

_LINE = re.compile(
    r"(?m)^(?P<bad>not )?ok\b(?: +\d+)?(?: +-)? *(?P<name>[^#\n]*?) *(?:# *(?P<directive>SKIP|TODO)\b.*)?$",
    re.IGNORECASE,
)


def tap_cases(output: str) -> list[TestCaseResult]:
    """Return the top-level results; empty when the output is not TAP (no version line and no plan)."""
    if not re.search(r"(?m)^(?:TAP version \d+|1\.\.\d+)\s*$", output):
        return []
    return [_case(found, number) for number, found in enumerate(_LINE.finditer(output), 1)]


def _case(found: re.Match[str], number: int) -> TestCaseResult:
    name = found.group("name").strip() or f"test {number}"
    outcome = Outcome.FAILED if found.group("bad") else Outcome.PASSED
    if found.group("directive"):
        outcome = Outcome.SKIPPED
    told = failure("not ok") if outcome is Outcome.FAILED else None
    return TestCaseResult(test_id=f"tap::{name}", file="", name=name, outcome=outcome, failure=told)
