"""Runs unittest files with the target environment's own Python and writes JUnit XML.

Copied beside the checkout and executed there, so it uses the standard library alone, imports nothing of Changeline and
keeps to syntax that Python 3.8 understands. Usage: `python unittest_junit.py RESULT.xml ROOT FILE...`.
"""

from __future__ import annotations

import importlib
import importlib.util
import re
import sys
import time
import traceback
import unittest
from pathlib import Path
from types import ModuleType
from typing import Any
from xml.etree import ElementTree as ET

OutsideXml = re.compile("[^\t\n\x20-\ud7ff\ue000-\ufffd]")


class RecordingResult(unittest.TestResult):
    """Keeps one record per test, subtests folded into their test."""

    def __init__(self, file: str) -> None:
        super().__init__()
        self.file = file
        self.suite = ET.Element("testsuite", name="unittest")
        self.started = 0.0
        self.problems: list[tuple[str, str, str]] = []

    def startTest(self, test: unittest.TestCase) -> None:  # noqa: N802 - unittest's name
        """Begin a record."""
        super().startTest(test)
        self.started, self.problems = time.perf_counter(), []

    def stopTest(self, test: unittest.TestCase) -> None:  # noqa: N802 - unittest's name
        """Write the record of the test that ended."""
        super().stopTest(test)
        self.record(test, self.problems[0] if self.problems else None)
        self.problems = []

    def addFailure(self, test: unittest.TestCase, err: Any) -> None:  # noqa: N802 - unittest's name
        """Note an assertion."""
        super().addFailure(test, err)
        self.note(test, "failure", err)

    def addError(self, test: unittest.TestCase, err: Any) -> None:  # noqa: N802 - unittest's name
        """Note any other exception: of the test body, or of a fixture."""
        super().addError(test, err)
        assertion = getattr(test, "_testMethodName", None) is not None and in_test_body(test, err)
        self.note(test, "failure" if assertion else "error", err)

    def addSubTest(  # noqa: N802 - unittest's name
        self,
        test: unittest.TestCase,
        subtest: unittest.TestCase,
        err: Any,
    ) -> None:
        """Note the failure of a part with its test."""
        super().addSubTest(test, subtest, err)
        if err is not None:
            self.note(test, "failure", err)

    def addSkip(self, test: unittest.TestCase, reason: str) -> None:  # noqa: N802 - unittest's name
        """Note a skip."""
        super().addSkip(test, reason)
        self.problems.append(("skipped", reason, ""))

    def addExpectedFailure(self, test: unittest.TestCase, err: Any) -> None:  # noqa: N802 - unittest's name
        """Note an expected failure as a skip: it proves nothing."""
        super().addExpectedFailure(test, err)
        self.problems.append(("skipped", "expected failure", ""))

    def addUnexpectedSuccess(self, test: unittest.TestCase) -> None:  # noqa: N802 - unittest's name
        """Note a success that was declared impossible."""
        super().addUnexpectedSuccess(test)
        self.problems.append(("failure", "AssertionError: unexpected success", ""))

    def note(self, test: unittest.TestCase, tag: str, err: Any) -> None:
        """Keep a problem until its test ends; class and module fixtures have no test and are recorded at once."""
        kind, value, trace = err
        message = f"{getattr(kind, '__name__', 'Error')}: {value}"
        text = "".join(traceback.format_exception(kind, value, trace))
        if getattr(test, "_testMethodName", None) is None:
            self.record(test, ("error", message, text))
        else:
            self.problems.append((tag, message, text))

    def record(self, test: unittest.TestCase, problem: tuple[str, str, str] | None) -> None:
        """Append the test with its first problem."""
        name = getattr(test, "_testMethodName", None) or str(test)
        classname = type(test).__qualname__ if hasattr(test, "_testMethodName") else ""
        add_case(self.suite, self.file, classname, name, problem, time.perf_counter() - self.started)


def in_test_body(test: unittest.TestCase, err: Any) -> bool:
    """Tell a test that raised from a fixture that raised: the test method is on the traceback."""
    names = [frame.name for frame in traceback.extract_tb(err[2])]
    return getattr(test, "_testMethodName", "") in names


def add_case(
    suite: ET.Element, file: str, classname: str, name: str, problem: tuple[str, str, str] | None, seconds: float
) -> None:
    """Append one `<testcase>`."""
    case = ET.SubElement(suite, "testcase", classname=classname, name=name, file=file, time=f"{max(seconds, 0):.3f}")
    if problem is not None:
        tag, message, text = problem
        ET.SubElement(case, tag, message=printable(message)).text = printable(text)


def printable(text: object) -> str:
    """Replace what XML cannot carry."""
    return OutsideXml.sub("?", str(text))


def load(root: Path, file: str) -> ModuleType:
    """Import a test file as `unittest discover` would: by package path, else by its own directory."""
    path = root / file
    parts = [path.stem]
    folder = path.parent
    while folder != root and (folder / "__init__.py").is_file():
        parts.insert(0, folder.name)
        folder = folder.parent
    for entry in (str(folder), str(root)):
        if entry not in sys.path:
            sys.path.insert(0, entry)
    name = ".".join(parts)
    module = importlib.import_module(name)
    if Path(getattr(module, "__file__", None) or "").resolve() == path.resolve():
        return module
    spec = importlib.util.spec_from_file_location(file.replace("/", "_")[:-3], str(path))
    if spec is None or spec.loader is None:
        raise ImportError(file)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def run_file(root: Path, file: str, suites: list[ET.Element]) -> bool:
    """Run one file into a suite of its own; a file that cannot be loaded is one error."""
    result = RecordingResult(file)
    suites.append(result.suite)
    try:
        module = load(root, file)
    except unittest.SkipTest as skipped:
        add_case(result.suite, file, "", file, ("skipped", str(skipped), ""), 0.0)
        return True
    except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever a test file raises when imported is its result
        text = f"E   {type(error).__name__}: {error}\n"
        trace = traceback.format_exc()
        add_case(result.suite, file, "", file, ("error", "collection failure", trace + text), 0.0)
        return False
    unittest.defaultTestLoader.loadTestsFromModule(module).run(result)
    return result.wasSuccessful()


def nothing_to_start(*_args: object, **_options: object) -> None:
    """Stand in for `unittest.main` while files are imported, which would run what is there and end this process."""


def main(argv: list[str]) -> int:
    """Run all files and write the result at the very end, so that a process cut short leaves no report."""
    target, root, files = Path(argv[1]), Path(argv[2]).resolve(), argv[3:]
    suites: list[ET.Element] = []
    unittest.main = nothing_to_start  # type: ignore[assignment]  # files call it without looking how they were started
    passed = [run_file(root, file, suites) for file in files]
    document = ET.Element("testsuites", name="unittest")
    document.extend(suites)
    ET.ElementTree(document).write(str(target), encoding="utf-8", xml_declaration=True)
    return 0 if all(passed) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv))
