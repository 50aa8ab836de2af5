"""What the neutral calls say: whether the code under test is right without a test runner, too.

Pure. Invariant: a test that counts agrees, is named as not possible with the reason, or is a problem; a problem needs both, that the
frame could call the test from within its runner, and that the same call failed without it.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from pipeline.proof.neutral.calls import Call, CallOutcome, Calls
from pipeline.proof.red_green import RedVerdict, TestVerdict, in_a_sentence
from pipeline.proof.test_reports import Failure

_NO_FORM = "tests of this runner have no form without it"
_WORST_FIRST = (CallOutcome.FAILED, CallOutcome.UNSUPPORTED, CallOutcome.SKIPPED, CallOutcome.PASSED)
_BY_NAMES = "without its runner it passes only under the names that its file gives to functions and variables"
_NOT_TOLD = "it was not reached, because the process ended before"


@dataclass(frozen=True, slots=True, kw_only=True)
class NeutralVerdict:
    """What was shown, in words."""

    agreed: tuple[str, ...] = ()
    """Ids of the tests that count and passed without a runner."""
    not_possible: tuple[str, ...] = ()
    """Sentences: which tests could not be called, and why."""
    problems: tuple[str, ...] = ()
    names_kept: tuple[str, ...] = ()
    """Test files that speak of names, so theirs stayed."""

    @property
    def ok(self) -> bool:
        """Whether nothing speaks against the code."""
        return not self.problems


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """The calls of all components.

    `by_the_runner` is there where something failed without it, `names_stay` where that passed: the calls without a runner in which
    functions and variables of the tests have their own names.
    """

    alone: Sequence[Calls] = ()
    by_the_runner: Sequence[Calls] = ()
    names_stay: Sequence[Calls] = ()
    formless: Mapping[str, str] = field(default_factory=dict)
    """Files of components whose runner has no such form, with that runner."""


def doubtful(red: RedVerdict, alone: Calls, files: Collection[str]) -> bool:
    """Whether a test of these files that counts failed without its runner, so that its runner has to be asked."""
    asked = [test for test in red.tests if test.counts and test.file in files and test.file not in alone.left]
    return any(_failed(_call(test, [alone])) for test in asked)


def judge_neutral(red: RedVerdict, told: Told) -> NeutralVerdict:
    """Judge what the tests of `red` that count showed without a runner."""
    agreed, not_possible, problems = [], [], []
    left = {file: why for calls in told.alone for file, why in calls.left.items()}
    for test in red.tests:
        if not test.counts:
            continue
        call = _call(test, told.alone)
        if call is not None and call.outcome is CallOutcome.PASSED:
            agreed.append(test.test_id)
            continue
        why = _not_possible(test, call, told, left)
        if why:
            not_possible.append(f"{test.test_id}: {why}.")
        else:
            problems.append(
                f"{test.test_id} passes when its test runner calls it, and fails when nothing around it speaks of tests: "
                f"{_reason(call, told)}"
            )
    kept = sorted({file for calls in told.alone for file in calls.names_kept})
    return NeutralVerdict(
        agreed=tuple(agreed), not_possible=tuple(not_possible), problems=tuple(problems), names_kept=tuple(kept)
    )


def in_words(verdict: NeutralVerdict) -> str:
    """Say in a line what was shown, for approvers."""
    if verdict.problems:
        return verdict.problems[0]
    first = f": {verdict.not_possible[0]}" if verdict.not_possible else ""
    if not verdict.agreed:
        return f"not possible here{first or ': no test counts.'}"
    count = len(verdict.agreed)
    text = f"{count} test{'s' if count > 1 else ''} passed without a test runner, under other names"
    return f"{text}; not possible for {len(verdict.not_possible)}{first}" if verdict.not_possible else text


def _not_possible(test: TestVerdict, call: Call | None, told: Told, left: Mapping[str, str]) -> str:
    if test.file in told.formless:
        return f"{_NO_FORM} ({told.formless[test.file]})"
    if test.file in left:
        return left[test.file]
    if call is not None and call.outcome in {CallOutcome.UNSUPPORTED, CallOutcome.SKIPPED}:
        return call.why or "it leaves itself out"
    seen = _call(test, told.by_the_runner)
    if seen is None or seen.outcome is not CallOutcome.PASSED:
        return f"what stands in for its runner cannot call it ({_reason(call, told).rstrip('.')})"
    named = _call(test, told.names_stay)
    return _BY_NAMES if named is not None and named.outcome is CallOutcome.PASSED else ""


def _failed(call: Call | None) -> bool:
    return call is None or call.outcome is CallOutcome.FAILED


def _call(test: TestVerdict, among: Sequence[Calls]) -> Call | None:
    """Return the worst that was told of a test, or of its whole file; the code under test may have told the better."""
    id_in_file = test.test_id.removeprefix(f"{test.file}::")
    if test.file.endswith(".py"):
        id_in_file = id_in_file.partition("[")[0]  # all rows of a table are one call
    names = {id_in_file.replace("::", "."), ""}
    told = [one for calls in among for one in calls.calls if one.file == test.file and one.test in names]
    return min(told, key=lambda one: _WORST_FIRST.index(one.outcome), default=None)


def _reason(call: Call | None, told: Told) -> str:
    if call is not None:
        return in_a_sentence(Failure(exception=None, message=call.why, tail=""))
    last = next((one.last_line for one in told.alone if not one.calls and one.last_line), "")
    return in_a_sentence(Failure(exception=None, message=f"{_NOT_TOLD}: {last}" if last else _NOT_TOLD, tail=""))
