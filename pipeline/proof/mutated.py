"""The mutated witness: how many small wrong versions of the change its own tests notice.

Problem: red and green say that tests tell the change from its absence; not that they tell it from a change that is nearly right.
Choice: a few mutants of the added lines, drawn by the nonce of the run, within a bound of time; the tests run on each. What they
do not notice is shown, with file and line. It stops a change only where a setting says so. Pure. Invariant: what did not compile
or could not run counts neither way.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from pipeline.ports import Language
from pipeline.proof.mutants import Mutant
from pipeline.proof.red_green import RedVerdict
from pipeline.proof.test_reports import TestReport

COMPILED = frozenset({Language.GO, Language.RUST, Language.JAVA, Language.C})
SURVIVORS_TOLD = 3


class Fate(StrEnum):
    """What became of a mutant."""

    KILLED = "killed"
    SURVIVED = "survived"
    INVALID = "invalid"
    """It did not compile, or the run said nothing about it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TriedMutant:
    """One mutant with its fate; `by` is the test that noticed it, empty where the run as a whole did."""

    mutant: Mutant
    fate: Fate
    by: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class MutatedVerdict:
    """What the tests of a change noticed. `possible` mutants were there, those tried were drawn by `nonce`."""

    nonce: str
    possible: int
    tried: tuple[TriedMutant, ...] = ()
    score_min: int = 0
    """In percent; what the setting asked for."""

    @property
    def counted(self) -> tuple[TriedMutant, ...]:
        """Those that count."""
        return tuple(one for one in self.tried if one.fate is not Fate.INVALID)

    @property
    def survivors(self) -> tuple[Mutant, ...]:
        """What no test noticed."""
        return tuple(one.mutant for one in self.tried if one.fate is Fate.SURVIVED)

    @property
    def score(self) -> int | None:
        """In percent; None where nothing was tried."""
        return round(100 * (1 - len(self.survivors) / len(self.counted))) if self.counted else None

    @property
    def ok(self) -> bool:
        """Whether the setting lets it pass."""
        return self.score is None or self.score >= self.score_min


def fate_of(mutant: Mutant, report: TestReport, red: RedVerdict, language: Language) -> TriedMutant:
    """Judge the run of the change tests on a mutant; `red` says which of them prove something."""
    counting = {test.test_id for test in red.tests if test.counts}
    noticed = next((case.test_id for case in report.bad if case.test_id in counting), "")
    if noticed or report.timed_out:
        return TriedMutant(mutant=mutant, fate=Fate.KILLED, by=noticed)
    if report.bad:
        broken = language in COMPILED and any(case.whole_file or case.whole_suite for case in report.bad)
        return TriedMutant(mutant=mutant, fate=Fate.INVALID if broken else Fate.KILLED)
    return TriedMutant(mutant=mutant, fate=Fate.SURVIVED if report.ok else Fate.INVALID)


def in_words(verdict: MutatedVerdict) -> str:
    """Say in a line what was shown, for approvers."""
    if verdict.score is None:
        return (
            "not possible here: no line of the change could be altered"
            if not verdict.possible
            else "nothing was tried in the time there was"
        )
    noticed = len(verdict.counted) - len(verdict.survivors)
    text = f"{noticed} of {len(verdict.counted)} small wrong versions of the change were noticed ({verdict.score} %)"
    return f"{text}; not noticed: {_listed(verdict.survivors)}" if verdict.survivors else text


def too_low(verdict: MutatedVerdict) -> str:
    """Say to a person that the score is below what the setting asks for."""
    return (
        f"The tests notice {verdict.score} % of small wrong versions of the change; `pipeline.mutation_score_min` asks for "
        f"{verdict.score_min} %. Not noticed: {_listed(verdict.survivors)}."
    )


def _listed(survivors: Sequence[Mutant]) -> str:
    named = "; ".join(one.in_words for one in survivors[:SURVIVORS_TOLD])
    return f"{named} and {len(survivors) - SURVIVORS_TOLD} more" if len(survivors) > SURVIVORS_TOLD else named
