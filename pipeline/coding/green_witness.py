"""The green witness: what the pipeline's own runs show of a head, judged beside the base.

Change and preserve tests pass, the red witness is confirmed, and the full suite has no failure that the base did not have; then
the further witnesses are called (`further_witnesses`). Of a repository in several pieces the components that a change touches
run first, with those that depend on them.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from pipeline.coding import further_witnesses, test_writing
from pipeline.coding.further_witnesses import Further, Head
from pipeline.coding.test_writing import CodingGround, ProvenTests
from pipeline.proof import canary, protected_tests
from pipeline.proof.baseline import SuiteComparison, suite_in_words
from pipeline.proof.green import ProofVerdict, judge_green
from pipeline.proof.mutated import too_low
from pipeline.proof.path_globs import matches_any
from pipeline.proof.red_green import HeadSymbols, RedVerdict, confirm_red
from pipeline.proof.stored_runs import GreenWitness, stored_green
from pipeline.proof.test_logs import RunLog
from pipeline.proof.test_reports import TestReport
from pipeline.records import RunPurpose
from pipeline.repositories.components import touched_by, with_dependents
from pipeline.stage import proving, suites
from pipeline.stage.prepared import Prepared
from pipeline.stage.run import StageRun


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What the runs on a head came to. `suite` says in words how the full suite went there."""

    verdict: ProofVerdict
    red: RedVerdict
    reports: Mapping[RunPurpose, TestReport]
    suite: str
    untrusted: tuple[str, ...] = ()
    """Why the runner's results cannot be trusted, in sentences."""
    disagreements: tuple[str, ...] = ()
    """Which tests fail without a runner around them, in sentences."""
    unnoticed: str = ""
    """Which wrong versions of the change its tests do not notice, where a setting asks for more."""


async def prove(run: StageRun, ground: CodingGround, tests: ProvenTests, head: str, prepared: Prepared) -> Judged:
    """Witness green on a head: change and preserve tests, the full suite beside the base's, the red witness confirmed."""
    restored = await restored_files(run, ground, tests, head)
    reports: dict[RunPurpose, TestReport] = {}
    selections = {RunPurpose.GREEN_CHANGE: tests.change_files, RunPurpose.GREEN_PRESERVE: tests.preserve_files}
    theirs = await _added_tests(run, ground, tests, head)
    for purpose, selection in selections.items():
        if selection != ():
            reports[purpose] = await proving.prove(
                run, name=run.name, commit=head, purpose=purpose, selection=selection, prepared=prepared,
                restored={**restored, **theirs}, left_out=await ground.left_out(run, selection), known=ground.baseline.complaints, base=ground.measured,
            )  # fmt: skip
    red = await _confirmed(run, tests, head, prepared, reports[RunPurpose.GREEN_CHANGE])
    retired = await rewritten_tests(run, ground, tests)
    reports[RunPurpose.GREEN_SUITE], suite = await _suite(
        run, ground, head, prepared, restored, retired, beside=canary.neighbours(reports[RunPurpose.GREEN_CHANGE])
    )
    judged = partial(
        judge_green, change=reports[RunPurpose.GREEN_CHANGE], preserve=reports.get(RunPurpose.GREEN_PRESERVE), suite=suite, red=red
    )  # fmt: skip
    verdict, further = judged(), Further()
    if verdict.ok:
        asked = Head(
            commit=head, prepared=prepared, restored={**restored, **theirs}, red=red, spent_s=_seconds(reports.values())
        )
        further = await further_witnesses.call(run, ground, tests, asked)
        verdict = judged(inverted=further.inverted, neutral=further.neutral, reverted=further.reverted)
    witness = stored_green(
        GreenWitness(
            green=verdict, red=red, suite=suite, retired=tuple(retired), inverted=further.inverted,
            neutral=further.neutral, reverted=further.reverted, mutated=further.mutated,
        )
    )  # fmt: skip
    kept = {purpose: (report, report.ok) for purpose, report in reports.items()}
    kept |= {purpose: (report, further.holds(purpose)) for purpose, report in further.runs.items()}
    for purpose, (report, ok) in kept.items():
        await proving.keep(run, run.name, purpose=purpose, commit=head, report=report, ok=ok, verdict=witness)
    return Judged(
        verdict=verdict,
        red=red,
        reports=reports,
        suite=f"full suite {suite_in_words(reports[RunPurpose.GREEN_SUITE], suite)}",
        untrusted=further.inverted.problems if further.inverted else (),
        disagreements=further.neutral.problems if further.neutral else (),
        unnoticed=too_low(further.mutated) if further.mutated is not None and not further.mutated.ok else "",
    )


def _seconds(reports: Iterable[TestReport]) -> float:
    return sum(report.duration_ms for report in reports) / 1000


async def _confirmed(
    run: StageRun, tests: ProvenTests, head: str, prepared: Prepared, change: TestReport
) -> RedVerdict:
    """Confirm the red witness with what each component defines on the head."""
    asked = any(test.missing for test in tests.red.tests)
    heads = [
        HeadSymbols(
            root=one.root,
            language=one.stack.language,
            symbols=await proving.symbols_of(run, run.name, head, prepared, one.root, asked=asked),
        )
        for one in prepared.components
    ]
    return confirm_red(
        provisional=tests.red,
        head_report=change,
        head=heads[0].symbols,
        scenarios=tests.scenarios,
        sources=await test_writing.sources_of(run, tests.commit, tests.change_files),
        heads=heads if len(heads) > 1 else (),
    )


async def _suite(
    run: StageRun,
    ground: CodingGround,
    head: str,
    prepared: Prepared,
    restored: Mapping[str, bytes | None],
    retired: Sequence[str],
    *,
    beside: Sequence[str],
) -> tuple[TestReport, SuiteComparison]:
    """Run the full suite and compare it with the base's.

    Components that the change touches come first, with those that depend on them; the others run where nothing is wrong
    there, so before anything is delivered.
    """
    changed = await run.context.repositories[run.name].changed_files(ground.base, head)
    touched = touched_by([path for file in changed for path in (file.path, file.old_path) if path], prepared.components)
    prepared.needs(run.name, touched)
    every = {part.root for part in prepared.parts}
    near = every & with_dependents(touched, prepared.components)
    base = suites.Ground(commit=ground.base, prepared=ground.prepared, report=ground.baseline)
    logs: list[RunLog] = []

    async def up_to(
        roots: Collection[str], before: tuple[TestReport, suites.Compared] | None
    ) -> tuple[TestReport, suites.Compared]:
        ran = await proving.prove(
            run, name=run.name, commit=head, purpose=RunPurpose.GREEN_SUITE, selection=None, prepared=prepared,
            roots=set(roots) - near if before else roots, restored=restored, before=before[0] if before else None,
            logs=logs, base=base, beside=beside,
        )  # fmt: skip
        found = await suites.compared(
            run, run.name, base=base if roots == every else base.at(roots), retired=retired,
            head=suites.Ground(commit=head, prepared=prepared, report=ran, restored=restored),
            again=before[1].again if before else None,
        )  # fmt: skip
        return ran, found

    first = await up_to(near, None) if near and near != every else None
    report, found = first if first and not first[1].suite.ok else await up_to(every, first)
    return report, found.suite


async def restored_files(run: StageRun, ground: CodingGround, tests: ProvenTests, head: str) -> dict[str, bytes | None]:
    """Return what the pipeline writes over a checkout of a head: the protected files as the tests commit has them."""
    repository = run.context.repositories[run.name]
    return protected_tests.restored_files(
        protected=await repository.read_files(tests.commit, await protected_paths(run, ground, tests)),
        head_paths=await repository.list_files(head),
        known_paths=await repository.list_files(tests.commit),
        kept=ground.prepared.kept,
    )


async def _added_tests(run: StageRun, ground: CodingGround, tests: ProvenTests, head: str) -> dict[str, None]:
    """Return the test files that the code writer added: what proves the change runs without them, the suite with them."""
    repository, patterns = run.context.repositories[run.name], ground.prepared.test_patterns
    known = set(await repository.list_files(tests.commit))
    added = (path for path in await repository.list_files(head) if path not in known)
    return {path: None for path in added if protected_tests.is_test_file(path, patterns)}


async def rewritten_tests(run: StageRun, ground: CodingGround, tests: ProvenTests) -> list[str]:
    """Return existing test files that the test writer changed: their old tests may be gone rightly."""
    changed = await run.context.repositories[run.name].changed_files(ground.base, tests.commit)
    patterns = ground.prepared.test_patterns
    return [file.path for file in changed if file.status != "A" and protected_tests.is_protected(file.path, patterns)]


async def protected_paths(run: StageRun, ground: CodingGround, tests: ProvenTests) -> list[str]:
    """Return what belongs to the pipeline once the tests commit exists, what the tests are run by, and what the repository keeps."""
    paths = await run.context.repositories[run.name].list_files(tests.commit)
    patterns, kept = ground.prepared.test_patterns, ground.prepared.kept
    reached = set(ground.prepared.instrument.files)
    return [
        path
        for path in paths
        if path in reached or protected_tests.is_protected(path, patterns) or matches_any(path, kept)
    ]
