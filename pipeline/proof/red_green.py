"""What counts as red before the code exists; `green` says what counts as green after.

Problem: a new test that fails proves nothing if it fails for the wrong reason: a typo, a package that is not installed,
a broken fixture, a failure that the code does not change. Choice: red counts by assertion, or because something of this
repository is missing on the base. That verdict is provisional: only the head shows that the same test passes there and
that the missing thing then exists (`confirm_red`). All functions are pure; every test gets a sentence for the writer
and for approvers. Invariant: adding a failure to any report never turns a verdict green.

A module-level import of something new fails a whole file at collection; then the file is provisionally red, and each of
its tests is taken from the head's run. Where one file that does not compile keeps others from running (Go, Rust, Java),
run the `preserve` tests in a tree without the `change` files.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import PurePosixPath

from pipeline.ports import Language
from pipeline.proof.grammars import has_grammar
from pipeline.proof.missing_symbols import Missing, Ownership, exists, missing_in, ownership
from pipeline.proof.owners import ROOT, contains, owner_of
from pipeline.proof.symbols import RepositorySymbols
from pipeline.proof.test_reports import SUITE, Failure, Outcome, TestCaseResult, TestReport
from pipeline.proof.test_sources import declared_tests

_SYNTAX_ERRORS = {"SyntaxError", "IndentationError", "TabError"}
_ASSERTIONS = {
    "AssertionError", "Failed", "AssertionFailedError", "AssertionFailure", "ComparisonFailure", "MultipleFailuresError",
    "AssertionErrorWithFacts", "ComparisonFailureWithFacts", "ConditionNotSatisfiedError", "SpockComparisonFailure",
    "WantedButNotInvoked", "NeverWantedButInvoked", "TooManyActualInvocations", "TooFewActualInvocations", "ArgumentsAreDifferent",
}  # fmt: skip


class RedCause(StrEnum):
    """Why a test is red."""

    ASSERTION = "assertion"
    MISSING = "missing"
    UNJUDGED = "unjudged"
    """It fails, in a language or in words that are not read."""
    NONE = "none"
    FAILS_ANYWAY = "fails_anyway"
    """Not red by the test: the whole command fails without it, too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TestVerdict:
    """Whether one test is red for a right reason, in words."""

    __test__ = False

    test_id: str
    file: str
    name: str
    counts: bool
    cause: RedCause
    why: str
    missing: Missing | None = None
    undecided: bool = False
    """The missing module may be new here or a package that is not installed; only the head tells."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScenarioVerdict:
    """The red tests of one `change` scenario; without any the scenario is unproven."""

    scenario: str
    red: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """At least one test is red."""
        return bool(self.red)


@dataclass(frozen=True, slots=True, kw_only=True)
class RedVerdict:
    """The red witness. Provisional until `confirm_red` has seen the head."""

    final: bool
    tests: tuple[TestVerdict, ...]
    scenarios: tuple[ScenarioVerdict, ...]
    problems: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Every change scenario has a red test and the run can be trusted."""
        return not self.problems and bool(self.scenarios) and all(scenario.ok for scenario in self.scenarios)

    @property
    def fails_anyway(self) -> bool:
        """Whether no test can be shown red here, whoever writes it: the command fails on the base, whatever it runs."""
        return bool(self.tests) and all(verdict.cause is RedCause.FAILS_ANYWAY for verdict in self.tests)

    def feedback(self) -> str:
        """Say what is wrong, for the test writer."""
        unproven = [f"Scenario {verdict.scenario!r} has no red test." for verdict in self.scenarios if not verdict.ok]
        weak = [
            f"{verdict.test_id}: {verdict.why}" for verdict in self.tests if not verdict.counts or verdict.undecided
        ]
        return "\n".join([*self.problems, *unproven, *weak])


@dataclass(frozen=True, slots=True, kw_only=True)
class RedRules:
    """What the judge knows of the repository's base."""

    language: Language
    own_modules: Collection[str]
    """Dotted modules of the base (`pipeline.repositories.stacks.module_names`)."""
    base: RepositorySymbols
    third_party: Collection[str] = ()
    """Top-level modules of declared dependencies."""
    root: str = ROOT
    """The folder of the component whose tests these rules are for."""
    beside: tuple["RedRules", ...] = ()
    """The rules of all components, where a repository has several; a test is judged by those of its own."""

    def of(self, test: str) -> "RedRules":
        """Return the rules for a test, by its file or its id."""
        return owner_of(test, self.beside) or self


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadSymbols:
    """What one component defines on the head."""

    root: str
    language: Language
    symbols: RepositorySymbols


def judge_red(
    *,
    report: TestReport,
    change_files: Collection[str],
    scenarios: Mapping[str, Sequence[str]],
    rules: RedRules,
    sources: Mapping[str, str],
    failing_before: Collection[str] = (),
) -> RedVerdict:
    """Judge a run of the `change` tests on base plus tests, provisionally.

    Args:
        scenarios: The `change` scenarios, each with the ids of its tests (a file, `file::name` or a full id).
        sources: The texts of the change files, so that tests which assert nothing are seen.
        failing_before: The ids of the base's own tests that fail without the new ones too.
    """
    cases = [case for case in report.cases if case.file in change_files or case.whole_suite or not case.file]
    verdicts = tuple(_red_test(case, rules, sources, change_files) for case in cases)
    verdicts = tuple(_failing_anyway(one) if _fails_anyway(one, failing_before) else one for one in verdicts)
    return _red_verdict(verdicts, scenarios, report, final=False)


def confirm_red(
    *,
    provisional: RedVerdict,
    head_report: TestReport,
    head: RepositorySymbols,
    scenarios: Mapping[str, Sequence[str]],
    sources: Mapping[str, str],
    heads: Sequence[HeadSymbols] = (),
) -> RedVerdict:
    """Make the verdict final with the run of the same tests on the head and the symbols that the head defines.

    Args:
        heads: The symbols of each component, where a repository has several; a test is judged by those of its own.
    """
    verdicts: list[TestVerdict] = []
    for verdict in provisional.tests:
        own = owner_of(verdict.file or verdict.test_id, heads)
        defined = head if own is None else own.symbols
        if not verdict.counts:
            verdicts.append(verdict)
        elif verdict.test_id == verdict.file and verdict.name == SUITE:
            verdicts.extend(_confirmed_suite(verdict, head_report, defined, scenarios))
        elif verdict.test_id == verdict.file:
            verdicts.extend(_confirmed_file(verdict, head_report, defined, sources))
        else:
            found = [case for case in head_report.cases if case.test_id == verdict.test_id]
            verdicts.append(_confirmed(verdict, found[0] if found else None, defined))
    confirmed = _red_verdict(tuple(verdicts), scenarios, head_report, final=True)
    kept = tuple(problem for problem in provisional.problems if problem not in confirmed.problems)
    return RedVerdict(
        final=True, tests=confirmed.tests, scenarios=confirmed.scenarios, problems=(*kept, *confirmed.problems)
    )


def in_a_sentence(failure: Failure | None) -> str:
    """Return the first line of why a test did not pass, as a sentence."""
    if failure is None:
        return "it was skipped."
    line = (failure.message.strip().splitlines() or ["no message"])[0][:300]
    return f"{line}." if line[-1:] not in ".!?" else line


def _red_verdict(
    verdicts: tuple[TestVerdict, ...], scenarios: Mapping[str, Sequence[str]], report: TestReport, *, final: bool
) -> RedVerdict:
    problems = list(report.complaints)
    if not verdicts:
        problems.append("No change test was reported.")
    if not scenarios:
        problems.append("There is no change scenario to prove.")
    judged = tuple(
        ScenarioVerdict(
            scenario=scenario,
            red=tuple(v.test_id for v in verdicts if v.counts and any(_refers(test, v) for test in tests)),
        )
        for scenario, tests in sorted(scenarios.items())
    )
    return RedVerdict(final=final, tests=verdicts, scenarios=judged, problems=tuple(dict.fromkeys(problems)))


def _refers(reference: str, verdict: TestVerdict) -> bool:
    """Whether a scenario's test reference means this test: by id, by file, by name within the file, or by loaded file."""
    if reference in {verdict.test_id, verdict.file} or verdict.test_id.startswith(f"{reference}["):
        return True
    file, _, name = reference.partition("::")
    if verdict.test_id == verdict.file:
        return verdict.file == file or _is_suite_of(verdict, file)
    if not verdict.file:  # the command names tests without their files
        return name.rpartition("::")[2] == verdict.name
    return verdict.file == file and name.rpartition("::")[2] == verdict.name.rpartition(".")[2]


def _is_suite_of(verdict: TestVerdict, file: str) -> bool:
    """Whether a verdict is on all that a command ran, this file among it."""
    folder, _, name = verdict.file.rpartition("/")
    return name == SUITE and verdict.name == SUITE and contains(folder or ROOT, file)


def _red_test(
    case: TestCaseResult, rules: RedRules, sources: Mapping[str, str], change_files: Collection[str]
) -> TestVerdict:
    rules = rules.of(case.file or case.test_id)
    if case.failure is not None and case.outcome.bad:
        refusal = _refusal(case, case.failure, rules, sources)
        if refusal is not None:
            return _verdict(case, RedCause.NONE, refusal)
        if case.failure.exception in _ASSERTIONS and (not case.whole_file or case.whole_suite):
            return _verdict(
                case, RedCause.ASSERTION, f"An assertion fails without the change: {in_a_sentence(case.failure)}"
            )
        if _unread(case, case.failure, change_files):
            return _verdict(case, RedCause.UNJUDGED, f"It fails without the change: {in_a_sentence(case.failure)}")
        return _missing_verdict(case, case.failure, rules)
    if case.outcome is Outcome.PASSED:
        why = "It passes without the change, so it proves nothing; it belongs with the preserve tests."
        return _verdict(case, RedCause.NONE, why)
    return _verdict(case, RedCause.NONE, "It is skipped or marked as expected to fail, so it proves nothing.")


def _refusal(case: TestCaseResult, failure: Failure, rules: RedRules, sources: Mapping[str, str]) -> str | None:
    if _asserts_nothing(case.file, case.name, sources):
        return "It asserts nothing: being callable is not behaviour."
    if failure.exception in _SYNTAX_ERRORS and missing_in(failure, rules.language) is None:
        return f"The test itself does not parse: {in_a_sentence(failure)}"
    if case.outcome is Outcome.ERROR and not case.whole_file:
        return f"A fixture or the set-up failed, not the test: {in_a_sentence(failure)}"
    return None


_FAILS_ANYWAY = "The command fails without the new tests too, so that it fails says nothing about them."


def _fails_anyway(verdict: TestVerdict, failing_before: Collection[str]) -> bool:
    return verdict.cause is RedCause.UNJUDGED and verdict.name == SUITE and verdict.test_id in failing_before


def _unread(case: TestCaseResult, failure: Failure, change_files: Collection[str]) -> bool:
    """Whether nobody here could say why it fails: a language without a grammar, or a command that names no error."""
    if case.whole_suite and failure.exception is None:
        return True
    written = [case.file] if case.file and not case.whole_suite else list(change_files)
    return not any(has_grammar(PurePosixPath(path).suffix) or path.endswith(".kt") for path in written)


def _missing_verdict(case: TestCaseResult, failure: Failure, rules: RedRules) -> TestVerdict:
    missing = missing_in(failure, rules.language)
    if missing is None:
        remedy = "Assert the expected behaviour, so that the failure is an assertion."
        return _verdict(
            case, RedCause.NONE, f"It fails by {failure.exception or 'an error'}: {in_a_sentence(failure)} {remedy}"
        )
    whose = ownership(
        missing, language=rules.language, own_modules=rules.own_modules, base=rules.base, third_party=rules.third_party
    )
    if whose is Ownership.FOREIGN:
        return _verdict(
            case, RedCause.NONE, f"{missing.sentence()} is missing, but it is not this repository's.", missing
        )
    if whose is Ownership.UNDECIDED:
        why = f"{missing.sentence()} is missing; it counts only if the change adds it to this repository."
        return _verdict(case, RedCause.MISSING, why, missing, undecided=True)
    return _verdict(case, RedCause.MISSING, f"{missing.sentence()} does not exist without the change.", missing)


def _confirmed_file(
    verdict: TestVerdict, head_report: TestReport, head: RepositorySymbols, sources: Mapping[str, str]
) -> list[TestVerdict]:
    found = [case for case in head_report.cases if case.file == verdict.file]
    if not found:
        return [_confirmed(verdict, None, head)]
    return [_from_file(verdict, case, head, sources) for case in found]


def _confirmed_suite(
    verdict: TestVerdict, head_report: TestReport, head: RepositorySymbols, scenarios: Mapping[str, Sequence[str]]
) -> list[TestVerdict]:
    """Confirm what is known of a whole command: by the tests that it names on the head, where it names those of the scenarios."""
    same = [case for case in head_report.cases if case.test_id == verdict.test_id]
    if same:
        return [_confirmed(verdict, same[0], head)]
    references = [reference for tests in scenarios.values() for reference in tests]
    renamed = [(case, _verdict(case, verdict.cause, verdict.why, verdict.missing)) for case in head_report.cases]
    named = [(case, one) for case, one in renamed if any(_refers(reference, one) for reference in references)]
    if named:
        return [_confirmed(one, case, head) for case, one in named]
    passed = head_report.ok and bool(head_report.cases)
    if not passed:
        return [_refuted(verdict, "The command does not pass on the head either.")]
    whole = TestCaseResult(test_id=verdict.test_id, file=verdict.file, name=SUITE, outcome=Outcome.PASSED)
    return [_confirmed(verdict, whole, head)]


def _from_file(
    verdict: TestVerdict, case: TestCaseResult, head: RepositorySymbols, sources: Mapping[str, str]
) -> TestVerdict:
    if _asserts_nothing(case.file, case.name, sources):
        return _verdict(case, RedCause.NONE, "It asserts nothing: being callable is not behaviour.")
    renamed = _verdict(case, verdict.cause, verdict.why, verdict.missing)
    return _confirmed(renamed, case, head)


def _confirmed(verdict: TestVerdict, case: TestCaseResult | None, head: RepositorySymbols) -> TestVerdict:
    if case is None:
        return _refuted(verdict, "The same test does not exist on the head.")
    if case.outcome is not Outcome.PASSED:
        return _refuted(verdict, f"It does not pass on the head either: {in_a_sentence(case.failure)}")
    if verdict.missing is not None and not exists(verdict.missing, head):
        return _refuted(verdict, f"{verdict.missing.sentence()} is not defined by this repository on the head.")
    return TestVerdict(
        test_id=verdict.test_id,
        file=verdict.file,
        name=verdict.name,
        counts=True,
        cause=verdict.cause,
        why=f"{verdict.why} It passes with the change.",
        missing=verdict.missing,
    )


def _refuted(verdict: TestVerdict, why: str) -> TestVerdict:
    return replace(verdict, counts=False, cause=RedCause.NONE, why=why, undecided=False)


def _failing_anyway(verdict: TestVerdict) -> TestVerdict:
    return replace(_refuted(verdict, _FAILS_ANYWAY), cause=RedCause.FAILS_ANYWAY)


def _verdict(
    case: TestCaseResult, cause: RedCause, why: str, missing: Missing | None = None, *, undecided: bool = False
) -> TestVerdict:
    return TestVerdict(
        test_id=case.test_id,
        file=case.file,
        name=case.name,
        counts=cause is not RedCause.NONE,
        cause=cause,
        why=why,
        missing=missing,
        undecided=undecided,
    )


def _asserts_nothing(file: str, name: str, sources: Mapping[str, str]) -> bool:
    """Only a test that was found in the source can be accused; names made at run time get the benefit of the doubt."""
    plain = name.rpartition(".")[2]
    found = [test for test in declared_tests(file, sources.get(file, "")) if test.name == plain]
    return bool(found) and not any(test.asserts for test in found)
