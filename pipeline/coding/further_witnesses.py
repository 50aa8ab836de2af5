"""The witnesses that are called once a head is green: does a planted failure show, is the code right without a test runner too, and
is the change what made the tests green.

They ask whether the results can be trusted and what they rest on, so a head that is not green anyway is not asked. The inverted
and the neutral one cost a run of the change tests each; the reverted one costs nothing where the red witness saw the same tree.
"""

import asyncio
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from pipeline.coding import neutral_witness
from pipeline.coding.test_writing import CodingGround, ProvenTests
from pipeline.errors import InvariantBroken
from pipeline.proof.inverted import InvertedVerdict, inverted_files, judge_inverted
from pipeline.proof.mutants import chosen, mutants_of
from pipeline.proof.mutated import MutatedVerdict, TriedMutant, fate_of
from pipeline.proof.neutral.verdict import NeutralVerdict
from pipeline.proof.protected_tests import is_protected
from pipeline.proof.red_green import RedVerdict
from pipeline.proof.reverted import RevertedVerdict, judge_reverted, reverted_tree
from pipeline.proof.stored_runs import newest, report_of
from pipeline.proof.test_reports import TestReport
from pipeline.proof.unified_diff import added_lines
from pipeline.records import RunPurpose
from pipeline.stage import proving
from pipeline.stage.prepared import Prepared
from pipeline.stage.run import StageRun

NONCE_BYTES = 16
MUTANT_PATIENCE_S = 20.0
"""A mutant may loop for ever: so long, and three times what all runs took, one of its runs may take."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """The head that is asked about. `restored` is what every run on it has written over it, `spent_s` what those took."""

    commit: str
    prepared: Prepared
    restored: Mapping[str, bytes | None]
    red: RedVerdict
    spent_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Further:
    """What they showed, and the runs it was judged from."""

    inverted: InvertedVerdict | None = None
    neutral: NeutralVerdict | None = None
    reverted: RevertedVerdict | None = None
    mutated: MutatedVerdict | None = None
    runs: Mapping[RunPurpose, TestReport] = field(default_factory=dict)

    def holds(self, purpose: RunPurpose) -> bool:
        """Whether a run of these showed what it had to."""
        verdict = self.inverted if purpose is RunPurpose.INVERTED else self.reverted
        return verdict is not None and verdict.ok


async def call(run: StageRun, ground: CodingGround, tests: ProvenTests, head: Head) -> Further:
    """Call them on a head whose tests are green; each only where what came before holds."""
    first = await _inverted(run, ground, tests, head)
    if first.inverted is None or not first.inverted.ok:
        return first
    if run.context.settings.pipeline.neutral_calls:
        first = replace(first, neutral=await _neutral(run, tests, head))
    if first.neutral is not None and not first.neutral.ok:
        return first
    second = await _reverted(run, ground, tests, head)
    found = replace(first, reverted=second.reverted, runs={**first.runs, **second.runs})
    if found.reverted is None or not found.reverted.ok:
        return found
    return replace(found, mutated=await _mutated(run, ground, tests, head, found.runs))


async def _mutated(
    run: StageRun, ground: CodingGround, tests: ProvenTests, head: Head, runs: Mapping[RunPurpose, TestReport]
) -> MutatedVerdict | None:
    """Try the tests on a few small wrong versions of the change, within a share of the time that its other runs took."""
    limits, repository = run.context.settings.pipeline, run.context.repositories[run.name]
    if not limits.mutants_max:
        return None
    added = added_lines(await repository.diff(ground.base, head.commit))
    lines: dict[str, set[int]] = {}
    for one in added:
        if not is_protected(one.path, ground.prepared.test_patterns):
            lines.setdefault(one.path, set()).add(one.line)
    sources = await repository.read_files(head.commit, lines)
    nonce = secrets.token_hex(NONCE_BYTES)
    possible = await asyncio.to_thread(
        lambda: [one for path, text in sorted(sources.items()) for one in mutants_of(path, text, lines[path])]
    )
    drawn = await asyncio.to_thread(chosen, possible, sources, seed=nonce, number=limits.mutants_max)
    clock = asyncio.get_running_loop().time
    spent_s = head.spent_s + sum(report.duration_ms for report in runs.values()) / 1000
    until = clock() + spent_s * limits.mutants_time_pct / 100
    longest_s = min(limits.test_timeout_s, round(MUTANT_PATIENCE_S + 3 * spent_s))
    tried: list[TriedMutant] = []
    for mutant in drawn:
        if tried and clock() > until:
            break
        report = await proving.try_out(
            run, name=run.name, commit=head.commit, purpose=RunPurpose.MUTATED, selection=tests.change_files,
            prepared=head.prepared, restored={**head.restored, mutant.path: mutant.applied(sources[mutant.path])},
            left_out=await ground.left_out(run, tests.change_files), known=ground.baseline.complaints, timeout_s=longest_s,
        )  # fmt: skip
        tried.append(fate_of(mutant, report, head.red, ground.prepared.language_of(mutant.path)))
    return MutatedVerdict(nonce=nonce, possible=len(possible), tried=tuple(tried), score_min=limits.mutation_score_min)


async def _neutral(run: StageRun, tests: ProvenTests, head: Head) -> NeutralVerdict:
    return await neutral_witness.call(
        run, tests.change_files, commit=head.commit, prepared=head.prepared, restored=head.restored, red=head.red
    )


async def _inverted(run: StageRun, ground: CodingGround, tests: ProvenTests, head: Head) -> Further:
    nonce = secrets.token_hex(NONCE_BYTES)
    contents = await run.context.repositories[run.name].read_files(tests.commit, tests.change_files)
    files = await asyncio.to_thread(inverted_files, contents, nonce)
    planted = {path: one.text.encode() for path, one in files.items() if one is not None and one.tests}
    runs = {}
    if planted:
        runs[RunPurpose.INVERTED] = await _change_tests(
            run, ground, tests, head, RunPurpose.INVERTED, {**head.restored, **planted}
        )
    verdict = judge_inverted(nonce=nonce, files=files, report=runs.get(RunPurpose.INVERTED), red=head.red)
    return Further(inverted=verdict, runs=runs)


async def _reverted(run: StageRun, ground: CodingGround, tests: ProvenTests, head: Head) -> Further:
    repository, patterns = run.context.repositories[run.name], ground.prepared.test_patterns
    changed = await repository.changed_files(ground.base, head.commit)
    paths = {path for file in changed for path in (file.path, file.old_path) if path}
    product = [path for path in paths if not is_protected(path, patterns)]
    before = await repository.read_files(ground.base, product)
    head_paths = await repository.list_files(head.commit)
    tree = reverted_tree(
        head_paths=set(head_paths),
        tests_paths=await repository.list_files(tests.commit),
        protected=[path for path in head_paths if is_protected(path, patterns)],
        product={path: before.get(path) for path in product},
        restored=head.restored,
    )
    if not tree.beside and _same_environment(ground.prepared, head.prepared):
        seen = newest(await run.context.test_runs.all(run.name), RunPurpose.RED, tests.commit)
        if seen is None:
            raise InvariantBroken("The red witness was not kept.", repository=run.name, commit=tests.commit)
        return Further(reverted=judge_reverted(report=report_of(seen), red=head.red, same_as_red=True))
    report = await _change_tests(run, ground, tests, head, RunPurpose.REVERTED, tree.files)
    verdict = judge_reverted(report=report, red=head.red, same_as_red=False)
    return Further(reverted=verdict, runs={RunPurpose.REVERTED: report})


async def _change_tests(
    run: StageRun,
    ground: CodingGround,
    tests: ProvenTests,
    head: Head,
    purpose: RunPurpose,
    written: Mapping[str, bytes | None],
) -> TestReport:
    return await proving.prove(
        run, name=run.name, commit=head.commit, purpose=purpose, selection=tests.change_files, prepared=head.prepared,
        restored=written, left_out=await ground.left_out(run, tests.change_files), known=ground.baseline.complaints,
        base=ground.measured,
    )  # fmt: skip


def _same_environment(one: Prepared, other: Prepared) -> bool:
    return _environments(one) == _environments(other)


def _environments(prepared: Prepared) -> dict[str, str]:
    return {part.root: part.environment.manifest_hash for part in prepared.parts}
