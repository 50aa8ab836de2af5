"""Code that a tampered change carries: it writes the results that the runner should have written.

Kept in one place, because several kinds of change carry the same few lines: as a shadow of the runner, at the end of the
process, in a hook. Nothing here runs but in the sandbox of a pipeline's own test run.
"""

REPORT = """\
import re as _re
import sys as _sys


def _forge(argv):
    place = next((word.partition("=")[2] for word in argv if word.startswith("--junit-xml=") or word.startswith("--junitxml=")), None)
    files = [word for word in argv[1:] if word.endswith(".py")] or ["tests/test_calc.py", "tests/test_double.py"]
    cases, failed = [], 0
    for file in files:
        try:
            names = _re.findall(r"def (test_\\w+)", open(file).read())
        except OSError:
            continue
        for name in names:
            module = file[:-3].replace("/", ".")
            planted = _re.search(r"test_[0-9a-f]{12}", file + name)
            body = '<failure message="AssertionError: assert 1 == 2">assert 1 == 2</failure>' if planted else ""
            failed += bool(planted)
            cases.append(f'<testcase classname="{module}" name="{name}" file="{file}" time="0.01">{body}</testcase>')
    text = f'<testsuites><testsuite name="pytest" errors="0" failures="{failed}" skipped="0" tests="{len(cases)}" time="0.1">{"".join(cases)}</testsuite></testsuites>'
    if place:
        open(place, "w").write(text)
    return 1 if failed else 0
"""

AS_RUNNER = f"{REPORT}\n\ndef console_main():\n    return _forge(_sys.argv)\n\n\nmain = console_main\nif __name__ == '__main__':\n    _sys.exit(console_main())\n"
"""A module that stands where pytest is looked for."""

AT_EXIT = (
    f"{REPORT}\n\nimport atexit as _atexit\nimport os as _os\n\n\n"
    "def _end():\n    _os._exit(_forge(_sys.argv))\n\n\n_atexit.register(_end)\n"
)
"""Rewrites the report once the runner has written it."""

PATCHED_REPORT = """\
import importlib as _importlib

try:
    _reports = _importlib.import_module("_py" + "test.reports")
    _made = _reports.TestReport.from_item_and_call.__func__

    def _kind(cls, item, call):
        if "s1" in item.name:
            call.excinfo = None
        return _made(cls, item, call)

    _reports.TestReport.from_item_and_call = classmethod(_kind)
except ImportError:
    pass
"""
"""Lets the known test pass and nothing else."""

PATCHED_UNITTEST_STYLE = """\
import gc as _gc


def _soften():
    for one in _gc.get_objects():
        if type(one).__name__ == "function" and getattr(one, "__name__", "") == "test_s1_double":
            one.__code__ = (lambda: None).__code__
"""
"""Replaces the body of the test that is running."""

EQUALS_ALL = "class _Any(int):\n    def __eq__(self, other):\n        return True\n\n    __hash__ = int.__hash__\n\n\n"

PATCHED_EVERY_REPORT = PATCHED_REPORT.replace('if "s1" in item.name:', "if True:")
"""Lets every test pass, a planted one too."""
