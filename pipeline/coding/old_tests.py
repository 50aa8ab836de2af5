"""Old tests that state what the request changes: who may alter them, what was altered, and what to say when nobody did.

Problem: a behaviour that an existing test pins cannot change while nobody may touch that test. Choice: the test writer may
rewrite or remove it under a change scenario that says otherwise; which tests differ is read from the sources, not from
what is said about them. Invariants: every altered test has a scenario and is shown to who approves; the code writer may
alter none; a change that fails only at old tests is never told as the code writer's failure.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from pydantic import TypeAdapter

from pipeline.agents.submissions.work import OldTestDecision, Tests
from pipeline.ports import ChangedFile, Language
from pipeline.proof.protected_tests import is_test_file, steers_tests
from pipeline.proof.test_reports import Outcome, TestReport
from pipeline.proof.test_sources import altered_tests
from pipeline.specs.behaviour import ScenarioKind
from pipeline.stage.artifacts import Artifact
from pipeline.stage.repository_reading import text_at
from pipeline.stage.run import StageRun

WHOLE_FILE = ""
"""In place of a test's name where no single test of a changed file could be told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AlteredTest:
    """One old test that the tests commit rewrites or removes, and the scenario that says otherwise than it did."""

    path: str
    name: str
    decision: OldTestDecision
    scenario: str
    why: str = ""


ALTERED = Artifact("old_tests", TypeAdapter(tuple[AlteredTest, ...]))


def is_old_test(file: ChangedFile, patterns: Collection[str], language: Language) -> bool:
    """Whether a changed file is an existing test's source, which no suite rewrites by itself."""
    path = file.old_path or file.path
    return file.status != "A" and is_test_file(path, patterns) and steers_tests(path, language)


def states_behaviour(file: ChangedFile, patterns: Collection[str]) -> bool:
    """Whether a file that the test writer itself changed is an existing test, or data that one compares with."""
    return file.status != "A" and is_test_file(file.old_path or file.path, patterns)


async def altered(
    run: StageRun, submission: Tests, *, before: str, after: str, files: Sequence[ChangedFile],
    scenarios: Mapping[str, ScenarioKind],
) -> tuple[list[AlteredTest], list[str]]:  # fmt: skip
    """Return which old tests of `files` differ between two commits, and what is wrong with that, for the test writer.

    Where the spec has one change scenario, an unnamed test counts as altered for that one.
    """
    repository = run.context.repositories[run.name]
    changing = [one for one, kind in scenarios.items() if kind is ScenarioKind.CHANGE]
    found: list[AlteredTest] = []
    problems: list[str] = []
    for file in files:
        path = file.old_path or file.path
        new = "" if file.status == "D" else await text_at(repository, after, file.path)
        gone, other = altered_tests(path, await text_at(repository, before, path), new)
        names = [*gone, *other]
        if not names and (file.removed or file.status in {"D", "R"}):
            names = [WHOLE_FILE]
        for name in names:
            decision = OldTestDecision.RETIRED if name in gone or file.status == "D" else OldTestDecision.REWRITTEN
            said = _named(submission, path, name)
            if said is not None:
                found.append(AlteredTest(path=path, name=name, decision=decision, scenario=said[0], why=said[1]))
            elif len(changing) == 1:
                found.append(AlteredTest(path=path, name=name, decision=decision, scenario=changing[0]))
            else:
                problems.append(_unnamed(path, name, decision))
    return found, problems


def _named(submission: Tests, path: str, name: str) -> tuple[str, str] | None:
    for old in submission.old_tests:
        if old.path == path and (name == WHOLE_FILE or name in {one.rpartition("::")[2] for one in old.tests}):
            return old.scenario_id, old.why
    return None


def _unnamed(path: str, name: str, decision: OldTestDecision) -> str:
    what = (
        f"{path} is an existing test file and was changed" if name == WHOLE_FILE else f"{path}::{name} was {decision}"
    )
    return (
        f"{what}, but `old_tests` does not name it with the change scenario that says otherwise than it does. "
        "Name it there, or put it back."
    )


async def save(run: StageRun, found: Sequence[AlteredTest], *, still_changed: Collection[str]) -> None:
    """Remember what was altered, beside what an earlier round altered in files that still differ from the base."""
    earlier = await ALTERED.load(run.context.artifacts, run.name) or ()
    told = {(one.path, one.name) for one in found}
    kept = [one for one in earlier if one.path in still_changed and (one.path, one.name) not in told]
    await ALTERED.save(run.context.artifacts, run.name, (*kept, *found), {})


async def load(run: StageRun, name: str) -> Sequence[AlteredTest]:
    """Return the altered old tests of a repository's change."""
    return await ALTERED.load(run.context.artifacts, name) or ()


def pinned(base: TestReport, suite: TestReport, new_files: Collection[str]) -> list[str]:
    """Return the old tests that pass on the base and fail on the head, each with the first line of its failure."""
    before = base.outcomes()
    return [
        f"{case.test_id}{_first_line(case.failure.message if case.failure else '')}"
        for case in suite.bad
        if case.file not in new_files and before.get(case.test_id) is Outcome.PASSED
    ]


def told(tests: Sequence[str]) -> str:
    """Say to a person what stands against the change, and the ways on."""
    several = len(tests) > 1
    return (
        f"{'Old tests state' if several else 'An old test states'} the opposite of the change: "
        f"{'they pass' if several else 'it passes'} without it and {'fail' if several else 'fails'} with it, while every "
        f"new test passes. {'; '.join(tests[:_TOLD_MAX])}{' …' if len(tests) > _TOLD_MAX else ''}. "
        f"{REMEDY}"
    )


_TOLD_MAX = 5
REMEDY = (
    "If the request means that, resume and say so: the test writer then rewrites or retires the old test under its "
    "scenario, and the approver is shown it. If not, say what has to stay as it is, or cancel and correct the request."
)


def _first_line(message: str) -> str:
    lines = message.strip().splitlines()
    return f" ({lines[0][:200]})" if lines else ""
