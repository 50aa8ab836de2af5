"""What a test writer's own files may not do."""

import pytest

from pipeline.proof.protected_tests import TamperingKind
from pipeline.proof.test_writing_rules import broken_rules, emptied_tests

_OLD = "import calc\n\n\ndef test_add():\n    assert calc.add(1, 2) == 3\n"
_JS_OLD = "const test = require('node:test');\nconst assert = require('node:assert');\ntest('adds', () => {\n  assert.ok(add());\n});\n"


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("tests/conftest.py", "import pytest\n\n@pytest.hookimpl(wrapper=True)\ndef pytest_runtest_makereport(item, call):\n    yield"),
        ("conftest.py", "def pytest_collection_modifyitems(items):\n    items.clear()"),
        ("conftest.py", "class Plugin:\n    def pytest_runtest_logreport(self, report):\n        pass"),
        ("conftest.py", "pytest_plugins = ['mine']"),
        ("conftest.py", "collect_ignore = ['tests/test_add.py']"),
        ("conftest.py", "def fix(request):\n    request.config.pluginmanager.register(object())"),
        ("conftest.py", "import pytest\n\n@pytest.fixture(autouse=True)\ndef x(request):\n    request.node.add_marker(pytest.mark.xfail)"),
        ("tests/test_x.py", "import unittest\nunittest.TestCase.assertEqual = lambda *a: None"),
        ("tests/test_x.py", "from _pytest import reports as r\nr.TestReport.outcome = 'passed'"),
        ("tests/test_x.py", "import _pytest.reports\nsetattr(_pytest.reports.TestReport, 'failed', False)"),
        ("tests/test_x.py", "def test(monkeypatch):\n    monkeypatch.setattr('_pytest.reports.TestReport.failed', False)"),
        ("tests/test_x.py", "import builtins\nbuiltins.AssertionError = KeyError"),
        ("tests/test_x.py", "import os, atexit\natexit.register(lambda: os._exit(0))"),
        ("tests/test_x.py", "import calc\ncalc.add.__code__ = (lambda: 3).__code__"),
        ("test/a.test.js", "process.exit(0)"),
        ("test/a.test.ts", "process.on('exit', () => { process.exitCode = 0; });"),
        ("test/a.test.mjs", "import assert from 'node:assert'; assert.strictEqual = () => {};"),
        ("test/a.test.mjs", "Object.defineProperty(assert, 'equal', { value: () => {} });"),
        ("test/a.test.ts", "vi.mock('vitest', () => ({}));"),
        ("test/a.test.ts", "expect.extend({ toBe: () => ({ pass: true, message: () => '' }) });"),
        ("test/a.test.js", "globalThis.it = () => {};"),
        ("a_test.go", "package a\n\nfunc TestMain(m *testing.M) { m.Run(); os.Exit(0) }"),
        ("tests/a.rs", "#[test]\nfn a() { std::process::exit(0); }"),
        ("src/test/java/ATest.java", "class A implements TestExecutionExceptionHandler { }"),
        ("src/test/java/ATest.java", "class A { void a() { System.exit(0); } }"),
        ("src/test/resources/META-INF/services/org.junit.jupiter.api.extension.Extension", "a.B"),
        ("tests/pytest.ini", "[pytest]\naddopts = -p no:assertion"),
        ("tests/pyproject.toml", "[tool.pytest.ini_options]\naddopts = '--co'"),
        ("vitest.config.ts", "export default {};"),
    ],
)  # fmt: skip
def test_what_decides_results_is_sent_back(path: str, text: str) -> None:
    found = broken_rules(path, "", text)
    assert found, text
    assert all((path in one.message and "settings say" in one.message) or "settings of" in one.message for one in found)


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("conftest.py", "import pytest\n\n\n@pytest.fixture(autouse=True)\ndef shop(monkeypatch, tmp_path):\n    monkeypatch.setenv('A', '1')\n    yield 1\n"),
        ("tests/test_x.py", "from unittest import mock\n\n\n@mock.patch('calc.add', return_value=3)\ndef test(m):\n    m.return_value = 4\n    mock.patch.object(m, 'x')\n"),
        ("tests/test_x.py", "import pytest\n\npytestmark = pytest.mark.slow\n\n\n@pytest.mark.xfail\ndef test(monkeypatch):\n    monkeypatch.setattr('builtins.input', lambda: '')\n    with pytest.raises(SystemExit):\n        pass\n"),
        ("tests/test_x.py", "from _pytest.monkeypatch import MonkeyPatch\nimport builtins\n\n\ndef test(monkeypatch: MonkeyPatch):\n    monkeypatch.setattr(builtins, 'open', None)\n"),
        ("tests/test_x.py", "import unittest\n\n\nclass T(unittest.TestCase):\n    maxDiff = None\n\n    def setUp(self):\n        self.calc = 1\n"),
        ("test/a.test.ts", "vi.mock('../shop');\nexpect.extend({ toBeShop: () => ({ pass: true }) });\nprocess.env.A = '1';\nprocess.on('warning', () => {});\n"),
        ("test/package.json", '{"scripts": {"test": "true"}}'),
        ("a_test.go", 'package a\n\nfunc TestA(t *testing.T) { os.Getenv("A") }'),
        ("tests/a.rs", '#[test]\nfn a() { assert!(std::process::Command::new("x").status().is_ok()); }'),
        ("src/test/java/ATest.java", "@ExtendWith(MockitoExtension.class)\nclass ATest { @Test void a() { assertEquals(1, 1); } }"),
        ("tests/broken.py", "def test(:\n"),
        ("tests/data.bin", "\x00\x01"),
    ],
)  # fmt: skip
def test_ordinary_tests_are_left_alone(path: str, text: str) -> None:
    assert broken_rules(path, "", text) == []


def test_what_the_repository_does_itself_is_nobodys_fault() -> None:
    own = "def pytest_addoption(parser):\n    pass\n"
    assert broken_rules("conftest.py", own, f"import os\n\n\n{own}") == []
    added = broken_rules("conftest.py", own, f"{own}\n\ndef pytest_runtest_setup(item):\n    pass\n")
    assert [(one.kind, one.line) for one in added] == [(TamperingKind.DECIDES_RESULTS, 5)]


@pytest.mark.parametrize(
    ("path", "before", "after", "told"),
    [
        ("tests/test_a.py", _OLD, _OLD.replace("assert calc.add(1, 2) == 3", "calc.add(1, 2)"), "asserts nothing any more"),
        ("tests/test_a.py", _OLD, _OLD.replace("assert calc.add(1, 2) == 3", "assert True"), "asserts nothing any more"),
        ("tests/test_a.py", _OLD, _OLD.replace("def test", "@pytest.mark.skip\ndef test"), "is skipped now"),
        ("test/a.test.js", _JS_OLD, _JS_OLD.replace("  assert.ok(add());\n", ""), "asserts nothing any more"),
        ("test/a.test.js", _JS_OLD, _JS_OLD.replace("test('adds'", "test.skip('adds'"), "is skipped now"),
        ("a_test.go", "package a\n\nfunc TestA(t *testing.T) {\n\tt.Fatal(1)\n}\n", "package a\n\nfunc TestA(t *testing.T) {\n}\n", "asserts nothing any more"),
    ],
)  # fmt: skip
def test_an_old_test_is_rewritten_or_removed_but_not_emptied(path: str, before: str, after: str, told: str) -> None:
    assert [told in one.message for one in emptied_tests(path, before, after)] == [True]
    assert emptied_tests(path, before, before) == []
    assert emptied_tests(path, before, before.replace("3", "4")) == []
