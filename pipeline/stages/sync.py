"""Sync: a person worked on the branch and handed it back; the agents learn what they did before they go on.

The branch is fetched and compared with what was published; the pipeline runs the full suite itself; an analyst describes
the person's work and brings the spec in line. All of it goes on through the ordinary proofs: nothing that a person
committed is delivered because a person committed it. Their history is kept; only one with merges is flattened.
"""

from dataclasses import dataclass
from typing import Any

from pipeline import events
from pipeline.agents.fences import Untrusted
from pipeline.agents.loop_context import Feedback, FeedbackKind
from pipeline.agents.prompt_variables import SyncAnalystVariables
from pipeline.agents.submissions.closing import Sync
from pipeline.agents.submissions.fields import SubmissionFacts
from pipeline.change_request import PauseReason, Stage
from pipeline.coding import test_writing
from pipeline.coding.handback import Handback, read_handback
from pipeline.coding.handback_suite import SuiteAfter, run_suite
from pipeline.concurrency.together import together
from pipeline.errors import InvariantBroken
from pipeline.interventions.intervention import Action, HandingBack, Intervention
from pipeline.proof.protected_tests import is_protected
from pipeline.proof.shown_diff import not_shown, shown_diff
from pipeline.specs.behaviour import render_feature
from pipeline.stage import agent_work, feedback, specs
from pipeline.stage.agent_work import Basis
from pipeline.stage.declaration import NeverSkipped, StageDeclaration
from pipeline.stage.pause_facts import RedSuites
from pipeline.stage.registry import after_handback
from pipeline.stage.run import StageEnd, StageRun, blocked
from pipeline.stage.state import RepositoryState, outcome_key


@dataclass(frozen=True, slots=True, kw_only=True)
class _Synced:
    """What became of one repository. `spec_changed` sends the change to verification."""

    facts: RepositoryState
    summary: str
    spec_changed: bool


def inputs(run: StageRun) -> list[Any]:
    """Never the same twice: the question is what the branch holds now."""
    return [run.activation]


async def sync(run: StageRun) -> StageEnd:
    """Take over what a person did, or stop with what they have to put right."""
    said = await _handback(run)
    names = list(run.known)
    found = await together(read_handback(run, name, said) for name in names)
    stop = next((one for one in found if isinstance(one, StageEnd)), None)
    if stop is not None:
        return stop
    changed = {name: one for name, one in zip(names, found, strict=True) if isinstance(one, Handback)}
    if not changed:
        return StageEnd(summary="nothing new on the branch", next=_no_later_than_allowed(said))
    suites = dict(zip(changed, await together(run_suite(run, name, one) for name, one in changed.items()), strict=True))
    if (red := _red(run, suites)) is not None:
        return red
    synced = dict(
        zip(changed, await together(_sync(run, changed[name], suites[name]) for name in changed), strict=True)
    )
    return StageEnd(
        summary="; ".join(f"{name}: {one.summary}" for name, one in synced.items())[:500],
        repositories={name: one.facts for name, one in synced.items()},
        next=await _next(run, said, synced),
        update={"notes": _notes(said, list(changed))},
    )


async def _handback(run: StageRun) -> Intervention:
    said = [one for one in await run.context.interventions.all() if one.action is Action.HANDBACK]
    if not said:
        raise InvariantBroken("Nobody handed this change request back.")
    return said[-1]


def _no_later_than_allowed(said: Intervention) -> Stage:
    stage = said.facts(HandingBack).from_stage
    return stage if stage in after_handback() else after_handback()[-1]


async def _next(run: StageRun, said: Intervention, synced: dict[str, _Synced]) -> Stage:
    revisions = [await run.context.specs.latest(name) for name in run.known]
    if any(revision is None for revision in revisions) or said.facts(HandingBack).from_stage is Stage.TRANSLATION:
        return Stage.TRANSLATION
    unverified = any(revision is not None and not revision.verified for revision in revisions)
    changed = any(one.spec_changed for one in synced.values())
    return Stage.VERIFICATION if unverified or changed else Stage.DEVELOPMENT


def _notes(said: Intervention, names: list[str]) -> dict[str, str]:
    """Let development hear what the person wrote when they handed it back."""
    if not said.body.instructions:
        return {}
    return {outcome_key(Stage.DEVELOPMENT, name): said.id for name in names}


def _red(run: StageRun, suites: dict[str, SuiteAfter]) -> StageEnd | None:
    """Stop at a red suite, unless a person has seen it and leaves it to the agents, whose work is proven anew."""
    red = {name: one for name, one in suites.items() if not one.ok}
    shown = run.shown(PauseReason.TESTS_FAILED, RedSuites) or RedSuites()
    unseen = {name: one for name, one in red.items() if shown.commits.get(name) != one.commit}
    if not unseen:
        return None
    return blocked(
        PauseReason.TESTS_FAILED,
        "The full suite fails on what was handed back. Push a correction and hand it back again, or resume to let the "
        "agents correct it.",
        RedSuites(commits={name: one.commit for name, one in red.items()}),
        repositories=sorted(red),
        failures={name: one.problems[:20] for name, one in red.items()},
    )


async def _sync(run: StageRun, back: Handback, suite: SuiteAfter) -> _Synced:
    submitted = await _analysed(run, back, suite)
    tests, feedback = await _tests(run, back, suite), await _told(run, back, submitted, suite)
    facts: RepositoryState = {
        "base": back.base, "head": back.head, "handed_back": back.tip, "tested_base": "", "tests": tests,
        "feedback": feedback, "spec_feedback": feedback,
    }  # fmt: skip
    if submitted.spec is not None:
        spec = submitted.spec
        revision = await run.context.specs.save(
            repository=back.name,
            activation=run.activation,
            feature=render_feature(spec.behaviour()),
            spec=spec.model_dump(mode="json"),
        )
        facts |= {"spec_revision": revision.revision, "spec_hash": revision.content_hash}
        await run.emit(
            events.SpecRevised(repository=back.name, revision=revision.revision, scenarios=len(spec.scenarios))
        )
    await run.context.progress.record(back.name, base_commit=back.base, head_commit=back.head)
    summary = f"{len(back.commits)} commits by a person, {suite.summary}"
    return _Synced(facts=facts, summary=summary, spec_changed=submitted.spec is not None)


async def _analysed(run: StageRun, back: Handback, suite: SuiteAfter) -> Sync:
    repository = run.context.repositories[back.name]
    present = await run.context.specs.latest(back.name)
    limit = run.context.settings.pipeline.diff_max_bytes
    diff = shown_diff(await repository.diff(back.published, back.tip), limit)
    cuts = (diff.cut,) if diff.cut else ()
    variables = SyncAnalystVariables(
        repository=back.name,
        criteria=await specs.request_text(run),
        present_spec=Untrusted("present spec", present.feature if present else "There is none yet."),
        commits=Untrusted("commits of a person", "\n".join(back.commits)),
        diff=Untrusted("diff of a person", diff.text),
        not_shown=not_shown(cuts),
        test_results=Untrusted("test results", suite.told()),
    )
    told = await agent_work.told(run, back.name, back.base, suite.prepared, samples=False)
    basis = Basis(prepared=suite.prepared, context=told)
    facts = SubmissionFacts(criteria=await specs.criteria_of(run), cuts=cuts)
    async with agent_work.at_work(run, back.name, "sync", back.head, basis) as frame:
        job = frame.job(variables, facts=facts, loop=await feedback.note_context(run))
        return (await run.context.agents.work(job)).of(Sync)


async def _told(run: StageRun, back: Handback, submitted: Sync, suite: SuiteAfter) -> str:
    """Keep what the next agents must know: what the person did, and what is left to do."""
    text = "\n".join([submitted.summary, "", "Commits:", *(f"- {one}" for one in back.commits), "", suite.told()])
    told = [Feedback(kind=FeedbackKind.HANDOVER, source="sync_analyst", text=text)]
    left = [*submitted.open_points, *([] if suite.ok else [f"Red: {problem}" for problem in suite.problems[:20]])]
    if left:
        points = "\n".join(f"- {point}" for point in left)
        told.append(Feedback(kind=FeedbackKind.HANDOVER, source=feedback.OPEN_POINTS, text=points))
    return await feedback.save(run, back.name, told)


async def _tests(run: StageRun, back: Handback, suite: SuiteAfter) -> str:
    """Return the tests commit that still holds; a person who changed tests has the test writer prove them anew."""
    known = await test_writing.load_tests_of(run, back.name)
    repository = run.context.repositories[back.name]
    if known is None or not await repository.is_ancestor(known.commit, back.head):
        return ""
    changed = await repository.changed_files(known.commit, back.head)
    paths = [path for file in changed for path in (file.path, file.old_path) if path is not None]
    touched = any(is_protected(path, suite.prepared.test_patterns) for path in paths)
    return "" if touched else known.commit


DECLARATION = StageDeclaration(
    body=sync,
    inputs=inputs,
    label="Sync",
    explanation="learns what a person did on the branch, and has the spec brought in line, before agents go on",
    beside_the_line=True,
    skip=NeverSkipped("agents who have not read a person's work would undo it"),
    pauses_as=(PauseReason.HANDBACK_REFUSED, PauseReason.TESTS_FAILED),
)
