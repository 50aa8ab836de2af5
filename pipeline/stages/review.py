"""Code review: deterministic scope and secret checks first, then three reviewers in parallel, each with eyes of its own.

A reviewer whose verdict cannot be read, or who could not or did not look, is asked again and finally pauses; nothing passes
by default. Findings that block go back to development with their locations and remedies.
"""

from dataclasses import dataclass, replace
from typing import Any

from pipeline import events
from pipeline.agents.fences import Untrusted
from pipeline.agents.loop_context import Feedback, FeedbackKind
from pipeline.agents.prompt_variables import (
    PromptVariables,
    QualityReviewerVariables,
    SecurityReviewerVariables,
    SpecReviewerVariables,
)
from pipeline.agents.submissions.fields import SubmissionFacts
from pipeline.agents.submissions.reviews import Review
from pipeline.change_request import PauseReason, Stage
from pipeline.coding import scope
from pipeline.concurrency.together import together
from pipeline.evidence import inspection_records
from pipeline.findings import CHECKS, Finding, FindingSource
from pipeline.proof.shown_diff import Cut, ShownDiff, not_shown, shown_diff
from pipeline.screening.risk_flags import load_flags as kept_flags
from pipeline.stage import agent_work, feedback, proving, specs
from pipeline.stage.declaration import SendsBack, Skippable, StageDeclaration
from pipeline.stage.run import StageEnd, StageRun, blocked
from pipeline.stage.specs import scenarios_of
from pipeline.stage.state import RepositoryState, Verdict

SPEC_REVIEWER = "spec_reviewer"
SOURCES = {
    "security_reviewer": FindingSource.SECURITY_REVIEWER,
    "quality_reviewer": FindingSource.QUALITY_REVIEWER,
    SPEC_REVIEWER: FindingSource.SPEC_REVIEWER,
}


def inputs(run: StageRun) -> list[Any]:
    """The head that is judged, and the specs it is judged by."""
    return [run.here.head, [facts.spec_hash for _, facts in run.known.items()]]


async def review(run: StageRun) -> StageEnd:
    """Judge one repository's change."""
    prepared = await proving.environment_of(run, run.name, run.here.base)
    checked = await scope.check(run, run.name, run.here.base, run.here.head, prepared)
    await _report(run, CHECKS, checked.findings)
    if checked.stops:
        return blocked(
            PauseReason.SECRET_FOUND,
            "The change contains what looks like a secret. Nothing was pushed.",
            repository=run.name,
            findings=[finding.message for finding in checked.stops],
        )
    if checked.blocking:
        return await _send_back(run, {"diff scope": list(checked.blocking)}, FeedbackKind.DIFF_SCOPE)
    if run.skip is not None:
        return StageEnd(summary=f"reviewers skipped by {run.skip.actor}; scope and secrets were checked")
    found = await _ask_reviewers(run, checked.warnings)
    for source, findings in found.items():
        await _report(run, source, findings)
    blocking = {source: [one for one in findings if one.blocking] for source, findings in found.items()}
    if any(blocking.values()):
        return await _send_back(run, blocking, FeedbackKind.REVIEW)
    count = sum(len(findings) for findings in found.values())
    return StageEnd(summary=f"three reviewers passed it, {count} remarks" if count else "three reviewers passed it")


async def _ask_reviewers(run: StageRun, warnings: tuple[Finding, ...]) -> dict[str, list[Finding]]:
    material, loop = await _material(run), await feedback.note_context(run)
    facts = SubmissionFacts(scenarios=scenarios_of(await specs.spec_of(run, run.name)))
    variables = await _variables(run, material, warnings)
    basis = await agent_work.basis_of(run, run.name, run.here.base, samples=False)
    async with agent_work.at_work(run, run.name, "review", run.here.head, basis) as frame:
        jobs = [
            frame.job(asked, facts=replace(facts, cuts=material.cuts_for(role)), loop=loop)
            for role, asked in variables.items()
        ]
        handed = dict(zip(variables, await together(run.context.agents.work(job) for job in jobs), strict=True))
    for role, one in handed.items():
        await inspection_records.save_inspection(run, role, run.name, run.here.head, one.of(Review).verdict.value, one)
    return {role: list(one.of(Review).as_findings(SOURCES[role])) for role, one in handed.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Material:
    """What is too long for a prompt at times."""

    diff: ShownDiff
    tests: ShownDiff

    def cuts_for(self, role: str) -> tuple[Cut, ...]:
        """Return what a reviewer did not get to see of what it was given."""
        given = (self.diff, self.tests) if role == SPEC_REVIEWER else (self.diff,)
        return tuple(shown.cut for shown in given if shown.cut is not None)

    def not_shown_to(self, role: str) -> tuple[str, ...]:
        """Return the files of `cuts_for` as lines for a prompt."""
        return not_shown(self.cuts_for(role))


async def _material(run: StageRun) -> _Material:
    repository = run.context.repositories[run.name]
    limit = run.context.settings.pipeline.diff_max_bytes
    return _Material(
        diff=shown_diff(await repository.diff(run.here.base, run.here.head), limit),
        tests=shown_diff(await repository.diff(run.here.base, run.here.tests), limit, "tests"),
    )


async def _variables(run: StageRun, material: _Material, warnings: tuple[Finding, ...]) -> dict[str, PromptVariables]:
    diff = Untrusted("diff", material.diff.text)
    everything = await specs.all_verified_specs(run, run.name)
    flags = [flag for flag in await kept_flags(run) if flag.risk.value != "low"]
    return {
        "security_reviewer": SecurityReviewerVariables(
            repository=run.name,
            specs=everything,
            diff=diff,
            structured_request=await specs.request_text(run),
            risk_flags=tuple(Untrusted("risk flag", f"{flag.pattern}: {flag.quote}") for flag in flags),
            scope_warnings=tuple(Untrusted("scope warning", warning.message) for warning in warnings),
            not_shown=material.not_shown_to("security_reviewer"),
        ),
        "quality_reviewer": QualityReviewerVariables(
            repository=run.name,
            spec=everything[0],
            diff=diff,
            test_results=await _test_results(run),
            not_shown=material.not_shown_to("quality_reviewer"),
        ),
        SPEC_REVIEWER: SpecReviewerVariables(
            repository=run.name,
            specs=everything,
            tests=Untrusted("tests", material.tests.text),
            diff=diff,
            test_results=await _test_results(run),
            not_shown=material.not_shown_to(SPEC_REVIEWER),
        ),
    }


async def _test_results(run: StageRun) -> Untrusted:
    runs = [one for one in await run.context.test_runs.all(run.name) if one.commit == run.here.head]
    lines = [f"{one.purpose}: {'ok' if one.ok else 'not ok'}" for one in runs]
    return Untrusted("test results", "\n".join(lines) or "no run of this commit")


async def _report(run: StageRun, source: str, findings: list[Finding] | tuple[Finding, ...]) -> None:
    await run.context.findings.save(repository=run.name, stage=run.stage, activation=run.activation, found=findings)
    blocking = sum(finding.blocking for finding in findings)
    await run.emit(events.FindingsReported(source=source, blocking=blocking, total=len(findings)))


async def _send_back(run: StageRun, blocking: dict[str, list[Finding]], kind: FeedbackKind) -> StageEnd:
    told = [
        Feedback(kind=kind, source=source, text=feedback.wording(findings))
        for source, findings in blocking.items()
        if findings
    ]
    name = await feedback.save(run, run.name, told)
    worst = min(
        (finding for findings in blocking.values() for finding in findings),
        key=lambda one: one.severity.rank,
    )
    facts: RepositoryState = {"feedback": name}
    return StageEnd(
        verdict=Verdict.SENT_BACK, summary=f"{worst.category}: {worst.message}"[:300], repositories={run.name: facts}
    )


DECLARATION = StageDeclaration(
    body=review,
    inputs=inputs,
    label="Code review",
    explanation="checks diff scope and secrets, then asks three reviewers; who could not look has given no verdict",
    per_repository=True,
    skip=Skippable("The three reviewers; diff scope and secret scan still run, and may still stop it."),
    sends_back=SendsBack(
        to=Stage.DEVELOPMENT,
        paused_as=PauseReason.REVIEW_LOOP,
        at_most=lambda limits: limits.review_loops_max,
    ),
    finds=frozenset({"feedback"}),
    after_handback=True,
    may_be_taken_over=True,
    pauses_as=(
        PauseReason.SECRET_FOUND,
        PauseReason.SANDBOX_UNAVAILABLE,
        PauseReason.AGENT_STUCK,
    ),
)
