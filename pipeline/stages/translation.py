"""Behaviour translation: criteria and repository in, one Gherkin spec per repository out.

The analyst's requirements are kept, so that a revision after verification only pays for the spec writer.
"""

import json
from typing import Any

from pydantic import TypeAdapter

from pipeline import events
from pipeline.agents.fences import Untrusted
from pipeline.agents.prompt_variables import RequirementsAnalystVariables, SpecWriterVariables
from pipeline.agents.submissions.fields import SubmissionFacts
from pipeline.agents.submissions.specs import Requirements, Spec
from pipeline.specs.behaviour import render_feature
from pipeline.stage import agent_work, feedback, specs
from pipeline.stage.agent_work import Frame
from pipeline.stage.artifacts import Artifact
from pipeline.stage.declaration import NeverSkipped, StageDeclaration
from pipeline.stage.run import StageEnd, StageRun
from pipeline.stage.state import RepositoryState

REQUIREMENTS = Artifact("requirements", TypeAdapter(Requirements))


def inputs(run: StageRun) -> list[Any]:
    """The base commit, and what verification sent back."""
    return [run.here.base, run.here.spec_feedback]


async def translation(run: StageRun) -> StageEnd:
    """Write the next revision of one repository's spec."""
    base = run.here.base
    basis = await agent_work.basis_of(run, run.name, base, samples=True)
    async with agent_work.at_work(run, run.name, "specify", base, basis) as frame:
        spec = await _written(run, frame, await _requirements(run, frame))
    revision = await run.context.specs.save(
        repository=run.name,
        activation=run.activation,
        feature=render_feature(spec.behaviour()),
        spec=spec.model_dump(mode="json"),
    )
    await run.emit(events.SpecRevised(revision=revision.revision, scenarios=len(spec.scenarios)))
    facts: RepositoryState = {"spec_revision": revision.revision, "spec_hash": revision.content_hash}
    return StageEnd(
        summary=f"{spec.feature}: {len(spec.scenarios)} scenarios (revision {revision.revision})",
        repositories={run.name: facts},
    )


async def _written(run: StageRun, frame: Frame, requirements: str) -> Spec:
    present = await run.context.specs.latest(run.name)
    variables = SpecWriterVariables(
        repository=run.name,
        structured_request=await specs.request_text(run),
        requirements=Untrusted("requirements", requirements),
        present_spec=Untrusted("present spec", present.feature) if present else None,
    )
    job = frame.job(variables, facts=await _facts(run), loop=await feedback.loop_context(run))
    return (await run.context.agents.work(job)).of(Spec)


async def _facts(run: StageRun) -> SubmissionFacts:
    return SubmissionFacts(criteria=await specs.criteria_of(run))


async def _requirements(run: StageRun, frame: Frame) -> str:
    kept = await REQUIREMENTS.load(run.context.artifacts, _kept_as(run))
    if kept is not None and run.fresh_note is None:
        return _told(kept)
    variables = RequirementsAnalystVariables(repository=run.name, structured_request=await specs.request_text(run))
    job = frame.job(variables, facts=await _facts(run), loop=await feedback.note_context(run))
    found = (await run.context.agents.work(job)).of(Requirements)
    await REQUIREMENTS.save(run.context.artifacts, _kept_as(run), found)
    return _told(found)


def _told(found: Requirements) -> str:
    return json.dumps(found.model_dump(mode="json"), ensure_ascii=False, indent=1)


def _kept_as(run: StageRun) -> str:
    """Each attempt has requirements of its own."""
    return f"{run.context.attempt}/{run.name}"


DECLARATION = StageDeclaration(
    body=translation,
    inputs=inputs,
    label="Behaviour translation",
    explanation="turns criteria into scenarios, each tagged change or preserve",
    per_repository=True,
    skip=NeverSkipped("code is only written from specs"),
    finds=frozenset({"spec_revision", "spec_hash"}),
    feedback_in="spec_feedback",
    told_at_the_start=True,
    after_handback=True,
    may_be_taken_over=True,
)
