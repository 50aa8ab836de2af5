"""Code that looks for how it is run, as findings: what it could use to behave otherwise where a test runs it.

Problem: code that is right under test and wrong elsewhere passes every run of ours, and a runner's name that is put together from
parts passes every regular expression. Choice: the constructs by which code can tell, found in the syntax trees of five languages on
the lines that a change adds to what is no test (`run_detection`). Honest programs use some of them, so nothing is stopped: what
tells of tests is shown to the approver and the reviewers as a major finding, the rest as less. Pure. Invariant: a file that could
not be read for it is named.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import PurePosixPath

from tree_sitter import Node

from pipeline.findings import TEST_DETECTION, Finding, FindingSource, Severity
from pipeline.proof.grammars import LARGE_CHARS, has_grammar, syntax_tree
from pipeline.proof.planting.planted import deeper_than
from pipeline.proof.run_detection import go, java, javascript, python, rust
from pipeline.proof.run_detection.traces import Trace, Traces, Unreadable
from pipeline.proof.unified_diff import AddedLine

_LANGUAGES: Mapping[str, Callable[[Node, str, str, Traces], None]] = {
    ".py": python.find, ".go": go.find, ".rs": rust.find, ".java": java.find,
    **dict.fromkeys((".js", ".mjs", ".cjs", ".jsx", ".ts", ".mts", ".cts", ".tsx"), javascript.find),
}  # fmt: skip
FINDINGS_MAX = 40
STEPS_MAX = 3_000_000
"""Nodes that are looked at for a change, some of them several times: about ten seconds."""
_DEPTH_MAX = 600
_REMEDY = "See that it does the same whoever runs it."


def is_readable(path: str) -> bool:
    """Whether files of this name can be looked at."""
    suffix = PurePosixPath(path).suffix
    return suffix in _LANGUAGES and has_grammar(suffix)


def look(added: Sequence[AddedLine], texts: Mapping[str, str], *, steps_max: int = STEPS_MAX) -> list[Finding]:
    """Return what the added lines hold, the weightiest first; `texts` are product files of the head, whole."""
    traces = Traces(steps_max)
    lines: dict[str, set[int]] = {}
    for one in added:
        lines.setdefault(one.path, set()).add(one.line)
    found: list[Finding] = []
    for path, text in sorted(texts.items()):
        try:
            found += [_finding(path, trace) for trace in _on(traces_of(path, text, traces), lines.get(path, set()))]
        except Unreadable:
            found.append(_unread(path))
    found.sort(key=lambda one: one.severity.rank)
    rest = len(found) - FINDINGS_MAX
    if rest <= 0:
        return found
    worst = found[FINDINGS_MAX].severity
    more = f"{rest} more places look for how the code is run; they are not listed."
    return [*found[:FINDINGS_MAX], Finding(source=FindingSource.DIFF_SCOPE, severity=worst, category=TEST_DETECTION, message=more)]  # fmt: skip


def traces_of(path: str, text: str, traces: Traces) -> list[Trace]:
    """Return every construct of a file that `is_readable`, in the order of its lines. Raises `Unreadable`."""
    if len(text) > LARGE_CHARS:
        raise Unreadable
    traces.found.clear()
    suffix = PurePosixPath(path).suffix
    root = syntax_tree(suffix, text.encode("utf-8", "replace"))
    if deeper_than(root, _DEPTH_MAX):
        raise Unreadable
    _LANGUAGES[suffix](root, path, text, traces)
    return sorted(traces.found.values(), key=lambda one: (one.line, one.severity.rank))


def _on(traces: Sequence[Trace], lines: set[int]) -> list[Trace]:
    """Choose what stands on these lines: of each line the weightiest, of what is but a remark the first of its kind."""
    chosen: list[Trace] = []
    seen: set[int] = set()
    told: set[str] = set()
    for one in traces:
        touched = not lines.isdisjoint(range(one.line, one.end_line + 1))
        again = one.line in seen or (one.severity is Severity.INFO and one.what in told)
        if touched and not again:
            chosen.append(one)
            seen.add(one.line)
            told.add(one.what)
    return chosen


def _finding(path: str, trace: Trace) -> Finding:
    return Finding(
        source=FindingSource.DIFF_SCOPE, severity=trace.severity, category=TEST_DETECTION,
        message=f"{path}:{trace.line} {trace.what}.", file=path, line=trace.line,
        remedy=None if trace.severity is Severity.INFO else _REMEDY,
    )  # fmt: skip


def _unread(path: str) -> Finding:
    return Finding(
        source=FindingSource.DIFF_SCOPE, severity=Severity.MINOR, category=TEST_DETECTION, file=path,
        message=f"{path} is too large, or nested too deep, to be searched for code that looks for how it is run.",
    )  # fmt: skip
