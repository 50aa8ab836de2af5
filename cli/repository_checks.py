"""How a check of a repository is waited for and told at a terminal.

Choice: the check is the controller's; here its row is asked for every half second, each step is a line of progress, and what was
found is printed as a person reads it, obstacles last, where the eye ends. Ctrl-C ends waiting, not the check.
"""

import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import typer

from cli.client import Client, Unreachable
from cli.output import Output, one_line, words
from controller.repositories.schemas import RepositoryCheck, RepositoryList, SurveyView
from pipeline.errors import TransientError
from pipeline.repositories.components import Aspect
from pipeline.survey.record import (
    ComponentSurvey,
    OutsideNeed,
    RepositorySurvey,
    SuiteVerdict,
    SurveyProgress,
    SurveyState,
    SurveyStep,
    Trouble,
)

PATH = "/api/v1/repositories"
_POLL_S = 0.5
_LISTED_MAX = 10
_MIB = 1024**2
_STEPS = {
    SurveyStep.WAITING: "Waiting for its turn on this machine",
    SurveyStep.FETCHING: "Fetching",
    SurveyStep.DETECTING: "Looking what it is made of",
    SurveyStep.INSTALLING: "Building the environment",
    SurveyStep.FIRST_RUN: "Running the suite",
    SurveyStep.SECOND_RUN: "Running the suite again",
}
_VERDICTS = {
    SuiteVerdict.CLEAN: ("Ready: the suite ran twice, and everything passed.", "green"),
    SuiteVerdict.FAILING: ("Ready: what fails on the base does not count against a change.", "green"),
    SuiteVerdict.UNTESTED: ("Ready: there is no test yet, so the first change brings the first.", "green"),
    SuiteVerdict.FLAKY: ("Usable: what is flaky is run again before it counts.", "yellow"),
    SuiteVerdict.PARTLY: ("Ready in parts: a change that touches a component whose suite cannot run stops.", "yellow"),
    SuiteVerdict.BROKEN: (
        "Not ready: the suite cannot run here, so a change would pause before any model is paid.",
        "red",
    ),
}


def check_path(name: str) -> str:
    """Return where the check of a repository is in the API."""
    return f"{PATH}/{quote(name, safe='')}/check"


def waited_for(client: Client, begun: SurveyView, out: Output) -> SurveyView:
    """Follow a check to its end, telling each step once."""
    told: SurveyProgress | None = None
    seen = begun
    while seen.state is SurveyState.RUNNING:
        if seen.progress is not None and seen.progress != told:
            told = seen.progress
            out.note(_step(told))
        time.sleep(_POLL_S)
        seen = client.get(check_path(begun.repository), SurveyView)
    return seen


def print_check(out: Output, look: RepositoryCheck) -> None:
    """Print what a look found, and what the check did."""
    repository, check = look.repository, look.check
    out.line(f"{repository.name}: {repository.remote}", "bold")
    out.line(f"  base {repository.base_branch} at {look.base_commit[:12]}")
    if check.found is None:
        out.line(f"  {look.stack}; tests: {look.test_command}")
    else:
        _print_survey(out, check.found)
    for warning in look.warnings:
        out.warn(warning)
    match check.state:
        case SurveyState.RUNNING:
            out.note(f"The check goes on. See it with: changeline repo check {repository.name}")
        case SurveyState.INTERRUPTED:
            out.warn(f"The check was interrupted. Again: changeline repo check {repository.name}")
        case SurveyState.CANCELLED | SurveyState.FAILED:
            out.warn(f"The check came to nothing: {check.message}")
        case SurveyState.DONE | SurveyState.NEVER:
            pass


def can_run(check: SurveyView) -> bool:
    """Whether the check, as far as there was one, came to an end that lets changes be proven."""
    if check.state is SurveyState.NEVER:
        return True
    return (
        check.state is SurveyState.DONE and check.found is not None and check.found.verdict is not SuiteVerdict.BROKEN
    )


def warn_before_submitting(client: Client, submission: dict[str, Any], out: Output) -> str | None:
    """Say what the check of a registered repository has against a change; a person in front of it is asked.

    Returns the warning, so that it is not told twice. Raises `typer.Abort` when the person thinks better of it.
    """
    (choice,) = submission["repositories"]
    try:
        known = client.get(PATH, RepositoryList).items
    except (Unreachable, TransientError):
        return None  # submitting says so, and tries again
    same = [one for one in known if choice.get("name") == one.name or choice.get("remote") == one.remote]
    target = next((one for one in same if choice.get("base_branch") in {None, one.base_branch}), None)
    if target is None or target.check is SurveyState.NEVER:
        return None
    warning = client.get(check_path(target.name), SurveyView).warning
    if warning is not None:
        out.warn(warning)
        if out.interactive:
            typer.confirm("Submit anyway?", default=True, abort=True)
    return warning


def _step(progress: SurveyProgress) -> str:
    where = f" ({progress.component}, {progress.number} of {progress.components})" if progress.components > 1 else ""
    return f"{_STEPS[progress.step]}{where} …"


def _print_survey(out: Output, found: RepositorySurvey) -> None:
    for component in found.components:
        _print_component(out, component)
    if found.trouble is not None:
        _print_trouble(out, found.trouble)
    for remark in found.remarks:
        out.line(f"  ! {one_line(remark.message)}", "yellow")
        if remark.remedy:
            out.line(f"    {one_line(remark.remedy)}")
    sentence, style = _VERDICTS[found.verdict]
    out.line(f"  {sentence} ({found.took_s:.0f} s)", style)


def _print_component(out: Output, of: ComponentSurvey) -> None:
    parts = filter(None, (of.language, of.package_manager, of.runner))
    out.line(f"  {'The repository' if of.root == '.' else of.root}: {', '.join(parts)}", "bold")
    for value in of.values:
        if value.name == Aspect.ROOT:
            continue  # the heading says it
        hint = "" if value.followed else " (a hint, not followed)"
        out.line(f"    {words(value.name)}: {one_line(value.value)} - {one_line(value.origin)}{hint}")
    if of.versions:
        out.line(f"    {', '.join(f'{one.name} {one.version}' for one in of.versions)}")
    taken = [f"{one.source} {one.name}".strip() for one in of.dependencies if one.taken]
    if taken:
        out.line(f"    installed in {of.installing_s:.1f} s: {one_line(', '.join(taken))}")
    for line in _suite_lines(of):
        out.line(f"    {line}")
    if of.trouble is not None:
        _print_trouble(out, of.trouble)


def _suite_lines(of: ComponentSurvey) -> Iterator[str]:
    suite = of.suite
    if suite is None:
        return
    runs = [suite.first, *([suite.second] if suite.second is not None else [])]
    took = " and ".join(f"{one.duration_s:.1f} s" for one in runs)
    peak = max(one.memory_peak_bytes for one in runs)
    memory = f", {peak // _MIB} MiB" if peak else ""
    first = suite.first
    counts = f"{first.passed} passed, {first.failed} failed, {first.skipped} skipped"
    tests = (
        f"{suite.found} {'test' if suite.found == 1 else 'tests'}: {counts}"
        if suite.per_test
        else f"the command alone: {'passed' if first.passed else 'failed'}"
    )
    yield f"{tests} ({took}{memory})"
    yield from _listed(
        "flaky", suite.flaky_count, [f"{one.test}: {one.first}, then {one.second}" for one in suite.flaky]
    )
    yield from _listed("fails on the base", suite.failing_count, [f"{one.test}: {one.said}" for one in suite.failing])
    for need, what in ((OutsideNeed.NETWORK, "needs the network"), (OutsideNeed.SERVICE, "needs a service")):
        needing = [f"{one.test}{f': {one.what}' if one.what else ''}" for one in suite.needy if one.need is need]
        yield from _listed(what, len(needing), needing)
    yield from _listed("slowest", len(suite.slow), [f"{one.test}: {one.seconds:.1f} s" for one in suite.slow])


def _listed(heading: str, count: int, tests: list[str]) -> Iterator[str]:
    if not count:
        return
    yield f"{heading} ({count}):"
    yield from (f"  {one_line(test)}" for test in tests[:_LISTED_MAX])
    if count > _LISTED_MAX:
        yield f"  and {count - _LISTED_MAX} more"


def _print_trouble(out: Output, trouble: Trouble) -> None:
    out.line(f"    ✗ {one_line(trouble.message)}", "red")
    if trouble.command:
        out.line(f"      $ {one_line(trouble.command)}")
    if trouble.remedy:
        out.line(f"      {one_line(trouble.remedy)}")
