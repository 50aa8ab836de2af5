"""What people and later readers see of a change: pull request, release content, history, evidence.

Gathered from rows at the moment it is shown; the release content's hash is what an approval binds to.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import JsonValue

from pipeline.agents.submissions.specs import Spec
from pipeline.change_request import Stage
from pipeline.coding import moved_bases, old_tests, own_changes
from pipeline.evidence.pull_request_text import PullRequestFacts, body
from pipeline.findings import REPORTERS, Finding
from pipeline.gates.content import (
    ReleaseContent,
    ShownChange,
    ShownCriterion,
    ShownFile,
    ShownOldTest,
    ShownRisk,
    ShownScenario,
    VoidApproval,
)
from pipeline.interventions.intervention import Action, ChangingText, InterventionStatus, Notice, Skipping
from pipeline.proof import inverted, mutated, reverted
from pipeline.proof.baseline import suite_in_words
from pipeline.proof.neutral import verdict as neutral
from pipeline.proof.stored_runs import green_of, newest, report_of
from pipeline.records import RunPurpose
from pipeline.screening.risk_flags import load_flags
from pipeline.specs.behaviour import ScenarioKind
from pipeline.stage import specs
from pipeline.stage.artifacts import whole_text
from pipeline.stage.known import run_of
from pipeline.stage.outcomes import outcomes_of
from pipeline.stage.run import StageRun


async def pull_request(run: StageRun, name: str) -> tuple[str, str]:
    """Return title and text of a repository's pull request."""
    request = await specs.request_of(run)
    facts = run.known[name]
    spec = await specs.spec_of(run, name)
    suite = await _suite(run, name, facts.head)
    repository = run.context.repositories[name]
    text = body(
        PullRequestFacts(
            cr_id=run.context.cr_id,
            title=request.title,
            summary=request.summary,
            source=run.context.source,
            external_url=run.context.external_url,
            cost_usd=f"{await run.context.spending.cost_usd():.2f}",
            scripted=run.context.scripted,
            criteria=[f"{one.id}: {one.text}" for one in request.acceptance_criteria],
            scenarios=[(one.id, one.kind.value, one.title) for one in spec.scenarios],
            added_tests=await _proven_tests(run, name),
            suite=suite.summary,
            pre_existing=suite.pre_existing,
            witnesses=[
                f"{name}: {said}"
                for name, said in (
                    ("Inverted", suite.inverted),
                    ("Neutral", suite.neutral),
                    ("Reverted", suite.reverted),
                    ("Mutated", suite.mutated),
                )
                if said
            ],
            findings=await current_findings(run, name),
            flags=await load_flags(run),
            files=await repository.changed_files(facts.base, facts.head),
            old_tests=[
                (f"{one.path}::{one.name}" if one.name else one.path, one.decision.value, one.scenario, one.why)
                for one in await old_tests.load(run, name)
            ],
            left_out=await own_changes.left_out_of(run, name),
            siblings=[other for other in run.known if other != name],
        )
    )
    return whole_text(request.title[:200]), whole_text(text)


async def release(
    run: StageRun, *, void_approval: VoidApproval | None, parts: Mapping[str, JsonValue]
) -> ReleaseContent:
    """Return what an approver decides on; approval binds to `parts`."""
    request = await specs.request_of(run)
    names = list(run.known)
    return ReleaseContent(
        change_request=run.context.cr_id,
        title=request.title,
        summary=request.summary,
        criteria=tuple(ShownCriterion(id=one.id, text=one.text) for one in request.acceptance_criteria),
        risk_flags=tuple(
            ShownRisk(risk=one.risk, pattern=one.pattern, quote=one.quote) for one in await load_flags(run)
        ),
        skipped=tuple(await skipped_stages(run)),
        request_changes=tuple(await request_changes(run)),
        repositories={name: await _repository(run, name) for name in names},
        cost_usd=f"{await run.context.spending.cost_usd():.4f}",
        scripted=run.context.scripted,
        void_approval=void_approval,
        parts=parts,
    )


async def skipped_stages(run: StageRun) -> list[str]:
    """Return what a person skipped; every approver sees it."""
    return [
        f"{said.actor} skipped {said.facts(Skipping).stage or 'a stage'}{_because(said.body.instructions)}"
        for said in await run.context.interventions.all()
        if said.action is Action.SKIP and said.status is InterventionStatus.ACTED
    ]


_CHANGED: Mapping[Action | Notice, str] = {
    Action.EDIT: "edited the request that screening had stopped",
    Action.ADOPT: "took the text that its source has now",
}


async def request_changes(run: StageRun) -> list[str]:
    """Return who changed the text of the request on the way; every approver sees it."""
    return [
        f"{said.actor} {_CHANGED[said.action]}: revision {said.body.revision}"
        for said in await run.context.interventions.all()
        if said.action in _CHANGED and isinstance(said.body, ChangingText)
    ]


def _because(why: str) -> str:
    return f": {why}" if why else ""


async def history(run: StageRun) -> str:
    """Return loops, pauses and interventions, one a line, for the retrospective."""
    lines = [
        f"{stage} sent the change back {count} times"
        for stage, count in sorted(run_of(run.state).loops.items())
        if count
    ]
    lines += [
        f"{said.actor} said {said.action}: {said.body.instructions}".strip()
        for said in await run.context.interventions.all()
    ]
    lines += [
        f"{one.purpose} of {one.repository}: {'ok' if one.ok else 'not ok'}"
        for one in await run.context.test_runs.all()
    ]
    return "\n".join(lines)


async def findings_text(run: StageRun) -> str:
    """Return all findings, one a line."""
    return "\n".join(_finding(owner, finding) for owner, finding in await run.context.findings.all()) or "none"


async def current_findings(run: StageRun, name: str) -> list[Finding]:
    """Return what the last round of checks and reviewers said, the weightiest first; what earlier rounds found was resolved since."""
    outcome = outcomes_of(run.state, Stage.REVIEW).get(name)
    if outcome is None:
        return []
    found = [finding for _, finding in await run.context.findings.all(activation=outcome.activation)]
    return sorted(found, key=lambda one: (one.severity.rank, REPORTERS.index(one.source.reporter)))


async def _repository(run: StageRun, name: str) -> ShownChange:
    facts = run.known[name]
    repository, target = run.context.repositories[name], run.context.targets[name]
    spec = await specs.revision_of(run, name)
    files = await repository.changed_files(facts.base, facts.head)
    suite = await _suite(run, name, facts.head)
    current = await current_findings(run, name)
    everything = [finding for owner, finding in await run.context.findings.all() if owner == name]
    return ShownChange(
        base_branch=target.base_branch,
        base=facts.base,
        head=facts.head,
        tests=facts.tests,
        merge_strategy=target.merge_strategy,
        spec_revision=spec.revision,
        spec_hash=spec.content_hash,
        scenarios=_scenarios(Spec.model_validate(spec.spec)),
        files=tuple(
            ShownFile(path=file.path, status=file.status, added=file.added, removed=file.removed) for file in files
        ),
        old_tests=tuple(
            ShownOldTest(path=one.path, name=one.name, decision=one.decision.value, scenario=one.scenario, why=one.why)
            for one in await old_tests.load(run, name)
        ),
        left_out=tuple(await own_changes.left_out_of(run, name)),
        suite=suite.summary,
        inverted=suite.inverted,
        neutral=suite.neutral,
        reverted=suite.reverted,
        mutated=suite.mutated,
        pre_existing_failures=tuple(suite.pre_existing),
        findings=tuple(_shown(finding) for finding in current),
        resolved_findings=len(everything) - len(current),
        rebases=tuple(await moved_bases.load_moves(run, name)),
    )


def _scenarios(spec: Spec) -> tuple[ShownScenario, ...]:
    return tuple(
        ShownScenario(id=one.id, kind=one.kind.value, title=one.title, criteria=tuple(one.criterion_ids))
        for one in spec.scenarios
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Suite:
    summary: str
    pre_existing: tuple[str, ...]
    inverted: str = ""
    neutral: str = ""
    reverted: str = ""
    mutated: str = ""


async def _suite(run: StageRun, name: str, head: str) -> _Suite:
    """Return how the full suite of the head went and what the further witnesses showed, from the run that proved it."""
    proven = newest(await run.context.test_runs.all(name), RunPurpose.GREEN_SUITE, head)
    if proven is None:
        return _Suite(summary="not run", pre_existing=())
    witness = green_of(proven)
    return _Suite(
        summary=suite_in_words(report_of(proven), witness.suite),
        pre_existing=witness.suite.pre_existing,
        inverted=inverted.in_words(witness.inverted) if witness.inverted else "",
        neutral=neutral.in_words(witness.neutral) if witness.neutral else "",
        reverted=reverted.in_words(witness.reverted) if witness.reverted else "",
        mutated=mutated.in_words(witness.mutated) if witness.mutated else "",
    )


async def _proven_tests(run: StageRun, name: str) -> int:
    """Return how many tests were witnessed red and then green."""
    spec = await specs.spec_of(run, name)
    if not any(one.kind is ScenarioKind.CHANGE for one in spec.scenarios):
        return 0
    proven = newest(await run.context.test_runs.all(name), RunPurpose.GREEN_CHANGE)
    return sum(test.counts for test in green_of(proven).red.tests) if proven is not None else 0


def _shown(finding: Finding) -> str:
    """Say a finding to the approver of its repository, in a line."""
    what = f"{finding.severity.value.capitalize()}, {finding.category.replace('_', ' ')}: {finding.message}"
    return what if finding.file and finding.file in finding.message else f"{what}{_where(finding)}"


def _where(finding: Finding) -> str:
    if not finding.file:
        return ""
    return f" ({finding.file}:{finding.line})" if finding.line else f" ({finding.file})"


def _finding(owner: str, finding: Finding) -> str:
    where = _where(finding)
    return f"[{finding.severity.value}] {owner}, {finding.source.value}: {finding.category}: {finding.message}{where}"
