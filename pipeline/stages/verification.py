"""Behaviour verification: completeness and regression per repository in parallel, then consistency over all of them.

This is also where the repositories' translations join. A checker that finds nothing blocking passes the specs on; what
it finds goes back to exactly the repositories it is about.
"""

from dataclasses import replace
from typing import Any

from pipeline.agents.fences import Untrusted
from pipeline.agents.job import Job
from pipeline.agents.loop_context import Feedback, FeedbackKind
from pipeline.agents.prompt_variables import (
    CompletenessCheckerVariables,
    ConsistencyCheckerVariables,
    RegressionCheckerVariables,
)
from pipeline.agents.submissions.fields import SubmissionFacts
from pipeline.agents.submissions.specs import Check, CheckIssue
from pipeline.change_request import PauseReason, Stage
from pipeline.concurrency.together import together
from pipeline.evidence import inspection_records
from pipeline.evidence.canonical_json import content_hash
from pipeline.gates.content import SpecContent
from pipeline.gates.gate import GateKind
from pipeline.proof.shown_diff import Cut, not_shown
from pipeline.stage import agent_work, feedback, specs
from pipeline.stage.declaration import OpensGate, SendsBack, Skippable, StageDeclaration
from pipeline.stage.repository_reading import text_at
from pipeline.stage.run import StageEnd, StageRun
from pipeline.stage.state import RepositoryState, Verdict

EXISTING_SPECS_MAX = 10


def inputs(run: StageRun) -> list[Any]:
    """The specs of all repositories."""
    return [[name, facts.spec_hash] for name, facts in run.known.items()]


async def verification(run: StageRun) -> StageEnd:
    """Check every spec; verified specs are marked, others go back with what is wrong."""
    names = list(run.known)
    if run.skip is not None:
        return await _passed(run, names, f"specs not checked: skipped by {run.skip.actor}")
    per_repository = await together(_check_repository(run, name) for name in names)
    wrong = dict(zip(names, per_repository, strict=True))
    for issue in await _consistency(run, names):
        for name in await _concerned(run, names, issue):
            wrong[name].append(_told("consistency_checker", issue))
    if any(wrong.values()):
        return await _send_back(run, wrong)
    return await _passed(run, names, "specs verified")


async def _passed(run: StageRun, names: list[str], summary: str) -> StageEnd:
    for name in names:
        await run.context.specs.verify(name, run.known[name].spec_revision)
    if run.context.settings.delivery.spec_approval:
        return await _ask_for_approval(run, names, summary)
    return StageEnd(summary=summary)


async def _check_repository(run: StageRun, name: str) -> list[Feedback]:
    base = run.known[name].base
    spec = Untrusted(f"spec of {name}", (await specs.revision_of(run, name)).feature)
    request = await specs.request_text(run)
    completeness = CompletenessCheckerVariables(repository=name, structured_request=request, spec=spec)
    existing, cuts = await _existing_specs(run, name, base)
    regression = RegressionCheckerVariables(
        repository=name, spec=spec, existing_specs=existing, not_shown=not_shown(cuts)
    )
    facts, loop = await _facts(run, name), await feedback.note_context(run)
    basis = await agent_work.basis_of(run, name, base, samples=False)
    async with agent_work.at_work(run, name, "verify", base, basis) as frame:
        jobs = {
            "completeness_checker": frame.job(completeness, facts=facts, loop=loop),
            "regression_checker": frame.job(regression, facts=replace(facts, cuts=cuts), loop=loop),
        }
        handed = dict(zip(jobs, await together(run.context.agents.work(job) for job in jobs.values()), strict=True))
    for role, one in handed.items():
        await inspection_records.save_inspection(run, role, name, base, one.of(Check).verdict.value, one)
    checks = {role: one.of(Check) for role, one in handed.items()}
    return [_told(role, issue) for role, check in checks.items() for issue in check.issues if issue.severity.blocking]


async def _facts(run: StageRun, name: str) -> SubmissionFacts:
    scenarios = specs.scenarios_of(await specs.spec_of(run, name))
    return SubmissionFacts(criteria=await specs.criteria_of(run), scenarios=scenarios)


async def _existing_specs(run: StageRun, name: str, base: str) -> tuple[tuple[Untrusted, ...], tuple[Cut, ...]]:
    """Return the first specs of the base, and what of them did not fit."""
    repository = run.context.repositories[name]
    paths = [path for path in await repository.list_files(base) if path.endswith(".feature")]
    shown, left = paths[:EXISTING_SPECS_MAX], paths[EXISTING_SPECS_MAX:]
    cut = Cut(what="list of existing specs", files=len(paths), whole=len(shown), unseen=tuple(left))
    return tuple([Untrusted(f"file {path}", await text_at(repository, base, path)) for path in shown]), (
        (cut,) if left else ()
    )


async def _consistency(run: StageRun, names: list[str]) -> list[CheckIssue]:
    features = [Untrusted(f"spec of {name}", (await specs.revision_of(run, name)).feature) for name in names]
    scenarios = {
        key: kind for name in names for key, kind in specs.scenarios_of(await specs.spec_of(run, name)).items()
    }
    job = Job(
        variables=ConsistencyCheckerVariables(specs=tuple(features)), stage=run.stage, activation=run.activation,
        instance="all", facts=SubmissionFacts(criteria=await specs.criteria_of(run), scenarios=scenarios),
    )  # fmt: skip
    handed = await run.context.agents.work(job)
    check = handed.of(Check)
    await inspection_records.save_inspection(run, "consistency_checker", "", None, check.verdict.value, handed)
    return [issue for issue in check.issues if issue.severity.blocking]


async def _concerned(run: StageRun, names: list[str], issue: CheckIssue) -> list[str]:
    """Repositories that hold a named scenario; all of them when the issue names none."""
    held = {name: specs.scenarios_of(await specs.spec_of(run, name)) for name in names}
    found = [name for name in names if any(scenario in held[name] for scenario in issue.scenario_ids)]
    return found or names


async def _send_back(run: StageRun, wrong: dict[str, list[Feedback]]) -> StageEnd:
    facts: dict[str, RepositoryState] = {}
    for name, told in wrong.items():
        if told:
            facts[name] = {"spec_feedback": await feedback.save(run, name, told)}
    count = sum(len(told) for told in wrong.values())
    return StageEnd(verdict=Verdict.SENT_BACK, summary=f"{count} blocking issues in the specs", repositories=facts)


async def _ask_for_approval(run: StageRun, names: list[str], summary: str) -> StageEnd:
    features = {name: (await specs.revision_of(run, name)).feature for name in names}
    content = SpecContent(title=run.context.title, specs=features)
    gate = await run.context.gates.open(
        activation=run.activation, content=content, content_hash=content_hash(content.binding)
    )
    return StageEnd(verdict=Verdict.WAITING, gate_id=gate.id, message="The specs wait for approval.", summary=summary)


def _told(role: str, issue: CheckIssue) -> Feedback:
    about = ", ".join([*issue.criterion_ids, *issue.scenario_ids]) or "the spec as a whole"
    text = f"[{issue.severity.value}] {about}: {issue.problem}\nSuggestion: {issue.suggestion}"
    return Feedback(kind=FeedbackKind.VERIFICATION, source=role, text=text)


DECLARATION = StageDeclaration(
    body=verification,
    inputs=inputs,
    label="Behaviour verification",
    explanation="checks that the specs are complete, consistent and break nothing existing by intent",
    skip=Skippable("The checkers' opinion on the specs; you vouch for them, and a spec gate still opens."),
    sends_back=SendsBack(
        to=Stage.TRANSLATION,
        paused_as=PauseReason.SPEC_LOOP,
        at_most=lambda limits: limits.verification_loops_max,
    ),
    gate=OpensGate(kind=GateKind.SPEC),
    finds=frozenset({"spec_feedback"}),
    after_handback=True,
    may_be_taken_over=True,
)
