"""Behaviour translation: criteria and repository in, one Gherkin spec per repository out.

The analyst's requirements are kept, so that a revision after verification only pays for the spec writer.
"""

import json
from typing import Any

from pipeline import events
from pipeline.agents.fences import Untrusted
from pipeline.agents.job import Job
from pipeline.agents.prompt_variables import RequirementsAnalystVariables, SpecWriterVariables
from pipeline.agents.submissions.fields import SubmissionFacts
from pipeline.agents.submissions.specs import Requirements, Spec
from pipeline.specs.behaviour import render_feature
from pipeline.stage import feedback, proving, specs, trees
from pipeline.stage.declaration import NeverSkipped, StageDeclaration
from pipeline.stage.repository_reading import context_at
from pipeline.stage.run import StageEnd, StageRun
from pipeline.stage.state import RepositoryState

KIND = "requirements"


def inputs(run: StageRun) -> list[Any]:
    """The base commit, and what verification sent back."""
    return [run.here.get("base"), run.here.get("spec_feedback", "")]


async def translation(run: StageRun) -> StageEnd:
    """Write the next revision of one repository's spec."""
    base = run.here["base"]
    tree = await trees.fresh(run, run.name, f"specify-{run.activation[:8]}", base)
    job = await _job_frame(run, base)
    job = {**job, "tree": tree}
    requirements = await _requirements(run, job)
    present = await run.context.records.latest_spec(run.name)
    variables = SpecWriterVariables(
        repository=run.name,
        structured_request=await specs.request_text(run),
        requirements=Untrusted("requirements", requirements),
        present_spec=Untrusted("present spec", present.feature) if present else None,
    )
    writing = Job(variables=variables, instance=run.name, loop=await feedback.loop_context(run), **job)
    spec = (await run.context.agents.work(writing)).of(Spec)
    await trees.remove(run, run.name, f"specify-{run.activation[:8]}")
    revision = await run.context.records.save_spec(
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


async def _job_frame(run: StageRun, base: str) -> dict[str, Any]:
    repository, target = run.context.repositories[run.name], run.target
    stack, environment = await proving.environment_of(run, run.name, base)
    context = await context_at(
        repository, base, target, stack,
        learnings=await run.context.records.learnings(run.name), with_samples=True,
        tokens_max=run.context.settings.pipeline.static_context_tokens_max,
    )  # fmt: skip
    return {
        "stage": run.stage,
        "activation": run.activation,
        "repository": run.name,
        "facts": SubmissionFacts(criteria=await specs.criteria_of(run)),
        "context": context,
        "commit": base,
        "environment": environment,
    }


async def _requirements(run: StageRun, job: dict[str, Any]) -> str:
    kept = await run.context.records.artifact(KIND, _kept_as(run))
    if kept is not None and run.fresh_note is None:
        return kept.decode()
    variables = RequirementsAnalystVariables(repository=run.name, structured_request=await specs.request_text(run))
    loop = await feedback.note_context(run)
    found = (await run.context.agents.work(Job(variables=variables, instance=run.name, loop=loop, **job))).of(
        Requirements
    )
    text = json.dumps(found.model_dump(mode="json"), ensure_ascii=False, indent=1)
    await run.context.records.save_artifact(
        kind=KIND, name=_kept_as(run), content=text.encode(), media_type="application/json", facts={}
    )
    return text


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
