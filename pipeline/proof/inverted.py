"""The inverted witness: the change's tests fail when a failure stands at the end of each, and by that failure alone.

Problem: code under test runs in the process that writes the results, and can write that a test passed which did not. Such code
knows the tests, and it may spare one that it does not know (`canary`). Choice: when the tests are green, the same files run
again under the same paths and names, with a failure at the end of every body whose message is a nonce of that run; it fires only
where the body ended well. A runner that tells the truth tells each test as failed with the nonce. Where a file or a test has no
such form, that is said, and is no proof. Pure. Invariant: a test that counts is confirmed, named as not possible, or a problem.

Limit, stated: code that reads the planted test in its own process, and writes the nonce into the report itself, is not seen here.
"""

import ast
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import PurePosixPath

from tree_sitter import Node

from pipeline.proof.grammars import LARGE_CHARS, has_grammar, syntax_tree
from pipeline.proof.planting import go, java, javascript, python, rust
from pipeline.proof.planting.planted import Left, Mark, Planting, deeper_than
from pipeline.proof.red_green import RedVerdict, in_a_sentence
from pipeline.proof.test_reports import Outcome, TestCaseResult, TestReport

_LANGUAGES: Mapping[str, Callable[[Node, bytes, Mark], Planting]] = {
    ".py": python.plant, ".go": go.plant, ".rs": rust.plant, ".java": java.plant,
    **dict.fromkeys((".js", ".mjs", ".cjs", ".jsx", ".ts", ".mts", ".cts", ".tsx"), javascript.plant),
}  # fmt: skip
DEPTH_MAX = 400
_TYPED = frozenset({".ts", ".mts", ".cts", ".tsx"})
_COMPILED = frozenset({".go", ".rs", ".java"})
"""A file of these that does not compile runs nothing of the code under test, so it is the form that is at fault."""


class Trust(StrEnum):
    """What the inverted run says of the runner's results."""

    CONFIRMED = "confirmed"
    """Every test that counts failed by the planted failure."""
    PARTLY = "partly"
    """So did those in which one could be planted; some could not."""
    NOT_POSSIBLE = "not_possible"
    """A failure could be planted in none."""
    REFUTED = "refuted"
    """A test passed, or failed by something else: the results cannot be trusted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Inverted:
    """A test file with a failure at the end of every test that could take one."""

    text: str
    tests: tuple[str, ...]
    """The names of the tests that fail now; empty ones are given at run time."""
    left: tuple[Left, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class InvertedVerdict:
    """What the run showed, in words. `nonce` is what it had to show."""

    nonce: str
    trust: Trust
    confirmed: tuple[str, ...] = ()
    """Ids of the tests that count and failed by the nonce."""
    not_possible: tuple[str, ...] = ()
    """Sentences: where no failure could be planted, and why."""
    problems: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether nothing speaks against the results."""
        return not self.problems


UNTRUSTED = "The results of the test runner cannot be trusted"


def invert(path: str, text: str, nonce: str) -> Inverted | None:
    """Plant the failure in a test file. None where its language has no form, or it would not parse afterwards."""
    suffix = PurePosixPath(path).suffix
    plant = _LANGUAGES.get(suffix)
    if plant is None or not has_grammar(suffix) or len(text) > LARGE_CHARS:
        return None
    source = text.encode("utf-8", "surrogatepass")
    root = syntax_tree(suffix, source)
    if root.has_error or deeper_than(root, DEPTH_MAX):
        return None
    planting = plant(root, source, Mark(nonce=nonce, typed=suffix in _TYPED))
    if not planting.tests and not planting.left:
        return None
    planted = planting.applied(source)
    if syntax_tree(suffix, planted).has_error:
        return None
    turned = planted.decode("utf-8", "surrogatepass")
    if suffix == ".py" and _parses(text) and not _parses(turned):
        return None
    return Inverted(text=turned, tests=tuple(planting.tests), left=tuple(planting.left))


def inverted_files(contents: Mapping[str, bytes], nonce: str) -> dict[str, Inverted | None]:
    """Return what becomes of each test file; what is no UTF-8 has no form."""
    return {path: _of_bytes(path, content, nonce) for path, content in contents.items()}


def judge_inverted(
    *, nonce: str, files: Mapping[str, Inverted | None], report: TestReport | None, red: RedVerdict
) -> InvertedVerdict:
    """Judge the run of the inverted files.

    Args:
        files: What `inverted_files` made of the change files with this nonce.
        report: None where no file has a form, so nothing ran.
        red: The final verdict; its tests that count are those which have to fail by the nonce.
    """
    told = {} if report is None else {case.test_id: case for case in report.cases}
    confirmed, problems, not_possible = [], [], []
    for test in red.tests:
        if not test.counts:
            continue
        case = told.get(test.test_id)
        why = _no_form(test.file, test.name, files) or _did_not_compile(test.file, report)
        if case is not None and _fired(case, nonce):
            confirmed.append(test.test_id)
        elif why:
            not_possible.append(f"{test.test_id}: {why}.")
        else:
            problems.append(_refuted(test.test_id, case))
    if report is not None:
        problems += [f"{UNTRUSTED}: {complaint}" for complaint in report.complaints]
    trust = (
        Trust.REFUTED
        if problems
        else Trust.NOT_POSSIBLE
        if not confirmed
        else Trust.PARTLY
        if not_possible
        else Trust.CONFIRMED
    )
    return InvertedVerdict(
        nonce=nonce, trust=trust, confirmed=tuple(confirmed), not_possible=tuple(not_possible),
        problems=tuple(dict.fromkeys(problems)),
    )  # fmt: skip


def in_words(verdict: InvertedVerdict) -> str:
    """Say in a line what the run showed, for approvers."""
    count = len(verdict.confirmed)
    planted = f"{count} tests failed by the failure planted at their end"
    if count == 1:
        planted = "1 test failed by the failure planted at its end"
    match verdict.trust:
        case Trust.REFUTED:
            return verdict.problems[0]
        case Trust.NOT_POSSIBLE:
            return f"not possible here: {verdict.not_possible[0] if verdict.not_possible else 'no test counts.'}"
        case Trust.PARTLY:
            return f"{planted}; not possible for {len(verdict.not_possible)}: {verdict.not_possible[0]}"
        case Trust.CONFIRMED:
            return planted


def _of_bytes(path: str, content: bytes, nonce: str) -> Inverted | None:
    try:
        return invert(path, content.decode("utf-8"), nonce)
    except UnicodeDecodeError:
        return None


def _parses(text: str) -> bool:
    try:
        ast.parse(text)
    except (SyntaxError, ValueError, RecursionError):
        return False
    return True


def _fired(case: TestCaseResult, nonce: str) -> bool:
    if not case.outcome.bad or case.failure is None:
        return False
    # A traceback of Python may quote the planted line; that is no message.
    said = case.failure.message if case.file.endswith(".py") else f"{case.failure.message}\n{case.failure.tail}"
    return nonce in said


def _no_form(file: str, name: str, files: Mapping[str, Inverted | None]) -> str:
    """Say why no failure stands in a test; empty where one does."""
    inverted = files.get(file) or (next(iter(_declaring(name, files)), None) if not file else None)
    if inverted is None and file not in files:
        return "the test command does not tell the tests of this file one by one"
    if inverted is None:
        return f"no failure can be planted in {file}, whose language or shape has no form for it"
    plain = name.rpartition(".")[2] if file.endswith(".py") else name
    known = [one.why for one in inverted.left if one.name == plain]
    if plain in inverted.tests:
        return known[0] if known else ""
    unnamed = [one.why for one in inverted.left if not one.name]
    if known or unnamed:
        return (known or unnamed)[0]
    return "" if "" in inverted.tests else "it is not declared as a test in its file, but made at run time"


def _declaring(name: str, files: Mapping[str, Inverted | None]) -> list[Inverted]:
    """Return the files that declare a test which the command tells without its file."""
    return [one for one in files.values() if one is not None and name in one.tests]


def _did_not_compile(file: str, report: TestReport | None) -> str:
    if report is None or PurePosixPath(file).suffix not in _COMPILED:
        return ""
    unloaded = [case for case in report.cases if case.whole_file and case.outcome is Outcome.ERROR]
    return (
        f"with a failure planted, {unloaded[0].file} does not compile: {in_a_sentence(unloaded[0].failure)[:-1]}"
        if unloaded
        else ""
    )


def _refuted(test_id: str, case: TestCaseResult | None) -> str:
    if case is None:
        return f"{UNTRUSTED}: with a failure planted at its end, {test_id} is not reported any more."
    if case.outcome is Outcome.PASSED:
        return f"{UNTRUSTED}: {test_id} is reported as passed although a failure was planted at its end."
    if case.outcome is Outcome.SKIPPED:
        return f"{UNTRUSTED}: with a failure planted at its end, {test_id} is reported as skipped."
    return f"{UNTRUSTED}: {test_id} passes, and with a failure planted at its end it fails by another: {in_a_sentence(case.failure)}"
