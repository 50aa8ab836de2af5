"""What development and rebase work with: stack, environment, prompt context, spec and the base's full suite."""

from pipeline.coding.test_writing import Bench
from pipeline.stage import proving, specs
from pipeline.stage.repository_reading import context_at
from pipeline.stage.run import StageRun


async def bench(run: StageRun, *, base: str, start: str) -> Bench:
    """Put the bench of one repository together. `start` is where the test writer begins."""
    repository = run.context.repositories[run.name]
    stack, environment = await proving.environment_of(run, run.name, base)
    context = await context_at(
        repository, base, run.target, stack,
        learnings=await run.context.learnings.approved(run.name), with_samples=True,
        tokens_max=run.context.settings.pipeline.static_context_tokens_max,
    )  # fmt: skip
    return Bench(
        stack=stack,
        environment=environment,
        context=context,
        spec=await specs.spec_of(run, run.name),
        verified=await specs.verified_spec(run, run.name),
        base=base,
        start=start,
        baseline=await proving.baseline(run, run.name, base, stack, environment),
    )
