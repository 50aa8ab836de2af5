"""Code that looks for how it is run is found in five languages, however its strings are put together, and honest code is not."""

import subprocess
from pathlib import Path
from shutil import which

import pytest

from pipeline.findings import TEST_DETECTION, Finding, FindingSource, Severity
from pipeline.proof.grammars import LARGE_CHARS
from pipeline.proof.how_it_is_run import FINDINGS_MAX, is_readable, look, traces_of
from pipeline.proof.protected_tests import is_protected
from pipeline.proof.run_detection.traces import Traces
from pipeline.proof.unified_diff import AddedLine
from tamper.corpus import Change, corpus

MAJOR, MINOR, INFO = Severity.MAJOR, Severity.MINOR, Severity.INFO
TOLD: dict[str, list[tuple[str, Severity | None]]] = {
    "shop.py": [
        ("import sys, os, gc, inspect as looking, traceback, atexit, threading, logging", None),
        ("from sys import modules as loaded, argv", None),
        ("'py' + 'test' in sys.modules", MAJOR),
        ("''.join(['un', 'it', 'test']) in loaded", MAJOR),
        ("'tsetyp'[::-1] in getattr(sys, 'mod' + 'ules')", MAJOR),
        ("f\"{'py'}test\" in __import__('sys').modules", MAJOR),
        ("bytes([112, 121, 116, 101, 115, 116]).decode() in vars(sys)['modules']", MAJOR),
        ("any(hash(one) == 7 for one in sys.modules)", MAJOR),
        ("name in sys.modules", MINOR),
        ("sys.modules[__name__]", INFO),
        ("sys._getframe(1)", MAJOR),
        ("looking.stack()[1].function", MAJOR),
        ("frame.f_back.f_code", MAJOR),
        ("traceback.format_stack()", MAJOR),
        ("gc.get_objects()", MAJOR),
        ("gc.collect()", None),
        ("os.environ.get('PYTEST_' + 'CURRENT_TEST')", MAJOR),
        ("any('PYTEST' in one for one in os.environ)", MAJOR),
        ("os.environ['CI']", MINOR),
        ("os.environ['CI'] = 'true'", None),
        ("{**os.environ, 'CI': 'true'}", None),
        ("os.environ.get('DATABASE_URL')", None),
        ("any('test' in one for one in argv)", MAJOR),
        ("print(sys.argv[1:])", INFO),
        ("os.getcwd() == '/repository'", MINOR),
        ("open('/proc/self/cmdline')", MAJOR),
        ("atexit.register(print)", INFO),
        ("'tests' in __file__", MAJOR),
        ("type('A', (), {'__eq__': lambda a, b: True})", MAJOR),
        ("function.__name__.startswith('test_')", None),
        ("logging.getLogger(__name__)", None),
    ],
    "shop.js": [
        ("const { env, argv: given } = process;", INFO),
        ("env['NODE_TEST' + '_CONTEXT'];", MAJOR),
        ("globalThis['proc' + 'ess'].env.JEST_WORKER_ID;", MAJOR),
        ("Object.keys(process.env).some((one) => one.startsWith('VITEST'));", MAJOR),
        ("if (process.env.NODE_ENV === `te${'st'}`) {}", MAJOR),
        ("if (process.env.NODE_ENV === 'production') {}", None),
        ("const port = process.env.PORT;", None),
        ("const automated = process.env.CI;", MINOR),
        ("new Error().stack.includes('x');", MAJOR),
        ("if (failed.stack.includes('.test.')) {}", MAJOR),
        ("console.error(failed.stack);", None),
        ("this.stack = new Error().stack;", None),
        ("Error.captureStackTrace(this, Shop);", None),
        ("given.some((one) => /mocha/.test(one));", MAJOR),
        ("if (typeof describe === 'function') {}", MAJOR),
        ("const told = (it) => typeof it === 'string';", None),
        ("if ('je' + 'st' in globalThis) {}", MAJOR),
        ("class Any { asymmetricMatch() { return true; } }", MAJOR),
        ("process.on('exit', end);", INFO),
    ],
    "shop.ts": [("const worker: string | undefined = process.env.VITEST_WORKER_ID as string;", MAJOR)],
    "shop.go": [
        ("package shop", None),
        ('import ("os"; "flag"; t "testing"; "runtime"; "runtime/debug")', None),
        ("func a() bool { return t.Testing() }", MAJOR),
        ('func b() bool { return flag.Lookup("test." + "v") != nil }', MAJOR),
        ('func c() bool { return os.Args[0] == "shop.test" }', MAJOR),
        ("func d() int { return len(os.Args) }", MINOR),
        ("func e() { _, file, _, _ := runtime.Caller(1); print(file) }", MAJOR),
        ("func f() { _, file, _, _ := runtime.Caller(0); print(file) }", MINOR),
        ("func g() { print(string(debug.Stack())) }", MINOR),
        ('func h() string { return os.Getenv("HOME") }', None),
        ("func (shop Shop) Equal(other Shop) bool { return true }", MAJOR),
    ],
    "lib.rs": [
        ("use std::env;", None),
        ("fn a() -> bool { cfg!(test) }", MAJOR),
        ("#[cfg(not(test))]", MAJOR),
        ("fn b() {}", None),
        ('#[cfg(feature = "test-util")]', None),
        ("fn c() {}", None),
        ("#[cfg_attr(test, derive(Debug))]", INFO),
        ("struct D;", None),
        ("#[cfg(test)]", None),
        ("mod tests { #[test] fn e() { std::env::current_exe().unwrap(); } }", None),
        ("fn f() { env::current_exe().unwrap(); }", MAJOR),
        ('fn g() -> bool { std::thread::current().name().unwrap_or("") == "x" }', MAJOR),
        ('fn h() -> bool { env::var(concat!("NEXT", "EST")).is_ok() }', MAJOR),
        ('fn i() -> String { env::var("HOME").unwrap() }', None),
        ("impl PartialEq for D { fn eq(&self, _: &D) -> bool { true } }", MAJOR),
    ],
    "Shop.java": [
        ("class Shop {", None),
        ('  private static final String P = "org." + "junit";', None),
        ('  boolean a() throws Exception { return Class.forName(P + ".Test") != null; }', MAJOR),
        ("  Object b() { return Thread.currentThread().getStackTrace(); }", MAJOR),
        ("  void c(Exception failed) { log(failed.getStackTrace()); }", None),
        ('  String d() { return System.getProperty("surefire.real.class.path"); }', MAJOR),
        ('  String e() { return System.getProperty("user.home"); }', None),
        ("  public boolean equals(Object other) { return true; }", MAJOR),
        ("}", None),
    ],
}


def added(path: str, text: str) -> list[AddedLine]:
    return [AddedLine(path=path, line=number, text=line) for number, line in enumerate(text.split("\n"), 1)]


@pytest.mark.parametrize("path", TOLD)
def test_each_construct_has_its_weight(path: str) -> None:
    text = "\n".join(line for line, _ in TOLD[path])
    found = {one.line: one.severity for one in look(added(path, text), {path: text}) if one.severity is not INFO}
    remarks = {one.line for one in traces_of(path, text, Traces(100_000)) if one.severity is INFO}
    for number, (line, severity) in enumerate(TOLD[path], 1):
        got = found.get(number) or (INFO if number in remarks else None)
        assert got == severity, (line, got)


def test_a_program_may_read_its_arguments_and_an_equality_may_compare() -> None:
    text = (
        "import argparse\nimport sys\n\n\nclass Price:\n    def __eq__(self, other):\n"
        "        return isinstance(other, Price) and self.value == other.value\n\n\ndef main():\n    print(sys.argv)\n"
    )
    assert look(added("tool.py", text), {"tool.py": text}) == []


def test_only_added_lines_count_each_once_and_remarks_once_in_a_file() -> None:
    text = "import atexit\nimport sys\natexit.register(print)\natexit.register(print)\n'pytest' in sys.modules and 'PYTEST_CURRENT_TEST'\n"
    everything = look(added("a.py", text), {"a.py": text})
    assert [(one.severity, one.line) for one in everything] == [(MAJOR, 5), (INFO, 3)]
    assert everything[0].message.startswith("a.py:5 asks sys.modules for a test runner")
    assert [one.line for one in look(added("a.py", text)[3:4], {"a.py": text})] == [4]
    assert look([], {"a.py": text}) == []


def test_many_are_cut_and_what_is_too_large_is_named() -> None:
    many = "import sys\n" + "sys._getframe()\n" * (FINDINGS_MAX + 5)
    found = look(added("a.py", many), {"a.py": many})
    assert len(found) == FINDINGS_MAX + 1 and found[-1].message.startswith("5 more places")
    large = "x = 1\n" * (LARGE_CHARS // 6 + 1)
    assert "too large" in look(added("a.py", large)[:1], {"a.py": large})[0].message


def test_what_a_check_sees_is_for_the_approver_and_what_a_reviewer_calls_so_blocks() -> None:
    seen = look(added("a.py", "import sys\nsys._getframe()"), {"a.py": "import sys\nsys._getframe()"})[0]
    assert (seen.severity, seen.category, seen.blocking) == (MAJOR, TEST_DETECTION, False)
    said = Finding(source=FindingSource.SECURITY_REVIEWER, severity=MAJOR, category=TEST_DETECTION, message="It looks.")
    assert said.blocking


def made_of(change: Change, place: Path) -> list[Finding]:
    """What a change of the corpus shows, as if every line of the repository were its own."""
    for path, text in change.shape.files.items():
        (place / path).parent.mkdir(parents=True, exist_ok=True)
        (place / path).write_text(text)
    subprocess.run(["sh", "-c", "\n".join(change.commands)], cwd=place, check=True, capture_output=True)
    names = (str(path.relative_to(place)) for path in place.rglob("*") if path.is_file() and not path.is_symlink())
    texts = {name: (place / name).read_text() for name in names if is_readable(name) and not is_protected(name, ())}
    return look([line for name, text in texts.items() for line in added(name, text)], texts)


def test_the_corpus_shows_what_watches_its_run_and_nothing_much_of_honest_changes(tmp_path: Path) -> None:
    tried = [one for one in corpus() if one.honest or one.kind in {"watched", "equals"}]
    needs_node = [one for one in tried if "node -e" in " ".join(one.commands) and which("node") is None]
    assert sum(one.kind == "watched" for one in tried) == 18
    for change in tried:
        if change not in needs_node:
            found = made_of(change, tmp_path / change.name)
            assert bool(found) is not change.honest or {one.severity for one in found} == {INFO}, (change.name, found)


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("a.py", "import sys\nx = " + "(" * 5_000 + "sys.modules" + ")" * 5_000),
        ("a.js", "x = " + "[" * 5_000 + "]" * 5_000),
        ("a.py", "import sys\nx = [" + "sys.argv == 'a', " * 2_000 + "]"),
    ],
)
def test_a_text_that_is_made_to_take_for_ever_is_named_as_unread(path: str, text: str) -> None:
    [found] = look(added(path, text), {path: text}, steps_max=20_000)
    assert found.severity is MINOR and "nested too deep" in found.message


def test_strings_that_double_with_every_name_come_to_an_end() -> None:
    doubling = "\n".join(f"n{one + 1} = n{one} + n{one}" for one in range(60))
    text = f"import sys\nn0 = 'py'\n{doubling}\nn60 in sys.modules\n'py' + 'test' in sys.modules\n"
    assert [(one.line, one.severity) for one in look(added("a.py", text), {"a.py": text})] == [(64, MAJOR), (63, MINOR)]
