"""Small wrong versions of a change: what is made, drawn and judged."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.ports import Language
from pipeline.proof.mutants import chosen, mutants_of
from pipeline.proof.mutated import Fate, MutatedVerdict, TriedMutant, fate_of, in_words, too_low
from pipeline.proof.red_green import RedCause, RedVerdict, TestVerdict
from pipeline.proof.test_reports import Failure, Outcome, TestCaseResult, TestReport

PYTHON = b"""\
import os
def price(n, vat=True):
    if n < 0 or not vat:
        raise ValueError("n < 0")
    log(n)
    # n + 1
    return n * 2 + 1
"""


def words(path: str, text: bytes) -> list[str]:
    lines = range(1, text.count(b"\n") + 2)
    return [one.in_words.partition(" ")[2] for one in mutants_of(path, text, lines)]


def test_each_part_that_decides_is_altered_and_nothing_else() -> None:
    assert words("a.py", PYTHON) == [
        "“True” became “False”", "“<” became “<=”", "“0” became “1”", "“or” became “and”", "“not” was left out",
        "“log(n)” became “pass”", "“n * 2 + 1” became “None”", "“*” became “+”", "“2” became “3”", "“+” became “-”", "“1” became “2”",
    ]  # fmt: skip
    assert [one.line for one in mutants_of("a.py", PYTHON, {7})] == [7] * 5


@pytest.mark.parametrize(
    ("path", "text", "some"),
    [
        ("a.js", b"exports.f = (n) => { if (!n || n >= 4) { g(n); return true; } return n - 1; };", ["“>=” became “>”", "“g(n);” became “;”", "“!” was left out"]),
        ("a.ts", b"export const f = (n: Array<number>): boolean => n.length === 3 && !n[0];", ["“===” became “!==”", "“&&” became “||”"]),
        ("a.go", b"package a\nfunc F(n int) int { if n > 3 && n != 5 { return n * 2 }; return 0 }", ["“>” became “>=”", "“0” became “1”"]),
        ("a.rs", b"pub fn f(n: Vec<i64>) -> i64 { if n.len() > 3 && !n.is_empty() { return 2 } n[0] + 1 }", ["“&&” became “||”", "“+” became “-”"]),
        ("A.java", b"class A { boolean f(java.util.List<String> n) { return n.size() > 3 || !true; } }", ["“>” became “>=”", "“true” became “false”"]),
    ],
)  # fmt: skip
def test_every_language_with_a_grammar_has_its_own_and_types_stay(path: str, text: bytes, some: list[str]) -> None:
    found = words(path, text)
    assert set(some) <= set(found)
    generic = [
        one for one in mutants_of(path, text, {1, 2}) if text[one.start - 3 : one.start] in {b"Vec", b"ray", b"ist"}
    ]
    assert generic == []


def test_texts_that_cannot_be_read_have_none() -> None:
    assert mutants_of("a.txt", b"1 < 2", {1}) == []
    assert mutants_of("a.py", b"x = 1 < 2\n" * 60_000, {1}) == []
    broken = mutants_of("a.py", b"x = (1 < \n", {1})
    assert chosen(broken, {"a.py": b"x = (1 < \n"}, seed="s", number=5) == []


@given(st.text(), st.integers(0, 20))
def test_the_same_seed_draws_the_same_and_spreads_over_the_lines(seed: str, number: int) -> None:
    every, sources = mutants_of("a.py", PYTHON, range(1, 8)), {"a.py": PYTHON}
    drawn = chosen(every, sources, seed=seed, number=number)
    assert drawn == chosen(every, sources, seed=seed, number=number)
    assert len(drawn) == min(number, len(every)) and len(set(drawn)) == len(drawn)
    lines = {one.line for one in every}
    assert len({one.line for one in drawn}) == min(number, len(lines))
    for one in drawn:
        assert PYTHON[one.start : one.end].decode() == one.before
        assert one.applied(PYTHON) != PYTHON


def report(outcome: Outcome, test: str = "t.py::test_a") -> TestReport:
    told = Failure(exception="AssertionError", message="assert 0", tail="") if outcome.bad else None
    case = TestCaseResult(test_id=test, file="t.py", name=test.partition("::")[2], outcome=outcome, failure=told)
    return TestReport(command=("pytest",), exit_code=int(outcome.bad), cases=(case,))


def test_what_was_noticed_by_whom_counts_and_what_could_not_run_counts_neither_way() -> None:
    mutant = mutants_of("a.py", PYTHON, {7})[0]
    proof = TestVerdict(
        test_id="t.py::test_a", file="t.py", name="test_a", counts=True, cause=RedCause.ASSERTION, why=""
    )
    red = RedVerdict(final=True, tests=(proof,), scenarios=(), problems=())

    def fate(one: TestReport, language: Language = Language.PYTHON) -> TriedMutant:
        return fate_of(mutant, one, red, language)

    assert fate(report(Outcome.FAILED)) == TriedMutant(mutant=mutant, fate=Fate.KILLED, by="t.py::test_a")
    assert fate(report(Outcome.PASSED)).fate is Fate.SURVIVED
    assert fate(report(Outcome.ERROR, "t.py")).fate is Fate.KILLED
    assert fate(report(Outcome.ERROR, "t.py"), Language.GO).fate is Fate.INVALID
    assert (
        fate(TestReport(command=("x",), exit_code=1, cases=(), complaints=("No test was reported at all.",))).fate
        is Fate.INVALID
    )
    assert fate(TestReport(command=("x",), exit_code=1, cases=(), timed_out=True)).fate is Fate.KILLED

    tried = tuple(fate(report(outcome)) for outcome in (Outcome.FAILED, Outcome.PASSED, Outcome.FAILED))
    verdict = MutatedVerdict(nonce="n", possible=11, tried=tried, score_min=80)
    assert (verdict.score, verdict.ok) == (67, False)
    assert in_words(verdict).startswith(
        "2 of 3 small wrong versions of the change were noticed (67 %); not noticed: a.py:7"
    )
    assert "asks for 80 %" in too_low(verdict)
    assert MutatedVerdict(nonce="n", possible=0, score_min=80).ok
    assert "no line of the change could be altered" in in_words(MutatedVerdict(nonce="n", possible=0))
