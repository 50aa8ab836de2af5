"""Read the Test Anything Protocol from a command's output, where a custom command speaks it."""

import re

from pipeline.proof.test_reports import Outcome, TestCaseResult, failure

_LINE = re.compile(
    r"(?m)^(?P<bad>not )?ok\b(?: +\d+)?(?: +-)? *(?P<name>[^#\n]*?) *(?:# *(?P<directive>SKIP|TODO)\b.*)?$",
    re.IGNORECASE,
)


COMPLAINTS_MAX = 50
"""Failures whose complaint on the other stream is looked for: each costs a look at the whole output."""
_FILE = re.compile(r"(?m)^(?P<file>\S+\.t) \.+ ?(?:skipped.*)?$")
_DIAGNOSTIC = re.compile(r"(?:^ *(?:#|  ).*\n?)+", re.MULTILINE)


def tap_cases(output: str) -> list[TestCaseResult]:
    """Return the top-level results; empty when the output is not TAP (no version line and no plan).

    `prove -v` prints one stream for each file, headed by its name.
    """
    if not re.search(r"(?m)^(?:TAP version \d+|1\.\.\d+(?: *#.*)?)\s*$", output):
        return []
    heads = [(found.end(), found.group("file")) for found in _FILE.finditer(output)]
    cases = []
    complaints_left = COMPLAINTS_MAX
    for number, found in enumerate(_LINE.finditer(output), 1):
        file = next((name for end, name in reversed(heads) if end <= found.start()), "")
        if not (file and not found.group("name") and found.group(0).strip() == "ok"):  # prove's verdict on the file
            said = _said(output, found.end() + 1) if found.group("bad") else ""
            if found.group("bad") and not said and complaints_left > 0:
                complaints_left -= 1
                said = _complained(output, found.group("name").strip())
            cases.append(_case(found, number, file, said))
    return cases


def _said(output: str, begin: int) -> str:
    """Return the comments and the YAML that follow a result."""
    found = _DIAGNOSTIC.match(output, begin)
    return found.group(0)[:4_000] if found else ""


def _complained(output: str, name: str) -> str:
    """Return what was said about a test on the other stream, whose lines come elsewhere."""
    found = re.search(rf"(?m)^# +Failed test '{re.escape(name)}'.*(?:\n#.+){{0,4}}", output) if name else None
    return found.group(0) if found else ""


def _case(found: re.Match[str], number: int, file: str, said: str) -> TestCaseResult:
    name = found.group("name").strip() or f"test {number}"
    outcome = Outcome.FAILED if found.group("bad") else Outcome.PASSED
    if found.group("directive"):
        outcome = Outcome.SKIPPED
    told = None
    if outcome is Outcome.FAILED:
        lines = [line.strip(" #") for line in said.splitlines() if line.strip(" #")]
        told = failure(f"not ok: {'; '.join(lines)[:500] or name}", said, exception="AssertionError")
    return TestCaseResult(test_id=f"{file or 'tap'}::{name}", file=file, name=name, outcome=outcome, failure=told)
