"""What development and rebase work with: stack, environment, prompt context, spec and the base's full suite."""

from pipeline.coding.test_writing import Bench
from pipeline.stage import agent_work, proving, specs
from pipeline.stage.run import StageRun


async def bench(run: StageRun, *, base: str, start: str) -> Bench:
    """Put the bench of one repository together. `start` is where the test writer begins."""
    basis = await agent_work.basis_of(run, run.name, base, samples=True)
    return Bench(
        basis=basis,
        spec=await specs.spec_of(run, run.name),
        verified=await specs.verified_spec(run, run.name),
        base=base,
        start=start,
        baseline=await proving.baseline(run, run.name, base, basis.stack, basis.environment),
    )
