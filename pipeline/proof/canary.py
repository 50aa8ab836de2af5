"""A test that must fail, planted beside others: a runner that calls it passed has been tampered with.

Problem: code under test is imported into the test process and can rewrite outcomes there (patch the runner, hook its
reports), and then exit code and report agree on a lie. Choice: for runners that load all files into one process, plant
one failing test under a random name for the run, and take it out of the report again. It gets the name and the marks with
which the repository's own settings select it. A repository whose own hooks leave it out, or break with it, does so on its base
too, which is looked at before anybody is blamed (`doubts`). Invariant: where none can stand, a note says so; it is never
silently left out. Limit, stated: code that rewrites only the outcomes of known tests is not caught by it.
"""

import secrets
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path, PurePosixPath

from pipeline.ports import Stack
from pipeline.proof.owners import ROOT
from pipeline.proof.pytest_selection import (
    Form,
    Selection,
    Unselectable,
    common_folder,
    file_name,
    forms_for,
    function_name,
    selection_of,
    selects,
)
from pipeline.proof.test_reports import Outcome, TestCaseResult, TestReport
from pipeline.proof.untrusted_files import delete_inside, holds_file, inside

_FUNCTION = 'def {name}() -> None:\n    """Fail."""\n    assert str(1) == str(2)\n'
_CASE = (
    'class Test{token}(unittest.TestCase):\n    """Fails."""\n\n'
    '    def {name}(self) -> None:\n        """Fail."""\n        self.assertEqual(1, 2)\n'
)
_TRIES = 3
_FORMS_MAX = 200
RUNNERS = frozenset({"pytest", "unittest"})
"""Those that load all files into one process."""
NOT_REPORTED = "A test that the pipeline had planted was not reported."
NOT_RUN = (
    "A test that the pipeline had planted was not run: its file could not be loaded, and that of its neighbour could."
)
PASSED = "A planted test that must fail was reported as passed: the test runner was tampered with."
EXIT_CODE = "The process ended with exit code 0 although a planted test failed."
_DOUBTS = (NOT_REPORTED, NOT_RUN, PASSED, EXIT_CODE)
_BROKE = "pytest itself ended abnormally (exit code 3)"
UNGUARDED = "No planted test guards these results: {why}."
ON_THE_BASE = "on its base too, the repository's suite leaves one out or breaks with it"
"""Why none is planted, where that was seen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Canary:
    """The planted file."""

    tree: Path
    file: str
    """Its path in the repository."""
    token: str
    """What its name, and that of its test, hold and no other does."""

    def remove(self) -> None:
        """Take the file out of the tree again."""
        delete_inside(self.tree, self.file)

    def judge(self, cases: Sequence[TestCaseResult], exit_code: int) -> tuple[list[TestCaseResult], int, list[str]]:
        """Return the cases without the canary, the exit code as if it had not run, and complaints."""
        others = [case for case in cases if case.file != self.file]
        # Plugins that run a linter report its look at this file beside the test in it.
        own = [case for case in cases if case.file == self.file and (case.whole_file or self.token in case.name)]
        if not own:
            return others, exit_code, [NOT_REPORTED] if others else []
        if not all(case.outcome.bad for case in own):
            return others, exit_code, [PASSED]
        if exit_code == 0:
            return others, exit_code, [EXIT_CODE]
        if all(case.whole_file for case in own) and any(self._ran_beside(case) for case in others):
            return others, exit_code, [NOT_RUN]
        only = exit_code == 1 and not any(case.outcome.bad for case in others)
        return others, 0 if only else exit_code, []

    def _ran_beside(self, case: TestCaseResult) -> bool:
        """Whether this is a test of a file in the same folder, so one that was loaded."""
        return not case.whole_file and PurePosixPath(case.file).parent == PurePosixPath(self.file).parent


def doubts(report: TestReport) -> bool:
    """Whether a run's planted test was not told as it should, or a run with one broke off."""
    return any(one.endswith(_DOUBTS) or _BROKE in one for one in report.complaints)


def unplanted_in(base: TestReport, roots: Collection[str]) -> tuple[str, ...]:
    """Return at which of these roots the base's suite was run without a planted test, because it does not stand one."""
    said = UNGUARDED.format(why=ON_THE_BASE)
    return tuple(root for root in roots if (said if root == ROOT else f"{root}: {said}") in base.notes)


def neighbours(report: TestReport) -> tuple[str, ...]:
    """Return the files of a suite beside which a test is sure to run: those in which one passed."""
    passed = (case.file for case in report.cases if case.outcome is Outcome.PASSED and not case.whole_suite)
    return tuple(sorted({file for file in passed if file.endswith(".py")}))


def plant(
    stack: Stack,
    tree: Path,
    selection: Sequence[str] | None,
    *,
    beside: Sequence[str] | None = None,
    variables: Mapping[str, str],
    configured: tuple[Path, str] | None = None,
) -> tuple[Canary | None, str]:
    """Write the canary beside the first selected file, or in a full suite beside one of `beside`; None plants none there.

    Returns it, or None with a note where the runner could have one and none can stand; for other runners neither.
    `configured` is the whole checkout and the tree's folder in it, since settings may stand above the tree.
    """
    if stack.runner not in RUNNERS or selection == () or (selection is None and beside is None):
        return None, ""
    there = [selection[0]] if selection else [path for path in beside or () if holds_file(tree, path)]
    if not there:
        return None, UNGUARDED.format(why="no test is known that passes on the base and is still there")
    top, folder = configured or (tree, ".")
    try:
        if stack.runner == "unittest":
            token = secrets.token_hex(6)
            near, name, text = there[0], f"test_{token}.py", _unittest(token, f"test_{token}")
        else:
            start = PurePosixPath(folder) / (common_folder(selection) if selection else ".")
            asked = selection_of(top, str(start), variables)
            near, token, name, text = _written(asked, there, whole=not selection)
    except Unselectable as why:
        return None, UNGUARDED.format(why=why)
    file = str(PurePosixPath(near).with_name(name))
    place = inside(tree, file)
    if place is None or not place.parent.is_dir():
        return None, UNGUARDED.format(why=f"the folder of {near} is not there")
    with place.open("x", encoding="utf-8") as opened:
        opened.write(text)
    return Canary(tree=tree, file=file, token=token), ""


def _written(asked: Selection, there: Sequence[str], *, whole: bool) -> tuple[str, str, str, str]:
    """Return the file that it stands beside, the token, the file's name and its text. Raises `Unselectable`."""
    if whole and asked.stops:
        raise Unselectable("the settings of pytest end the suite with the first failure")
    for form in islice(forms_for(asked), _FORMS_MAX):
        for _ in range(_TRIES):  # a token may hold what is excluded
            token = secrets.token_hex(6)
            near, name = next(_placed(asked, there, token), ("", "")) if whole else (there[0], f"test_{token}.py")
            function = function_name(asked, form, token)
            method = "_".join(["test", token, *form.words])
            called = [function] if function else [method, f"Test{token}"]
            if name and selects(asked, form, [name, *called]):
                text = _function(function, form) if function else _unittest(token, method, _marks(form))
                return near, token, name, text
    raise Unselectable(f"the settings of pytest select none that could be planted{_said(asked)}")


def _placed(asked: Selection, there: Sequence[str], token: str) -> Iterator[tuple[str, str]]:
    """Yield files, one of each folder, with the name of one beside it that is collected."""
    folders = {PurePosixPath(path).parent: path for path in reversed(there)}
    return ((path, name) for path in reversed(folders.values()) if (name := file_name(asked, path, token)))


def _said(selection: Selection) -> str:
    told = [f"{option} '{text}'" for option, text in (("-m", selection.marks), ("-k", selection.keywords)) if text]
    return f" ({' '.join(told)})" if told else ""


def _marks(form: Form) -> str:
    return "".join(f"@pytest.mark.{mark}\n" for mark in form.marks)


def _function(name: str, form: Form) -> str:
    imports = "import pytest\n\n\n" if form.marks else "\n"
    return f'"""A test that has to fail."""\n\n{imports}{_marks(form)}' + _FUNCTION.format(name=name)


def _unittest(token: str, name: str, marks: str = "") -> str:
    imports = "import unittest\n\nimport pytest\n" if marks else "import unittest\n"
    return f'"""A test that has to fail."""\n\n{imports}\n\n{marks}' + _CASE.format(token=token, name=name)
