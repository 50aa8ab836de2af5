"""The neutral witness: the tests of a green head are called without their runner, and by it again where they fail so.

A disagreement is seen twice before it counts: what depends on chance is a flaky test, which another witness is for.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from pipeline.proof.neutral.calls import Calls, Ground
from pipeline.proof.neutral.runs import RUNNERS, called_alone, called_by_the_runner
from pipeline.proof.neutral.verdict import NeutralVerdict, Told, doubtful, judge_neutral
from pipeline.proof.red_green import RedVerdict
from pipeline.proof.untrusted_files import write_over
from pipeline.stage import trees
from pipeline.stage.component_runs import asked_of
from pipeline.stage.prepared import Part, Prepared
from pipeline.stage.run import StageRun

TIMES = 2


async def call(
    run: StageRun,
    files: Sequence[str],
    *,
    commit: str,
    prepared: Prepared,
    restored: Mapping[str, bytes | None],
    red: RedVerdict,
) -> NeutralVerdict:
    """Call the change tests of each component on a head; `restored` is what every run on it has written over it."""
    asked, _ = asked_of(run.name, prepared, files, None)
    calling = _Calling(run=run, commit=commit, restored=restored)
    verdict = judge_neutral(red, Told())
    for _ in range(TIMES):
        alone: list[Calls] = []
        by_the_runner: list[Calls] = []
        formless: dict[str, str] = {}
        for part, own in asked:
            if own is None or part.stack.runner not in RUNNERS:
                formless |= dict.fromkeys(own or (), part.stack.runner)
                continue
            alone.append(await calling.calls(part, own, called_alone))
            if doubtful(red, alone[-1], own):
                by_the_runner.append(await calling.calls(part, own, called_by_the_runner))
        told = Told(alone=alone, by_the_runner=by_the_runner, formless=formless)
        verdict = judge_neutral(red, told)
        if verdict.ok:
            break
        under_own_names = partial(called_alone, names_stay=True)
        named = [
            await calling.calls(part, own, under_own_names) for part, own in asked if own and own[0] not in formless
        ]
        verdict = judge_neutral(red, replace(told, names_stay=named))
        if verdict.ok:
            break
    return verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class _Calling:
    run: StageRun
    commit: str
    restored: Mapping[str, bytes | None]

    async def calls(
        self, part: Part, files: Sequence[str], called: Callable[[Ground, Sequence[str]], Awaitable[Calls]]
    ) -> Calls:
        """Call the tests of one component's files in a tree of their own."""
        context = self.run.context
        async with trees.checked_out(self.run, self.run.name, self.commit) as tree:
            write_over(tree, self.restored)
            ground = Ground(
                stack=part.stack, tree=tree, environment=part.environment, sandbox=context.sandbox,
                limits=context.settings.pipeline,
            )  # fmt: skip
            return await called(ground, files)
