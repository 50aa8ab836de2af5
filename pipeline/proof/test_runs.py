"""The pipeline's own test runs: in a clean checkout, in the sandbox, judged by exit code and report together.

Problem: tests and the code under test are written by agents and run in one process, so that process can lie: exit 0
early, skip, or report fewer tests than the files hold. Choice: a new result directory per run, results written only at
the end by the runner itself, and an agreement check over exit code, reported tests, selected files and the tests that
the sources declare. What disagrees becomes a complaint, and a report with complaints is never ok.

Limits, stated: code that runs inside the test process can forge a complete and consistent report (rewrite single
outcomes in memory, write the file itself). A planted test that must fail (`canary`) catches a runner that was patched as
a whole, failures planted in the tests themselves (`inverted`) one that lies about them; against the rest stand the protected tests, the scan for code that detects being tested (`protected_tests`), the
comparison with the base's tests (`baseline`), and the reviewers; not this module.
"""

import asyncio
import hashlib
import re
import tempfile
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pipeline.limits import Limits
from pipeline.machine import tree_walk
from pipeline.ports import CommandResult, Environment, Language, Sandbox, SandboxCommand, Stack
from pipeline.proof import test_logs
from pipeline.proof.canary import Canary, plant
from pipeline.proof.owners import ROOT, contains
from pipeline.proof.path_globs import matches_any
from pipeline.proof.protected_tests import is_test_file
from pipeline.proof.results.test_results import Results, read_results
from pipeline.proof.symbols import is_source
from pipeline.proof.test_commands import Places, ResultFormat, TestCommand, plan_command
from pipeline.proof.test_reports import TAIL_MAX_CHARS, Outcome, TestCaseResult, TestReport, merged, readable
from pipeline.proof.test_sources import declared_tests
from pipeline.proof.untrusted_files import folder_inside, read_source, walk_files

_TEST_FUNCTION = re.compile(r"^(?:async )?def test", re.MULTILINE)
_COLLECTED = re.compile(r"^\s*class |\b(?:load_tests|FunctionTestCase|DocTest\w*)\b", re.MULTILINE)

KeepLog = Callable[[test_logs.RunLog], Awaitable[None]]
KEPT_MAX = 200
"""Files that a run cannot write: each is two mounts. The rest is only compared."""
RESULTS = "-results-"
"""In the name of a directory beside a tree: what the tests of that tree write."""
OUTPUT_MAX_BYTES = 8 * 1024 * 1024
"""Go and Cargo tell their results in the output, so it is kept far longer than a tool's."""
SYSTEM_PATH = ("/usr/local/bin", "/usr/bin", "/bin")
FIXED_VARIABLES = {
    "CI": "true",
    "NO_COLOR": "1",
    "CARGO_TERM_COLOR": "never",
    "RUST_BACKTRACE": "0",
    "PYTHONDONTWRITEBYTECODE": "1",
    "PYTHONHASHSEED": "0",
    "PYTHONUNBUFFERED": "1",
}
"""The same for base and head, so that their runs compare."""


async def run_tests(
    *,
    stack: Stack,
    tree: Path,
    environment: Environment,
    sandbox: Sandbox,
    selection: Sequence[str] | None,
    limits: Limits,
    left_out: Mapping[str, Collection[str]] | None = None,
    keep_log: KeepLog | None = None,
    guarded: Collection[str] = (),
) -> TestReport:
    """Run test files (None: the full suite) of one component in a clean checkout of its repository and report per test.

    All paths, in arguments and report, are the repository's; the command sees those of the component's folder. `left_out` names tests by file that need not be reported, because the base's own suite leaves them out. `tree` is
    disposable: the run writes into it. Whatever the tests do ends in the report; only the sandbox's own errors are raised.
    `keep_log` is given the whole output before the report is made from it. `guarded` are files that decide the result: the run
    cannot write them, and is compared with them afterwards. Of a full suite the sources of all tests are compared, which a
    repository may make anew itself: a complaint that its base has too is none of the change.
    """
    asked = None if selection is None else tuple(selection)
    folder = await asyncio.to_thread(folder_inside, tree, stack.root)
    if folder is None:
        return _without_folder(stack, asked)
    scratch = await asyncio.to_thread(_scratch, tree)
    try:
        places = Places(
            tree=folder,
            tools=scratch / "tools",
            results=scratch / "results",
            programs=environment.path_in(tree),
            checkout=tree,
        )
        run = await asyncio.to_thread(_prepared, stack, places, asked, left_out or {})
        before = await asyncio.to_thread(_deciding, tree, stack, guarded, run)
        command = _sandboxed(run.command, tree, places, environment, limits)
        kept = tuple(tree / path for path in sorted(guarded)[:KEPT_MAX])
        result = await sandbox.run(replace(command, kept=kept))
        if keep_log is not None:
            planted = run.canary.file if run.canary else None
            await keep_log(await asyncio.to_thread(test_logs.log_of, run.command, result, planted))
        if await asyncio.to_thread(folder_inside, tree, stack.root) is None:
            return _without_folder(stack, asked)
        try:
            report = await asyncio.to_thread(_report, run, result)
        finally:
            if run.canary is not None:
                await asyncio.to_thread(run.canary.remove)
        report = report if stack.root == ROOT else _of_repository(report, stack.root, asked)
        after = await asyncio.to_thread(_contents, tree, before)
        changed = [
            f"{path} was changed while the tests ran; it decides their result."
            for path in sorted(before)
            if after[path] != before[path]
        ]
        return replace(report, complaints=(*report.complaints, *changed)) if changed else report
    finally:
        await asyncio.to_thread(tree_walk.discard, scratch)


def _deciding(tree: Path, stack: Stack, guarded: Collection[str], run: "_Run") -> dict[str, str]:
    planted = run.canary and str((run.tree / run.canary.file).relative_to(tree))
    sources = walk_files(tree) if run.selection is None else ()
    return _contents(tree, {*guarded, *(path for path in sources if path != planted and _is_test_source(path, stack))})


def _is_test_source(path: str, stack: Stack) -> bool:
    return is_source(stack.language, path) and is_test_file(path, stack.test_patterns)


def _contents(tree: Path, paths: Iterable[str]) -> dict[str, str]:
    """Return a digest of each file; of one that is gone, or no plain file, that of nothing."""
    return {path: hashlib.sha256(read_source(tree, path).encode()).hexdigest() for path in paths}


def _without_folder(stack: Stack, selection: tuple[str, ...] | None) -> TestReport:
    """Say that there is nothing to run in; what a link in the folder's place leads to is never looked at."""
    complaint = f"{stack.root} is no folder of the repository, so the tests in it cannot be run."
    return TestReport(
        command=("sh", "-c", stack.test_command), exit_code=1, cases=(), selection=selection, complaints=(complaint,)
    )


def _of_repository(report: TestReport, root: str, selection: tuple[str, ...] | None) -> TestReport:
    """Return a component's report with the paths of its repository."""
    return replace(
        report,
        cases=merged(case.below(root) for case in report.cases),
        complaints=tuple(f"{root}: {complaint}" for complaint in report.complaints),
        selection=None if report.selection is None else selection,
    )


def _in_folder(stack: Stack) -> Stack:
    """Return a stack with paths as they are within its folder."""
    if stack.root == ROOT:
        return stack

    def inner(path: str) -> str:
        return path.removeprefix(f"{stack.root}/")

    return replace(
        stack,
        root=ROOT,
        test_patterns=tuple(map(inner, stack.test_patterns)),
        leaves_out=tuple(map(inner, stack.leaves_out)),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Run:
    stack: Stack
    tree: Path
    command: TestCommand
    selection: tuple[str, ...] | None
    canary: Canary | None
    left_out: Mapping[str, Collection[str]]


def unreported(cases: Sequence[TestCaseResult], sources: Mapping[str, str], language: Language) -> dict[str, list[str]]:
    """Return the tests that sources declare and a run did not report, by file; only of files it reported any test of."""
    names: dict[str, set[str]] = {}
    for case in cases:
        names.setdefault(case.file, set()).add(
            case.name.rpartition(".")[2] if language is Language.PYTHON else case.name
        )
    found: dict[str, list[str]] = {}
    for file, text in sources.items():
        declared = dict.fromkeys(test.name for test in declared_tests(file, text)) if file in names else {}
        found[file] = [name for name in declared if not _reported(name, names[file])]
    return found


def _scratch(tree: Path) -> Path:
    scratch = Path(tempfile.mkdtemp(prefix=f"{tree.name}{RESULTS}", dir=tree.parent))
    for name in ("tools", "results"):
        (scratch / name).mkdir()
    return scratch


def _prepared(
    stack: Stack, places: Places, selection: tuple[str, ...] | None, left_out: Mapping[str, Collection[str]]
) -> _Run:
    """Build the command, plant the canary, and delete results that came with the tree, so that only this run's are read."""
    root, stack = stack.root, _in_folder(stack)
    if root != ROOT:
        selection = None if selection is None else tuple(path.removeprefix(f"{root}/") for path in selection)
        inner = {path.removeprefix(f"{root}/"): names for path, names in left_out.items() if contains(root, path)}
        left_out = inner
    canary = plant(stack, places.tree, selection) if selection else None
    files = selection if canary is None or selection is None else (*selection, canary.file)
    command = plan_command(stack, places, files)
    for path in list(walk_files(places.tree)) if command.result_globs else []:
        if matches_any(path, command.result_globs):
            (places.tree / path).unlink()
    if command.result_file is not None:
        command.result_file.unlink(missing_ok=True)
    narrowed = selection if command.narrowed else None
    return _Run(stack=stack, tree=places.tree, command=command, selection=narrowed, canary=canary, left_out=left_out)


def _sandboxed(
    command: TestCommand, tree: Path, places: Places, environment: Environment, limits: Limits
) -> SandboxCommand:
    path = ":".join([*(str(entry) for entry in environment.path_in(tree)), *SYSTEM_PATH])
    return SandboxCommand(
        argv=command.argv,
        cwd=places.tree,
        writable=(tree, places.results),
        read_only=(*environment.read_only, places.tools),
        mounts=environment.mounts_in(tree),
        scratch=environment.scratch_in(tree),
        tree_at=environment.tree_at,
        environment={**FIXED_VARIABLES, **environment.variables, **command.variables, "PATH": path},
        timeout_s=float(limits.test_timeout_s),
        output_max_bytes=OUTPUT_MAX_BYTES,
    )


def _report(run: _Run, result: CommandResult) -> TestReport:
    results = read_results(run.command, result, run.tree)
    exit_code = result.exit_code
    if run.canary is not None and not result.timed_out:
        results.cases, exit_code, told = run.canary.judge(results.cases, exit_code)
        results.complaints += told
    return TestReport(
        command=run.command.argv,
        exit_code=exit_code,
        cases=merged(map(readable, results.cases)),
        selection=run.selection,
        complaints=(*results.complaints, *_disagreements(run, result, exit_code, results)),
        per_test=results.per_test,
        timed_out=result.timed_out,
        truncated=result.truncated,
        output_tail=result.output[-TAIL_MAX_CHARS:],
        duration_ms=round(result.duration_s * 1000),
    )


def _disagreements(run: _Run, result: CommandResult, exit_code: int, results: Results) -> list[str]:
    complaints = []
    bad = any(case.outcome.bad for case in results.cases)
    if result.timed_out:
        complaints.append("The test run did not end in time.")
    if result.truncated and run.command.results in {ResultFormat.GO_EVENTS, ResultFormat.CARGO_TEXT}:
        complaints.append("The output was cut, so results are missing.")
    if exit_code == 0 and bad:
        complaints.append("The process ended with exit code 0 although its report holds failures.")
    if exit_code != 0 and not bad and not result.timed_out:
        complaints.append(f"The process ended with exit code {exit_code} although no reported test failed.")
    if run.stack.runner == "pytest" and exit_code not in {0, 1, 2, 5}:
        complaints.append(f"pytest itself ended abnormally (exit code {exit_code}).")
    if not results.cases and not results.complaints:
        complaints.append("No test was reported at all.")
    return complaints + _missing_tests(run, results)


def _passed_over_by_unittest(source: str) -> bool:
    return bool(_TEST_FUNCTION.search(source)) and not _COLLECTED.search(source)


def _missing_tests(run: _Run, results: Results) -> list[str]:
    """Compare what the selected files declare with what was reported for them."""
    unloaded = {case.file for case in results.cases if case.whole_file and case.outcome is not Outcome.PASSED}
    if unloaded and run.stack.language in {Language.GO, Language.RUST, Language.JAVA}:
        return []  # one file that does not compile keeps the others from running; only the broken ones are judged
    told = {case.file for case in results.cases}
    chosen = [file for file in run.selection or () if file not in unloaded]
    missing = unreported(results.cases, {file: read_source(run.tree, file) for file in chosen}, run.stack.language)
    complaints = [
        f"{file} has functions and no TestCase, and `python -m unittest` runs methods of TestCase classes alone."
        for file in run.selection or ()
        if run.stack.runner == "unittest" and _passed_over_by_unittest(read_source(run.tree, file))
    ]
    for file in chosen:
        if file not in told:
            complaints.append(f"No test of {file} was reported.")
        names = [name for name in missing[file] if name not in run.left_out.get(file, ())]
        complaints += [f"{file} declares {name}, but it was not reported." for name in names]
    return complaints


def _reported(name: str, reported: set[str]) -> bool:
    """Titles with placeholders (`%s`, `${…}`) are named at run time, so any report of their file will do."""
    return name in reported or any(mark in name for mark in ("%", "${", "$", "\\"))
