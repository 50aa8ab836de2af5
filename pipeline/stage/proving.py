"""The pipeline's own test runs for the stages: clean checkout, protected tests restored, fresh sandbox, report kept.

The verdict on code is never the agent's word. Every run happens in a tree that no agent ever touched, made from a
commit, and is stored with its verdict before anything follows from it.
"""

import asyncio
import json
import shlex
from collections.abc import Collection, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from pipeline import events
from pipeline.change_request import PauseReason
from pipeline.errors import CallerError, PersonNeeded
from pipeline.ports import Environment
from pipeline.proof import canary, test_logs
from pipeline.proof.component_sources import source_paths
from pipeline.proof.owners import by_owner, owner_of
from pipeline.proof.protected_tests import configures_tests
from pipeline.proof.stored_runs import newest, report_of
from pipeline.proof.suite_trouble import trouble_of
from pipeline.proof.symbols import RepositorySymbols, read_symbols
from pipeline.proof.test_reports import Outcome, TestReport
from pipeline.proof.test_runs import unreported
from pipeline.records import RunPurpose, TestRun
from pipeline.repositories.components import Component, source_places
from pipeline.repositories.stacks import is_test_file
from pipeline.stage import trees
from pipeline.stage.component_reports import both, joined
from pipeline.stage.component_runs import Asked, asked_of, at, run_each
from pipeline.stage.prepared import ABSENCES, PROGRAMS, Absence, Part, Prepared, for_agents
from pipeline.stage.repository_reading import (
    components_at,
    instrument_at,
    manifest_hash_at,
    reader_at,
    text_at,
    texts_at,
)
from pipeline.stage.run import StageRun

TRIED_OUT = "what is only tried out is judged by its failures alone"


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """A base with the report of its full suite: what a run on a head is held against."""

    commit: str
    prepared: Prepared
    report: TestReport


async def environment_of(run: StageRun, name: str, commit: str, *, base: str | None = None) -> Prepared:
    """Return the components of a repository at a commit, with their environments; builds once per manifest hash and component.

    What the repository says about itself counts as it stands at `base`, by default the commit itself. Raises
    `PersonNeeded(environment_failed)` when none of them can be built, or the repository's own file cannot be followed.
    Looks once per run.
    """
    context = run.context
    if (name, commit) not in context.prepared:
        try:
            components = await components_at(context.repositories[name], commit, context.targets[name], base=base)
        except CallerError as refused:
            remedy = refused.remedy or "Set the repository's test_command."
            raise PersonNeeded(
                PauseReason.ENVIRONMENT_FAILED, refused.message, repository=name, remedy=remedy
            ) from refused
        async with AsyncExitStack() as held:
            environments = _Environments(run, name, commit, held, several=len(components) > 1)
            context.prepared[name, commit] = await _prepared(run, name, components, environments)
    return context.prepared[name, commit]


@dataclass(slots=True)
class _Environments:
    """The environments of one commit's components. A tree of it is made, once, only for those that have to be built."""

    run: StageRun
    name: str
    commit: str
    held: AsyncExitStack
    several: bool
    tree: Path | None = None

    async def of(self, component: Component) -> Environment:
        """Return one, built if it never was."""
        repository, environments = self.run.context.repositories[self.name], self.run.context.environments
        digest = await manifest_hash_at(repository, self.commit, component.stack)
        found = await environments.find(component.stack, reader_at(repository, self.commit), digest)
        if found is not None:
            return found
        if self.tree is None:
            made = trees.checked_out(self.run, self.name, self.commit)
            self.tree = await self.held.enter_async_context(made)
        return await environments.prepare(component.stack, self.tree, digest, may_spoil=not self.several)


async def _prepared(
    run: StageRun, name: str, components: tuple[Component, ...], environments: _Environments
) -> Prepared:
    parts: list[Part] = []
    absent: list[Absence] = []
    failures: list[PersonNeeded] = []
    for component in components:
        try:
            environment = await environments.of(component)
        except PersonNeeded as failed:
            if failed.reason is not PauseReason.ENVIRONMENT_FAILED:
                raise
            failures.append(failed)
            absent.append(Absence(root=component.root, message=failed.message, facts=dict(failed.facts)))
        else:
            own = {**environment.variables, **component.variables}
            parts.append(Part(component=component, environment=replace(environment, variables=own)))
    if not parts:
        raise failures[0]
    shared = await asyncio.to_thread(for_agents, parts, run.context.workspaces / PROGRAMS / name)
    instrument = await instrument_at(run.context.repositories[name], environments.commit, components)
    return Prepared(
        components=components, parts=tuple(parts), environment=shared, absent=tuple(absent), instrument=instrument
    )


async def prove(
    run: StageRun,
    *,
    name: str,
    commit: str,
    purpose: RunPurpose,
    selection: Sequence[str] | None,
    prepared: Prepared,
    roots: Collection[str] | None = None,
    restored: Mapping[str, bytes | None] | None = None,
    left_out: Mapping[str, Collection[str]] | None = None,
    base: Measured,
    beside: Sequence[str] = (),
    known: Collection[str] = (),
    before: TestReport | None = None,
    logs: list[test_logs.RunLog] | None = None,
) -> TestReport:
    """Run tests of a commit, each component's in a clean checkout; `restored` overwrites paths (None deletes) before.

    Test files run with the component that they belong to; the full suite is that of the components at `roots`, None for
    all. `left_out` is what `left_out` found on the base, `known` are complaints that the base's own suite gives cause for,
    word for word: they are the repository's, not the change's. `beside` are files of tests that passed on the head, for the
    planted test of a full suite, beside those that passed on the base. `before` and `logs` are what other components showed in
    the same run, which goes on here. The log is stored here, before the run is: a stored run that is shown has its log. Raises
    `PersonNeeded(environment_failed)` for files of a component that cannot be tested here.
    """
    asked, homeless = asked_of(name, prepared, selection, roots)
    put_back = [path for path, content in (restored or {}).items() if content is not None and configures_tests(path)]
    each = partial(
        run_each, run, name, commit, purpose, restored=restored, left_out=left_out, logs=logs,
        deciding=(*put_back, *prepared.instrument.files),
        beside=by_owner((*canary.neighbours(base.report), *beside), prepared.stacks),
    )  # fmt: skip
    reports = await each(asked)
    if doubted := [root for root, one in reports.items() if canary.doubts(one)]:
        # It may be the repository that leaves a planted test out or breaks with it: then its base does so too.
        seen = await base_again(run, name, base)
        reports |= await each(at(asked, canary.unplanted_in(seen, doubted)), unplanted=canary.ON_THE_BASE)
    report = joined(reports, prepared.stacks, homeless)
    report = report if before is None else both(before, report)
    report = replace(report, complaints=tuple(one for one in report.complaints if one not in known))
    await _tell(run, name, commit, purpose, report)
    return report


async def base_again(run: StageRun, name: str, base: Measured) -> TestReport:
    """Return a second report of the base's full suite, with a planted test if it stands one; run once per commit."""
    if (known := await known_base_again(run, name, base.commit)) is not None:
        return known
    asked: Asked = [(part, None) for part in base.prepared.parts]
    purpose = RunPurpose.BASELINE_AGAIN
    beside = by_owner(canary.neighbours(base.report), base.prepared.stacks)
    each = partial(run_each, run, name, base.commit, purpose, beside=beside)
    reports = await each(asked)
    doubted = [root for root, one in reports.items() if canary.doubts(one)]
    without = await each(at(asked, doubted), unplanted=canary.ON_THE_BASE)
    reports |= {root: one for root, one in without.items() if not canary.doubts(one)}
    report = joined(reports, base.prepared.stacks)
    await _tell(run, name, base.commit, purpose, report)
    await keep(run, name, purpose=purpose, commit=base.commit, report=report, ok=report.ok, verdict={})
    return report


async def known_base_again(run: StageRun, name: str, commit: str) -> TestReport | None:
    """Return the second report of a base's full suite, if there is one."""
    known = newest(await run.context.test_runs.all(name), RunPurpose.BASELINE_AGAIN, commit)
    return None if known is None else report_of(known)


async def try_out(
    run: StageRun,
    *,
    name: str,
    commit: str,
    purpose: RunPurpose,
    selection: Sequence[str],
    prepared: Prepared,
    restored: Mapping[str, bytes | None],
    left_out: Mapping[str, Collection[str]] | None,
    known: Collection[str],
    timeout_s: int,
) -> TestReport:
    """Run tests as `prove` does, on something that is no state of the change: nobody is told, and no log is kept."""
    asked, homeless = asked_of(name, prepared, selection, None)
    put_back = [path for path, content in restored.items() if content is not None and configures_tests(path)]
    reports = await run_each(
        run, name, commit, purpose, asked, restored=restored, left_out=left_out, keeps_log=False, timeout_s=timeout_s,
        deciding=(*put_back, *prepared.instrument.files), unplanted=TRIED_OUT,
    )  # fmt: skip
    report = joined(reports, prepared.stacks, homeless)
    return replace(report, complaints=tuple(one for one in report.complaints if one not in known))


async def _tell(run: StageRun, name: str, commit: str, purpose: RunPurpose, report: TestReport) -> None:
    await run.emit(
        events.TestsRun(
            purpose=purpose,
            commit=commit,
            passed=report.count(Outcome.PASSED),
            failed=report.count(Outcome.FAILED) + report.count(Outcome.ERROR),
            skipped=report.count(Outcome.SKIPPED),
            ok=report.ok,
            summary=report.summary()[:500],
            repository=name,
        )
    )


async def keep(
    run: StageRun,
    name: str,
    *,
    purpose: RunPurpose,
    commit: str,
    report: TestReport,
    ok: bool,
    verdict: Mapping[str, Any],
) -> None:
    """Store a run with what was concluded from it."""
    await run.context.test_runs.save(
        repository=name, stage=run.stage, activation=run.activation, purpose=purpose, commit=commit, ok=ok,
        report=plain(report), verdict=verdict,
    )  # fmt: skip


async def baseline(run: StageRun, name: str, commit: str, prepared: Prepared) -> tuple[TestReport, Prepared]:
    """Return the full suite's report on a base commit, run once per commit, and what of the base can be tested at all.

    Raises `PersonNeeded(environment_failed)` when no suite can run there. Such a run is not kept: what a person mends
    outside the repository counts with the next try.
    """
    known = newest(await run.context.test_runs.all(name), RunPurpose.BASELINE, commit)
    if known is not None:
        return report_of(known), prepared.without(_absences_of(known))
    asked = [(part, None) for part in prepared.parts]
    reports = await run_each(run, name, commit, RunPurpose.BASELINE, asked)
    absent = await _unusable(run, name, commit, prepared, reports)
    gone = {one.root for one in absent}
    usable = prepared.without(absent)
    report = joined({root: one for root, one in reports.items() if root not in gone}, prepared.stacks)
    await _tell(run, name, commit, RunPurpose.BASELINE, report)
    await keep(
        run, name, purpose=RunPurpose.BASELINE, commit=commit, report=report, ok=report.ok, verdict=_stored(absent)
    )
    return report, usable


async def _unusable(
    run: StageRun, name: str, commit: str, prepared: Prepared, reports: Mapping[str, TestReport]
) -> list[Absence]:
    """Return the components whose suite cannot run on the base; raises when there is no other."""
    files = await run.context.repositories[name].list_files(commit)
    absent: list[Absence] = []
    for part in prepared.parts:
        report = reports[part.root]
        candidates = (path for path in files if is_test_file(part.stack, path))
        owners = (owner_of(path, prepared.stacks) for path in candidates)
        tests = sum(owner is not None and owner.root == part.root for owner in owners)
        trouble = trouble_of(
            report, runner=part.stack.runner, test_files=tests, files=files, not_built=part.environment.not_built
        )
        if trouble is not None:
            facts = {
                "command": shlex.join(report.command), "error": trouble.error, "remedy": trouble.remedy,
                "log_tail": report.output_tail,
            }  # fmt: skip
            absent.append(Absence(root=part.root, message=trouble.message, facts=facts))
    if len(absent) == len(prepared.parts):
        await _tell(run, name, commit, RunPurpose.BASELINE, joined(reports, prepared.stacks))
        first = absent[0]
        raise PersonNeeded(PauseReason.ENVIRONMENT_FAILED, first.message, **{**first.facts, "repository": name})
    return absent


def _stored(absent: Sequence[Absence]) -> dict[str, Any]:
    return {"absent": ABSENCES.dump_python(tuple(absent), mode="json")} if absent else {}


def _absences_of(run: TestRun) -> tuple[Absence, ...]:
    return ABSENCES.validate_python(run.verdict.get("absent", ()))


async def left_out(
    run: StageRun, name: str, *, base: str, report: TestReport, prepared: Prepared, files: Sequence[str]
) -> dict[str, list[str]]:
    """Return the tests of existing files that the base's full suite leaves out by the repository's own configuration."""
    repository = run.context.repositories[name]
    known = {case.file for case in report.cases}
    found: dict[str, list[str]] = {}
    for file in files:
        if file in known:
            source = {file: await text_at(repository, base, file)}
            found |= unreported(report.cases, source, prepared.language_of(file))
    return found


async def symbols_of(
    run: StageRun, name: str, commit: str, prepared: Prepared, root: str, *, asked: bool
) -> RepositorySymbols:
    """Return what the sources of a component define, with those that it depends on; evidence is checked with the same choice.

    Where nothing will be `asked`, no file is read.
    """
    repository = run.context.repositories[name]
    places = source_places(prepared.components)
    place = next(one for one in places if one.root == root)
    if not asked:
        return read_symbols(place.language, {})
    paths = source_paths(await repository.list_files(commit), place, places, prepared.test_patterns)
    return read_symbols(place.language, await texts_at(repository, commit, paths), place.source_roots)


def plain(value: Any) -> dict[str, Any]:
    """Return a frozen dataclass as JSON-plain data."""
    result: dict[str, Any] = json.loads(json.dumps(asdict(value), default=str))
    return result
