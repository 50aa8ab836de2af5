"""What development and rebase work with: stack, environment, prompt context, spec and the base's full suite."""

from dataclasses import replace

from pipeline.coding.test_writing import CodingGround
from pipeline.stage import agent_work, proving, specs
from pipeline.stage.run import StageRun


async def ground_of(run: StageRun, *, base: str, start: str) -> CodingGround:
    """Put the ground of one repository together. `start` is where the test writer begins."""
    basis = await agent_work.basis_of(run, run.name, base, samples=True)
    baseline, usable = await proving.baseline(run, run.name, base, basis.prepared)
    return CodingGround(
        basis=replace(basis, prepared=usable),
        spec=await specs.spec_of(run, run.name),
        verified=await specs.verified_spec(run, run.name),
        base=base,
        start=start,
        baseline=baseline,
    )
