"""Gathers the evidence of a change request from its rows and commits, and keeps the signed bundle.

What is gathered is raw outcomes and the verdicts judged from them; nothing here judges. The release approval binds to
`parts`, so the bundle that is kept after the release can be checked against the approval without a database.
"""

import asyncio
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from pipeline.change_request import Stage, branch_name
from pipeline.coding import old_tests, test_writing
from pipeline.coding.code_writing import REBUILD
from pipeline.errors import InvariantBroken
from pipeline.evidence import inspection_records
from pipeline.evidence.bundle import (
    ApprovalRecord,
    CommitRecord,
    CommitsRecord,
    CriterionRecord,
    OldTestRecord,
    RebuildRecord,
    RepositoryEvidence,
    RequestRecord,
    ReviewRecord,
    RunRecord,
    ScenarioRecord,
    Sections,
    SkipRecord,
    SpecRecord,
    SubjectRecord,
    WitnessRecord,
    build_bundle,
    release_parts,
)
from pipeline.evidence.canonical_json import content_hash
from pipeline.evidence.role_usage import roles
from pipeline.evidence.rules_record import ComponentRulesRecord, InstrumentRecord, RulesRecord
from pipeline.findings import CHECKS, REPORTERS
from pipeline.gates.gate import Decision, Gate, GateStatus
from pipeline.interventions.intervention import Action, InterventionStatus, Skipping
from pipeline.proof.green import judge_preserve
from pipeline.proof.instrument import Instrument
from pipeline.proof.stored_runs import green_of, newest, preserve_of, report_of
from pipeline.records import RunPurpose, TestRun
from pipeline.repositories.components import Component, own_modules, source_places
from pipeline.screening.risk_flags import load_flags
from pipeline.specs.behaviour import ScenarioKind
from pipeline.stage import specs
from pipeline.stage.artifacts import Bytes
from pipeline.stage.outcomes import outcomes_of
from pipeline.stage.repository_reading import components_at, instrument_at
from pipeline.stage.run import StageRun

BUNDLE = Bytes("evidence")
NAME = "bundle.json"
CHECKERS = ("completeness_checker", "regression_checker")
JOINT_CHECKER = "consistency_checker"


async def parts(run: StageRun) -> dict[str, Any]:
    """Return what a release approval binds to."""
    return release_parts(await _request(run), await _repositories(run))


async def save_bundle(run: StageRun) -> str:
    """Build, sign and store the bundle as it stands; returns its SHA-256."""
    content = await asyncio.to_thread(build_bundle, await _sections(run), run.context.signer)
    return await BUNDLE.save(run.context.artifacts, NAME, content, {"attempt": run.context.attempt})


async def _sections(run: StageRun) -> Sections:
    request, repositories = await _request(run), await _repositories(run)
    return Sections(
        subject=SubjectRecord(
            cr_id=run.context.cr_id,
            attempt=run.context.attempt,
            title=run.context.title,
            source=run.context.source,
            external_url=run.context.external_url,
            requested_by=run.context.requested_by,
            requested_at=run.context.requested_at,
            product_version=run.context.code_version,
            models_are_scripted=run.context.scripted,
        ),
        request=request,
        screening=tuple(await load_flags(run)),
        repositories=repositories,
        reviews=await _reviews(run),
        roles=roles(await run.context.spending.calls(), await run.context.spending.prompts()),
        skipped=await _skipped(run),
        approvals=await _approvals(run, release_parts(request, repositories)),
    )


async def _request(run: StageRun) -> RequestRecord:
    structured = await specs.request_of(run)
    criteria = tuple(CriterionRecord(id=one.id, text=one.text) for one in structured.acceptance_criteria)
    return RequestRecord(
        body=run.context.request_text, structured=structured.model_dump(mode="json"), criteria=criteria
    )


async def _repositories(run: StageRun) -> tuple[RepositoryEvidence, ...]:
    return tuple([await _repository(run, name) for name in run.known])


async def _repository(run: StageRun, name: str) -> RepositoryEvidence:
    target, facts = run.context.targets[name], run.known[name]
    tests = await test_writing.load_tests_of(run, name)
    if tests is None:
        raise InvariantBroken("There is no evidence before there are proven tests.", repository=name)
    revision, spec = await specs.revision_of(run, name), await specs.spec_of(run, name)
    proofs = {**tests.submission.proofs(ScenarioKind.CHANGE), **tests.submission.proofs(ScenarioKind.PRESERVE)}
    scenarios = tuple(
        ScenarioRecord(
            id=one.id,
            kind=one.kind,
            title=one.title,
            criteria=tuple(one.criterion_ids),
            tests=tuple(proofs.get(one.id, ())),
        )
        for one in spec.scenarios
    )
    return RepositoryEvidence(
        name=name,
        remote=target.remote,
        base_branch=target.base_branch,
        branch=branch_name(run.context.cr_id, run.context.attempt),
        spec=SpecRecord(revision=revision.revision, feature=revision.feature, scenarios=scenarios),
        commits=CommitsRecord(
            base=await _commit(run, name, facts.base),
            tests=await _commit(run, name, facts.tests),
            head=await _commit(run, name, facts.head),
            merge=await _commit(run, name, facts.merge) if facts.merge else None,
            merge_strategy=target.merge_strategy,
        ),
        witness=await _witness(run, name, tests),
        rebuilds=await _rebuilds(run, name),
        old_tests=tuple([OldTestRecord.model_validate(asdict(one)) for one in await old_tests.load(run, name)]),
    )


async def _rebuilds(run: StageRun, name: str) -> tuple[RebuildRecord, ...]:
    rebuilt = await REBUILD.load(run.context.artifacts, name)
    if rebuilt is None:
        return ()
    digest = hashlib.sha256(rebuilt.log.encode()).hexdigest()
    return (RebuildRecord(manifest_hash=rebuilt.manifest_hash, why=rebuilt.why, log_sha256=digest),)


async def _commit(run: StageRun, name: str, commit: str) -> CommitRecord:
    facts = await run.context.repositories[name].commit_facts(commit)
    return CommitRecord(sha=facts.sha, tree=facts.tree, parents=facts.parents)


async def _witness(run: StageRun, name: str, tests: test_writing.ProvenTests) -> WitnessRecord:
    facts = run.known[name]
    repository = run.context.repositories[name]
    components = await components_at(repository, facts.base, run.context.targets[name])
    runs = await run.context.test_runs.all(name)
    suite = _proven(runs, RunPurpose.GREEN_SUITE, facts.head)
    preserve_base = newest(runs, RunPurpose.PRESERVE_ON_BASE, facts.tests)
    baseline = _run_of(_proven(runs, RunPurpose.BASELINE, facts.base))
    preserve_head = newest(runs, RunPurpose.GREEN_PRESERVE, facts.head)
    base_again = newest(runs, RunPurpose.BASELINE_AGAIN, facts.base)
    of_the_suite = [one for one in runs if one.activation == suite.activation]
    head_again = newest(of_the_suite, RunPurpose.GREEN_SUITE_AGAIN, facts.head)
    judged = green_of(suite)
    inverted = newest(of_the_suite, RunPurpose.INVERTED, facts.head) if judged.inverted else None
    reverted = newest(of_the_suite, RunPurpose.REVERTED, facts.head) if judged.reverted else None
    no_preserve = judge_preserve(baseline.report, ())
    return WitnessRecord(
        rules=await _rules(run, name, components),
        change_files=tests.change_files,
        preserve_files=tests.preserve_files,
        retired_files=judged.retired,
        red=_run_of(_proven(runs, RunPurpose.RED, facts.tests)),
        preserve_base=_run_of(preserve_base) if preserve_base else None,
        change=_run_of(_proven(runs, RunPurpose.GREEN_CHANGE, facts.head)),
        preserve=_run_of(preserve_head) if preserve_head else None,
        suite_base=baseline,
        suite_base_again=_run_of(base_again) if base_again else None,
        suite_head=_run_of(suite),
        suite_head_again=_run_of(head_again) if head_again else None,
        inverted=_run_of(inverted) if inverted else None,
        reverted=_run_of(reverted) if reverted else None,
        red_verdict=judged.red,
        preserve_verdict=preserve_of(preserve_base) if preserve_base else no_preserve,
        suite_verdict=judged.suite,
        green_verdict=judged.green,
        inverted_verdict=judged.inverted,
        neutral_verdict=judged.neutral,
        reverted_verdict=judged.reverted,
        mutated_verdict=judged.mutated,
    )


def _instrument_record(found: Instrument) -> InstrumentRecord:
    facts = {name: value for name, value in asdict(found).items() if name in InstrumentRecord.model_fields}
    return InstrumentRecord.model_validate(facts)


async def _rules(run: StageRun, name: str, components: Sequence[Component]) -> RulesRecord:
    repository, facts = run.context.repositories[name], run.known[name]
    files = await repository.list_files(facts.base)
    patterns = dict.fromkeys(pattern for one in components for pattern in one.stack.test_patterns)
    places = source_places(components)
    each = [
        ComponentRulesRecord(
            root=place.root,
            language=place.language,
            source_roots=place.source_roots,
            reads=place.reads,
            own_modules=tuple(sorted(own_modules(place.root, components, files))),
        )
        for place in places
    ]
    return RulesRecord(
        language=each[0].language,
        test_patterns=tuple(patterns),
        source_roots=each[0].source_roots,
        own_modules=each[0].own_modules,
        components=tuple(each) if len(each) > 1 else (),
        instrument=_instrument_record(await instrument_at(repository, facts.base, components)),
    )


async def _reviews(run: StageRun) -> tuple[ReviewRecord, ...]:
    reviews = list(await _spec_checks(run))
    for name, outcome in sorted(outcomes_of(run.state, Stage.REVIEW).items()):
        found = [finding for _, finding in await run.context.findings.all(activation=outcome.activation)]
        for reviewer in REPORTERS:
            findings = tuple(finding for finding in found if finding.source.reporter == reviewer)
            blocking = any(finding.blocking for finding in findings)
            verdict = "changes_required" if blocking else "pass"
            if outcome.skip and reviewer != CHECKS:
                verdict = "skipped"
            judged = await inspection_records.load_inspection(run, outcome.activation, reviewer, name)
            reviews.append(
                ReviewRecord(
                    repository=name, reviewer=reviewer, verdict=verdict, findings=findings,
                    inspection=judged.inspection if judged else None,
                )
            )  # fmt: skip
    return tuple(reviews)


async def _spec_checks(run: StageRun) -> tuple[ReviewRecord, ...]:
    """Return the checkers' verdicts on the specs that were verified last."""
    outcome = outcomes_of(run.state, Stage.VERIFICATION).get("")
    if outcome is None:
        return ()
    asked = [(name, role) for name in run.known for role in CHECKERS]
    found = [
        await inspection_records.load_inspection(run, outcome.activation, role, name)
        for name, role in [*asked, ("", JOINT_CHECKER)]
    ]
    return tuple(one for one in found if one is not None)


async def _skipped(run: StageRun) -> tuple[SkipRecord, ...]:
    return tuple(
        SkipRecord(
            stage=said.facts(Skipping).stage or "", actor=said.actor, at=said.created_at.isoformat(),
            reason=said.body.instructions,
        )
        for said in await run.context.interventions.all()
        if said.action is Action.SKIP and said.status is InterventionStatus.ACTED
    )  # fmt: skip


async def _approvals(run: StageRun, current: Mapping[str, Any]) -> tuple[ApprovalRecord, ...]:
    return tuple(
        ApprovalRecord(
            gate=gate.kind,
            approved=gate.decision is Decision.APPROVE,
            actor=gate.decided_by or "",
            at=gate.decided_at.isoformat() if gate.decided_at else "",
            comment=gate.comment,
            content_hash=gate.content_hash,
            parts=dict(gate.content.binding),
            carried_over=_carried_over(run, gate, current),
        )
        for gate in await run.context.gates.all()
        if gate.status is GateStatus.DECIDED
    )


def _carried_over(run: StageRun, gate: Gate, current: Mapping[str, Any]) -> bool:
    """Only the approval that the run itself carried over a clean rebase: nothing was developed after it."""
    approval = run.approval
    if approval is None or approval.gate_id != gate.id or gate.content_hash == content_hash(dict(current)):
        return False
    return all(facts.approved_round == facts.round for facts in run.known.values())


def _proven(runs: Sequence[TestRun], purpose: RunPurpose, commit: str) -> TestRun:
    found = newest(runs, purpose, commit)
    if found is None:
        raise InvariantBroken("A test run that the evidence needs was not kept.", purpose=purpose, commit=commit)
    return found


def _run_of(run: TestRun) -> RunRecord:
    return RunRecord(commit=run.commit, report=report_of(run))
