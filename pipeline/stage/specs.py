"""Specs and criteria as the stages read them: validated again whenever they come back from the store."""

from pipeline.agents.fences import Untrusted, VerifiedSpec
from pipeline.agents.submissions.intake import StructuredRequest
from pipeline.agents.submissions.specs import Spec
from pipeline.errors import InvariantBroken
from pipeline.records import SpecRevision
from pipeline.specs.behaviour import ScenarioKind
from pipeline.stage.run import StageRun


async def request_of(run: StageRun) -> StructuredRequest:
    """Return the structured request."""
    return StructuredRequest.model_validate(await run.context.progress.structured())


async def request_text(run: StageRun) -> Untrusted:
    """Return the structured request as text, marked: it came from outside, however tidy it looks."""
    request = await request_of(run)
    lines = [f"Title: {request.title}", "", request.summary, "", "Acceptance criteria:"]
    lines += [f"- {one.id} ({one.kind.value}): {one.text}" for one in request.acceptance_criteria]
    for heading, texts in (("Constraints", request.constraints), ("Out of scope", request.out_of_scope)):
        lines += ["", f"{heading}:", *(f"- {text}" for text in texts)] if texts else []
    return Untrusted("structured change request", "\n".join(lines))


async def criteria_of(run: StageRun) -> dict[str, ScenarioKind]:
    """Return criterion ids with their kind."""
    return (await request_of(run)).criteria


async def revision_of(run: StageRun, name: str) -> SpecRevision:
    """Return the newest revision of a repository's spec."""
    revision = await run.context.specs.latest(name)
    if revision is None:
        raise InvariantBroken("There is no spec yet.", repository=name)
    return revision


async def spec_of(run: StageRun, name: str) -> Spec:
    """Return the newest spec of a repository."""
    return Spec.model_validate((await revision_of(run, name)).spec)


async def verified_spec(run: StageRun, name: str) -> VerifiedSpec:
    """Return the spec as code-writing roles receive it; refuses one that was not verified."""
    revision = await revision_of(run, name)
    if not revision.verified:
        raise InvariantBroken("Code is only written from verified specs.", repository=name, revision=revision.revision)
    return VerifiedSpec(f"spec of {name}, revision {revision.revision}", revision.feature)


async def all_verified_specs(run: StageRun, first: str) -> tuple[VerifiedSpec, ...]:
    """Return the specs of all repositories, one's own first."""
    names = sorted(run.known, key=lambda name: (name != first, name))
    return tuple([await verified_spec(run, name) for name in names])


def scenarios_of(spec: Spec) -> dict[str, ScenarioKind]:
    """Return scenario ids with their kind."""
    return {scenario.id: scenario.kind for scenario in spec.scenarios}
