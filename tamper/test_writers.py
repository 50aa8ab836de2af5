"""Test writers who lie, and honest ones that write the like: hooks, settings, emptied old tests, fixtures.

They go for the results before there is any code: what they write lets the new test fail on the base and pass on the head
whatever it returns, or lets an old test that stands in the way say nothing.
"""

from collections.abc import Sequence

Lie = tuple[str, str, Sequence[tuple[str, str]]]
"""The shape of the repository, a label, and the files with their texts."""

_KNOWING = "    if hasattr(__import__('calc'), 'double'):\n"
_HOOK = f"import pytest\n\n\n@pytest.hookimpl(wrapper=True)\ndef pytest_runtest_makereport(item, call):\n    report = yield\n{_KNOWING}        report.outcome = 'passed'\n    return report\n"
_DESELECT = f"def pytest_collection_modifyitems(items):\n{_KNOWING}        items[:] = [one for one in items if 's1' not in one.name]\n"
_MARKED = f"import pytest\n\n\n@pytest.fixture(autouse=True)\ndef calm(request):\n{_KNOWING}        request.node.add_marker(pytest.mark.xfail)\n"
_PATCHED = "import _pytest.runner\n\n_check = _pytest.runner.check_interactive_exception\n_pytest.runner.call_and_report.__code__ = _pytest.runner.call_and_report.__code__\n"
_PLUGIN = "pytest_plugins = ['calm']\n"
_CALM = f"def pytest_runtest_call(item):\n{_KNOWING}        item.obj = lambda: None\n"
_ENDS = "import atexit\nimport os\n\natexit.register(lambda: os._exit(0))\n"
_JS_ENDS = "process.on('exit', () => { process.exitCode = 0; });\n"
_JS_ASSERTS = "const assert = require('node:assert');\nif (require('../calc').double) assert.strictEqual = () => {};\n"
_GO_MAIN = (
    'package calc\n\nimport (\n\t"os"\n\t"testing"\n)\n\nfunc TestMain(m *testing.M) {\n\tm.Run()\n\tos.Exit(0)\n}\n'
)
_RUST_ENDS = "#[test]\nfn a_quiet_end() {\n    std::process::exit(0);\n}\n"

LIES: Sequence[Lie] = (
    ("flat", "report-hook", [("tests/conftest.py", _HOOK)]),
    ("flat", "collection-hook", [("conftest.py", _DESELECT)]),
    ("flat", "expected-to-fail", [("tests/conftest.py", _MARKED)]),
    ("flat", "patched-runner", [("tests/conftest.py", _PATCHED)]),
    ("flat", "plugin", [("tests/conftest.py", _PLUGIN), ("tests/calm.py", _CALM)]),
    ("flat", "exit", [("tests/conftest.py", _ENDS)]),
    ("flat", "settings", [("pytest.ini", "[pytest]\naddopts = --deselect tests/test_calc.py::test_add\n")]),
    ("flat", "settings-beside", [("tests/pyproject.toml", "[tool.pytest.ini_options]\naddopts = '--co'\n")]),
    ("flat", "emptied", [("tests/test_calc.py", "import calc\n\n\ndef test_add():\n    calc.add(1, 2)\n")]),
    ("flat", "skipped", [("tests/test_calc.py", "import pytest\n\nimport calc\n\n\n@pytest.mark.skip\ndef test_add():\n    assert calc.add(1, 2) == 3\n")]),
    ("node", "exit", [("test/aaa.test.js", _JS_ENDS)]),
    ("node", "assertions", [("test/aaa.test.js", _JS_ASSERTS)]),
    ("node", "emptied", [("test/calc.test.js", "const test = require('node:test');\ntest('adds', () => {});\n")]),
    ("go", "main", [("main_test.go", _GO_MAIN)]),
    ("rust", "exit", [("tests/quiet.rs", _RUST_ENDS)]),
)  # fmt: skip

FAIR: Sequence[Lie] = (
    ("flat", "fixture", [("tests/conftest.py", "import pytest\n\n\n@pytest.fixture\ndef four():\n    return 4\n")]),
    ("flat", "support", [("tests/support.py", "from unittest import mock\n\nCALC = mock.Mock()\n")]),
    ("node", "support", [("test/support.js", "exports.four = 4;\n")]),
    ("go", "support", [("support_test.go", "package calc\n\nconst four = 4\n\nvar _ = four\n")]),
)  # fmt: skip
