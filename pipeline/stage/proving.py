"""The pipeline's own test runs for the stages: clean checkout, protected tests restored, fresh sandbox, report kept.

The verdict on code is never the agent's word. Every run happens in a tree that no agent ever touched, made from a
commit, and is stored with its verdict before anything follows from it.
"""

import json
import shlex
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

from pipeline import events
from pipeline.change_request import PauseReason
from pipeline.errors import PersonNeeded
from pipeline.ports import Environment, Stack
from pipeline.proof import test_logs
from pipeline.proof.protected_tests import symbol_paths
from pipeline.proof.stored_runs import newest, report_of
from pipeline.proof.suite_trouble import trouble_of
from pipeline.proof.symbols import RepositorySymbols, read_symbols
from pipeline.proof.test_reports import Outcome, TestReport
from pipeline.proof.test_runs import run_tests, unreported
from pipeline.proof.untrusted_files import write_over
from pipeline.records import RunPurpose
from pipeline.repositories.stacks import is_test_file
from pipeline.stage import trees
from pipeline.stage.artifacts import Bytes
from pipeline.stage.repository_reading import stack_at, text_at
from pipeline.stage.run import StageRun

LOG = Bytes(test_logs.KIND, "text/plain; charset=utf-8")


async def environment_of(run: StageRun, name: str, commit: str) -> tuple[Stack, Environment]:
    """Return stack and built environment of a repository at a commit; builds once per manifest hash, looks once per run."""
    context = run.context
    if (name, commit) not in context.prepared:
        repository = context.repositories[name]
        stack, digest = await stack_at(repository, commit, context.targets[name])
        async with trees.checked_out(run, name, "manifests", commit) as tree:
            context.prepared[name, commit] = stack, await context.environments.prepare(stack, tree, digest)
    return context.prepared[name, commit]


async def prove(
    run: StageRun,
    *,
    name: str,
    commit: str,
    purpose: RunPurpose,
    selection: Sequence[str] | None,
    stack: Stack,
    environment: Environment,
    restored: Mapping[str, bytes | None] | None = None,
    left_out: Mapping[str, Collection[str]] | None = None,
    known: Collection[str] = (),
) -> TestReport:
    """Run tests of a commit in a clean checkout; `restored` overwrites paths (None deletes) before the run.

    `left_out` is what `left_out` found on the base, `known` are complaints that the base's own suite gives cause for, word
    for word: they are the repository's, not the change's. The log is stored here, before the run is: a stored run that is shown
    has its log.
    """
    context = run.context

    async def keep_log(log: test_logs.RunLog) -> None:
        kept_as = test_logs.name_of(name, run.activation, purpose, commit)
        await LOG.save(context.artifacts, kept_as, log.text.encode(), {"cut": log.cut})

    async with trees.checked_out(run, name, purpose, commit) as tree:
        write_over(tree, restored or {})
        report = await run_tests(
            stack=stack, tree=tree, environment=environment, sandbox=context.sandbox,
            selection=selection, limits=context.settings.pipeline, left_out=left_out, keep_log=keep_log,
        )  # fmt: skip
    report = replace(report, complaints=tuple(one for one in report.complaints if one not in known))
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
    return report


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


async def baseline(run: StageRun, name: str, commit: str, stack: Stack, environment: Environment) -> TestReport:
    """Return the full suite's report on a base commit; run once per commit.

    Raises `PersonNeeded(environment_failed)` when the suite cannot run there at all. Such a run is not kept: what a person
    mends outside the repository counts with the next try.
    """
    known = newest(await run.context.test_runs.all(name), RunPurpose.BASELINE, commit)
    if known is not None:
        return report_of(known)
    report = await prove(
        run, name=name, commit=commit, purpose=RunPurpose.BASELINE, selection=None, stack=stack, environment=environment
    )
    await _refuse_unusable(run, name, commit, stack, report)
    await keep(run, name, purpose=RunPurpose.BASELINE, commit=commit, report=report, ok=report.ok, verdict={})
    return report


async def _refuse_unusable(run: StageRun, name: str, commit: str, stack: Stack, report: TestReport) -> None:
    files = await run.context.repositories[name].list_files(commit)
    tests = sum(is_test_file(stack, path) for path in files)
    trouble = trouble_of(report, runner=stack.runner, test_files=tests, files=files)
    if trouble is not None:
        raise PersonNeeded(
            PauseReason.ENVIRONMENT_FAILED,
            trouble.message,
            repository=name,
            command=shlex.join(report.command),
            error=trouble.error,
            remedy=trouble.remedy,
            log_tail=report.output_tail,
        )


async def left_out(
    run: StageRun, name: str, *, base: str, report: TestReport, stack: Stack, files: Sequence[str]
) -> dict[str, list[str]]:
    """Return the tests of existing files that the base's full suite leaves out by the repository's own configuration."""
    repository = run.context.repositories[name]
    known = {case.file for case in report.cases} if report.per_test else set()
    sources = {file: await text_at(repository, base, file) for file in files if file in known}
    return unreported(report.cases, sources, stack.language)


async def symbols_of(run: StageRun, name: str, commit: str, stack: Stack) -> RepositorySymbols:
    """Return what a commit's sources define, its test files left out; evidence is checked with the same choice."""
    repository = run.context.repositories[name]
    paths = symbol_paths(await repository.list_files(commit), stack.language, stack.test_patterns)
    return read_symbols(
        stack.language, {path: await text_at(repository, commit, path) for path in paths}, stack.source_roots
    )


def plain(value: Any) -> dict[str, Any]:
    """Return a frozen dataclass as JSON-plain data."""
    result: dict[str, Any] = json.loads(json.dumps(asdict(value), default=str))
    return result
