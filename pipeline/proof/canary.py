"""A test that must fail, planted beside others: a runner that calls it passed has been tampered with.

Problem: code under test is imported into the test process and can rewrite outcomes there (patch the runner, hook its
reports), and then exit code and report agree on a lie. Choice: for runners that load all files into one process, plant
one failing test under a random name for the run, and take it out of the report again. It gets the name and the marks with
which the repository's own settings select it. Invariant: where none can stand, a note says so; it is never silently left
out. Limit, stated: code that rewrites only the outcomes of known tests is not caught by it.
"""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path, PurePosixPath

from pipeline.ports import Stack
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

_FUNCTION = 'def {name}() -> None:\n    """Fail."""\n    assert 1 == 2\n'
_CASE = (
    'class Test{token}(unittest.TestCase):\n    """Fails."""\n\n'
    '    def {name}(self) -> None:\n        """Fail."""\n        self.assertEqual(1, 2)\n'
)
_TRIES = 3
_FORMS_MAX = 200
NOT_REPORTED = "A test that the pipeline had planted was not reported."
UNGUARDED = "No planted test guards these results: {why}."


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
            return (
                others,
                exit_code,
                ["A planted test that must fail was reported as passed: the test runner was tampered with."],
            )
        if exit_code == 0:
            return others, exit_code, ["The process ended with exit code 0 although a planted test failed."]
        only = exit_code == 1 and not any(case.outcome.bad for case in others)
        return others, 0 if only else exit_code, []


def neighbours(report: TestReport) -> tuple[str, ...]:
    """Return the files of a suite beside which a test is sure to run: those in which one passed."""
    passed = (case.file for case in report.cases if case.outcome is Outcome.PASSED and not case.whole_suite)
    return tuple(sorted({file for file in passed if file.endswith(".py")}))


def plant(
    stack: Stack,
    tree: Path,
    selection: Sequence[str] | None,
    *,
    beside: Sequence[str] = (),
    variables: Mapping[str, str],
) -> tuple[Canary | None, str]:
    """Write the canary beside the first selected file, or in a full suite beside the first of `beside` that is there.

    Returns it, or None with a note where the runner could have one and none can stand; for other runners neither.
    """
    if stack.runner not in {"pytest", "unittest"} or not (selection or (selection is None and beside)):
        return None, ""
    near = selection[0] if selection else next((path for path in beside if holds_file(tree, path)), "")
    if not near:
        return None, UNGUARDED.format(why="no test file of the base's suite is there any more")
    try:
        token, name, text = _written(stack, tree, near, selection, variables)
    except Unselectable as why:
        return None, UNGUARDED.format(why=why)
    file = str(PurePosixPath(near).with_name(name))
    place = inside(tree, file)
    if place is None or not place.parent.is_dir():
        return None, UNGUARDED.format(why=f"the folder of {near} is not there")
    with place.open("x", encoding="utf-8") as opened:
        opened.write(text)
    return Canary(tree=tree, file=file, token=token), ""


def _written(
    stack: Stack, tree: Path, near: str, selection: Sequence[str] | None, variables: Mapping[str, str]
) -> tuple[str, str, str]:
    """Return the token, the file's name and its text. Raises `Unselectable`."""
    if stack.runner == "unittest":
        token = secrets.token_hex(6)
        return token, f"test_{token}.py", _unittest(token, f"test_{token}")
    asked = selection_of(tree, common_folder(selection) if selection else ".", variables)
    if selection is None and asked.stops:
        raise Unselectable("the settings of pytest end the suite with the first failure")
    for form in islice(forms_for(asked), _FORMS_MAX):
        for _ in range(_TRIES):  # a token may hold what is excluded
            token = secrets.token_hex(6)
            name = f"test_{token}.py" if selection else file_name(asked, near, token)
            function = function_name(asked, form, token)
            method = "_".join(["test", token, *form.words])
            called = [function] if function else [method, f"Test{token}"]
            if name and selects(asked, form, [name, *called]):
                return token, name, _function(function, form) if function else _unittest(token, method, _marks(form))
    raise Unselectable(f"the settings of pytest select none that could be planted{_said(asked)}")


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
