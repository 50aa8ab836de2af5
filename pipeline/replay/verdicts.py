"""The verdicts that follow from stored reports and submissions, made again by the present rules.

Recomputed: whether a run is green, the comparison of suites, the green verdict, the text and hash of a spec, and whether a
reviewed change goes back. Taken as recorded: the reports themselves, and the red, inverted, neutral and reverted witnesses, which need the sources.
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

from pydantic import BaseModel, ConfigDict, TypeAdapter, field_validator

from pipeline.agents.journal import Observed
from pipeline.agents.roles import AgentRole
from pipeline.agents.submissions.specs import Spec as SpecSubmission
from pipeline.change_request import Stage
from pipeline.findings import FindingSource, Severity, blocks
from pipeline.proof.baseline import compare_suites
from pipeline.proof.green import judge_green
from pipeline.proof.inverted import InvertedVerdict
from pipeline.proof.mutated import MutatedVerdict
from pipeline.proof.neutral.verdict import NeutralVerdict
from pipeline.proof.red_green import RedVerdict
from pipeline.proof.reverted import RevertedVerdict
from pipeline.proof.test_reports import TestReport
from pipeline.records import RunPurpose, StoredResult
from pipeline.replay.recording import Recording, Result, Spec, TestRunRow
from pipeline.specs.behaviour import render_feature
from pipeline.stage.known import outcome_of, run_of
from pipeline.stage.proving import plain
from pipeline.stage.state import RunState, Verdict, outcome_key

_REPORT = TypeAdapter(TestReport)
_OK_IS_THE_REPORTS = ("baseline", "green_")
_PROVES_GREEN = {RunPurpose.GREEN_CHANGE, RunPurpose.GREEN_PRESERVE, RunPurpose.GREEN_SUITE}


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One decision of a stage that comes out differently."""

    attempt: int
    stage: str
    repository: str
    activation: str
    what: str
    expected: Any
    got: Any


class _Judged(BaseModel):
    """The verdict of a green proof as it was stored; what is only compared stays plain."""

    model_config = ConfigDict(frozen=True)

    green: Any
    red: RedVerdict
    suite: dict[str, Any]
    retired: list[str]
    inverted: InvertedVerdict | None = None
    neutral: NeutralVerdict | None = None
    reverted: RevertedVerdict | None = None
    mutated: MutatedVerdict | None = None

    @field_validator("suite")
    @classmethod
    def _complete(cls, suite: dict[str, Any]) -> dict[str, Any]:
        """Runs of before names were counted hold nothing of them."""
        return {"unstable_names": [], **suite}


_NEEDED = {name for name, one in _Judged.model_fields.items() if one.is_required()}


@dataclass(frozen=True, slots=True, kw_only=True)
class _GreenProof:
    suite: TestRunRow
    change: TestRunRow
    preserve: TestRunRow | None = None


def differences(recording: Recording) -> Iterator[Difference]:
    """Yield every verdict that differs, in the order of the line."""
    yield from _specs(recording)
    yield from _runs(recording)
    yield from _greens(recording)
    yield from _reviews(recording)


def counted(recording: Recording) -> int:
    """Return how many verdicts are made again."""
    body = recording.body
    runs = sum(row.purpose.startswith(_OK_IS_THE_REPORTS) for row in body.test_runs)
    greens = len(_green_groups(recording))
    return runs + greens + len(body.specs) + len(_reviewed(recording))


def _specs(recording: Recording) -> Iterator[Difference]:
    for row in recording.body.specs:
        submitted = _submitted(recording, row)
        if submitted is not None and submitted != row.spec:
            yield _of_spec(row, "the stored spec is the submitted one", row.spec, submitted)
        feature = render_feature(SpecSubmission.model_validate(row.spec).behaviour())
        if feature != row.feature:
            yield _of_spec(row, "the text of the spec", row.feature, feature)
        digest = hashlib.sha256(row.feature.encode()).hexdigest()
        if digest != row.content_hash:
            yield _of_spec(row, "the hash of the spec", row.content_hash, digest)


def _submitted(recording: Recording, row: Spec) -> Mapping[str, Any] | None:
    for talk in recording.conversations:
        key = talk.key
        if (key.role, key.activation, key.instance) != (AgentRole.SPEC_WRITER.value, row.activation, row.repository):
            continue
        found = [one.submission for one in talk.records if isinstance(one, Observed) and one.submission is not None]
        if found and key.attempt == row.attempt:
            return found[-1]
    return None


def _runs(recording: Recording) -> Iterator[Difference]:
    for row in recording.body.test_runs:
        if row.purpose.startswith(_OK_IS_THE_REPORTS):
            ok = _report(row).ok
            if ok is not row.ok:
                yield _of_run(row, f"whether the run {row.purpose} is green", row.ok, ok)


def _greens(recording: Recording) -> Iterator[Difference]:
    for proof in _green_groups(recording):
        stored = _Judged.model_validate(proof.suite.verdict)
        compared = [
            compare_suites(
                base=base,
                head=_report(proof.suite),
                second_base=second,
                second_head=_again(recording, proof.suite),
                retired_files=stored.retired,
            )
            for base in _bases(recording, proof.suite, RunPurpose.BASELINE)
            for second in (None, *_bases(recording, proof.suite, RunPurpose.BASELINE_AGAIN))
        ]
        suite = next((one for one in compared if plain(one) == stored.suite), compared[-1] if compared else None)
        if suite is None:
            continue
        if plain(suite) != stored.suite:
            yield _of_run(proof.suite, "the comparison with the base's suite", stored.suite, plain(suite))
        verdict = judge_green(
            change=_report(proof.change), preserve=_report(proof.preserve) if proof.preserve else None, suite=suite,
            red=stored.red, inverted=stored.inverted, neutral=stored.neutral, reverted=stored.reverted,
        )  # fmt: skip
        if plain(verdict) != stored.green:
            yield _of_run(proof.suite, "the green verdict", stored.green, plain(verdict))


def _green_groups(recording: Recording) -> list[_GreenProof]:
    """Group the runs of one proof: change, preserve, suite of one head."""
    grouped: dict[tuple[int, str, str, str], dict[str, TestRunRow]] = {}
    for row in recording.body.test_runs:
        if row.purpose in _PROVES_GREEN and set(row.verdict) >= _NEEDED:
            key = (row.attempt, row.repository, row.activation, row.commit)
            grouped.setdefault(key, {})[row.purpose.removeprefix("green_")] = row
    return [_GreenProof(**runs) for runs in grouped.values() if {"suite", "change"} <= set(runs)]


def _report(row: TestRunRow) -> TestReport:
    return _REPORT.validate_python(row.report)


def _again(recording: Recording, row: TestRunRow) -> TestReport | None:
    """Return what was run again on the same head for the same proof."""
    where = (row.attempt, row.repository, row.activation, row.commit)
    found = [
        _report(one)
        for one in recording.body.test_runs
        if one.purpose == RunPurpose.GREEN_SUITE_AGAIN
        and (one.attempt, one.repository, one.activation, one.commit) == where
    ]
    return found[-1] if found else None


def _bases(recording: Recording, row: TestRunRow, purpose: RunPurpose) -> list[TestReport]:
    return [
        _report(one)
        for one in recording.body.test_runs
        if one.purpose == purpose and (one.attempt, one.repository) == (row.attempt, row.repository)
    ]


def _reviews(recording: Recording) -> Iterator[Difference]:
    for row in _reviewed(recording):
        found = [
            one
            for one in recording.body.findings
            if one.activation.split("/")[0] == row.activation and one.attempt == row.attempt
        ]
        blocking = any(blocks(FindingSource(one.source), Severity(one.severity), one.category) for one in found)
        got = (Verdict.SENT_BACK if blocking else Verdict.PASSED).value
        update = cast("RunState", StoredResult.model_validate(row.result).update)
        expected = outcome_of(run_of(update).outcomes[outcome_key(Stage.REVIEW, row.repository)]).verdict.value
        if expected != got:
            yield Difference(
                attempt=row.attempt, stage=row.stage, repository=row.repository, activation=row.activation,
                what="whether the change goes back", expected=expected, got=got,
            )  # fmt: skip


def _reviewed(recording: Recording) -> list[Result]:
    return [row for row in recording.body.stage_results if row.stage == Stage.REVIEW.value]


def _of_run(row: TestRunRow, what: str, expected: Any, got: Any) -> Difference:
    return Difference(
        attempt=row.attempt, stage=row.stage, repository=row.repository, activation=row.activation, what=what,
        expected=expected, got=got,
    )  # fmt: skip


def _of_spec(row: Spec, what: str, expected: Any, got: Any) -> Difference:
    return Difference(
        attempt=row.attempt, stage=Stage.TRANSLATION.value, repository=row.repository, activation=row.activation,
        what=what, expected=expected, got=got,
    )  # fmt: skip
