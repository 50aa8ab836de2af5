"""Runs unittest files with the target environment's own Python and writes JUnit XML.

Copied beside the checkout and executed there, so it uses the standard library alone, imports nothing of Changeline and
keeps to syntax that Python 3.8 understands. Usage: `python unittest_junit.py RESULT.xml ROOT FILE...`.
"""

import importlib
import importlib.util
import sys
import time
import traceback
import unittest
from pathlib import Path
from xml.etree import ElementTree as ET


class RecordingResult(unittest.TestResult):
    """Keeps one record per test, subtests folded into their test."""

    def __init__(self, file: str) -> None:
        super().__init__()
        self.file = file
        self.suite = ET.Element("testsuite", name="unittest")
        self.started = 0.0
        self.problems: list = []

    def startTest(self, test):
        super().startTest(test)
        self.started, self.problems = time.perf_counter(), []

    def stopTest(self, test):
        super().stopTest(test)
        self.record(test, self.problems[0] if self.problems else None)
        self.problems = []

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self.note(test, "failure", err)

    def addError(self, test, err):
        super().addError(test, err)
        assertion = getattr(test, "_testMethodName", None) is not None and in_test_body(test, err)
        self.note(test, "failure" if assertion else "error", err)

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err is not None:
            self.note(test, "failure", err)

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self.problems.append(("skipped", reason, ""))

    def addExpectedFailure(self, test, err):
        super().addExpectedFailure(test, err)
        self.problems.append(("skipped", "expected failure", ""))

    def addUnexpectedSuccess(self, test):
        super().addUnexpectedSuccess(test)
        self.problems.append(("failure", "AssertionError: unexpected success", ""))

    def note(self, test, tag, err):
        kind, value, trace = err
        message = "%s: %s" % (kind.__name__, value)
        text = "".join(traceback.format_exception(kind, value, trace))
        if getattr(test, "_testMethodName", None) is None:
            self.record(test, ("error", message, text))
        else:
            self.problems.append((tag, message, text))

    def record(self, test, problem):
        name = getattr(test, "_testMethodName", None) or str(test)
        classname = type(test).__qualname__ if hasattr(test, "_testMethodName") else ""
        add_case(self.suite, self.file, classname, name, problem, time.perf_counter() - self.started)


def in_test_body(test, err):
    """Tell a test that raised from a fixture that raised: the test method is on the traceback."""
    names = [frame.name for frame in traceback.extract_tb(err[2])]
    return getattr(test, "_testMethodName", "") in names


def add_case(suite, file, classname, name, problem, seconds):
    """Append one `<testcase>`."""
    case = ET.SubElement(suite, "testcase", classname=classname, name=name, file=file, time="%.3f" % max(seconds, 0))
    if problem is not None:
        tag, message, text = problem
        ET.SubElement(case, tag, message=printable(message)).text = printable(text)


def printable(text):
    """Replace what XML cannot carry."""
    return "".join(char if char in "\t\n" or 32 <= ord(char) < 0xD800 or 0xE000 <= ord(char) < 0xFFFE else "?" for char in str(text))


def load(root, file):
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
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def run_file(root, file, suites):
    """Run one file into a suite of its own; a file that cannot be loaded is one error."""
    result = RecordingResult(file)
    suites.append(result.suite)
    try:
        module = load(root, file)
    except unittest.SkipTest as skipped:
        add_case(result.suite, file, "", file, ("skipped", str(skipped), ""), 0.0)
        return True
    except Exception as error:  # noqa: BLE001 - whatever a test file raises when imported is its result
        text = "E   %s: %s\n" % (type(error).__name__, error)
        trace = traceback.format_exc()
        add_case(result.suite, file, "", file, ("error", "collection failure", trace + text), 0.0)
        return False
    unittest.defaultTestLoader.loadTestsFromModule(module).run(result)
    return result.wasSuccessful()


def main(argv):
    """Run all files and write the result at the very end, so that a process cut short leaves no report."""
    target, root, files = Path(argv[1]), Path(argv[2]).resolve(), argv[3:]
    suites: list = []
    passed = [run_file(root, file, suites) for file in files]
    document = ET.Element("testsuites", name="unittest")
    document.extend(suites)
    ET.ElementTree(document).write(str(target), encoding="utf-8", xml_declaration=True)
    return 0 if all(passed) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv))
