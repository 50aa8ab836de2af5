"""When a base's own suite says nothing, in the runner's words, with one remedy."""

import pytest

from pipeline.proof.baseline import best_of, compare_suites, suite_in_words
from pipeline.proof.suite_trouble import trouble_of
from pipeline.proof.test_reports import SUITE, Outcome, TestCaseResult, TestReport, failure

USAGE = "ERROR: usage: python -m pytest [options] [file_or_dir] [...]\n__main__.py: error: unrecognized arguments: -n --cov=acme --timeout=60\n  inifile: /x/pyproject.toml\n"


def case(
    name: str, outcome: Outcome = Outcome.PASSED, message: str = "", exception: str | None = None
) -> TestCaseResult:
    told = failure(message, exception=exception) if outcome.bad else None
    file = name.partition("::")[0]
    return TestCaseResult(test_id=name, file=file, name=name.rpartition("::")[2], outcome=outcome, failure=told)


def report(
    code: int, *cases: TestCaseResult, output: str = "", per_test: bool = True, timed_out: bool = False
) -> TestReport:
    return TestReport(
        command=("pytest",), exit_code=code, cases=cases, output_tail=output, per_test=per_test, timed_out=timed_out,
        duration_ms=60_000,
    )  # fmt: skip


EXITED = (
    'INTERNALERROR>   File "/usr/x.py", line 3, in load\nINTERNALERROR>     exec(it)\nINTERNALERROR>   File "/w/lib/test_a.py", line 8, '
    "in <module>\nINTERNALERROR>     sys.exit(main())\nINTERNALERROR> SystemExit: 0\nmainloop: caught unexpected SystemExit!\n"
)
EXIT_2 = case(SUITE, Outcome.FAILED, "The command ended with exit code 2.")
UNLOADED = case("test_a.py", Outcome.ERROR, "No module named 'shop'", "ModuleNotFoundError")


@pytest.mark.parametrize(
    ("ran", "runner", "error", "remedy"),
    [
        (report(4, output=USAGE), "pytest", "unrecognized arguments: -n --cov=acme --timeout=60", "pytest-cov, pytest-xdist, pytest-timeout"),
        (report(2, UNLOADED), "pytest", "ModuleNotFoundError: No module named 'shop'", "shop is not installed"),
        (
            report(1, case(SUITE, Outcome.FAILED, "The command ended with exit code 127."), output="sh: 1: tox: not found\n", per_test=False),
            "command", "sh: 1: tox: not found", "test_command",
        ),
        (report(127, case(SUITE, Outcome.FAILED, "x"), output="sh: 1: bats: not found\n", per_test=False), "command", "bats: not found", "Install the program"),
        (report(1, case("test_a.py", Outcome.ERROR, "Requested setting DATABASES, but settings are not configured.", "ImproperlyConfigured")), "unittest", "ImproperlyConfigured", "python web/manage.py test"),
        (report(1, output="Error: Cannot find module 'tsx'\n"), "node_test", "Cannot find module 'tsx'", "tsx is not installed"),
        (report(1, timed_out=True), "pytest", "no error", "test_timeout_s"),
        (report(4, output="ERROR: Unknown config option: asyncio_mode\n"), "pytest", "asyncio_mode", "pytest-asyncio"),
        (report(1, case("t.py::a", Outcome.ERROR, "fixture 'mocker' not found")), "pytest", "fixture 'mocker'", "pytest-mock"),
        (report(1, case("t.py::a", Outcome.ERROR, "failed on setup: Connection refused")), "unittest", "Connection refused", "a service or the network"),
        (report(4, output="ERROR: Missing required plugins: pytest-sugar\n"), "pytest", "pytest-sugar", "Declare pytest-sugar"),
        (report(3, case("pytest::internal", Outcome.ERROR, "internal error"), output=EXITED), "pytest", "lib/test_a.py:8: SystemExit: 0", "__main__"),
        (report(3, case("pytest::internal", Outcome.ERROR, "internal error"), output="INTERNALERROR> OSError: no space\n"), "pytest", "OSError: no space", "clean clone"),
        (report(3, output="INTERNALERROR>   raise x\nINTERNALERROR> pytest.PytestWarning: unset\n"), "pytest", "pytest.PytestWarning: unset", "clean clone"),
        (report(2, case("test_a.py", Outcome.ERROR, "'ACME_KEY'", "KeyError"), output="os.environ['ACME_KEY']"), "pytest", "KeyError: 'ACME_KEY'", "`environment` in .changeline"),
        (report(2, case("test_a.py", Outcome.ERROR, "expected '('", "SyntaxError")), "pytest", "SyntaxError: expected", "requires-python"),
        (report(2, case("test_a.py", Outcome.ERROR, "Missing parentheses in call to 'print'.", "SyntaxError")), "pytest", "SyntaxError", "Python 2"),
        (report(2, case("test_a.py", Outcome.ERROR, "No module named 'acme.core'", "ModuleNotFoundError")), "pytest", "acme", '["deep/lib"]'),
        (
            report(2, EXIT_2, output="cd web && bundle exec rake\nmake: bundle: No such file or directory\nmake: *** [Makefile:2: test] Error 127\n", per_test=False),
            "command", "make: bundle: No such file or directory", "Install the program",
        ),
        (
            report(2, case(SUITE, Outcome.FAILED, "browserType.launch: Executable doesn't exist at /x", "Error"), output="Executable doesn't exist\n", per_test=False),
            "npm_script", "Executable doesn't exist", "Install the program",
        ),
        (
            report(2, case(SUITE, Outcome.FAILED, "connect ECONNREFUSED 127.0.0.1:5432", "Error"), output="Error: connect ECONNREFUSED 127.0.0.1:5432\n", per_test=False),
            "npm_script", "ECONNREFUSED", "without network",
        ),
        (report(9, output="node: bad option: --experimental-strip-types\n"), "node_test", "bad option", "clean clone"),
        (report(1, case("a.test.js", Outcome.ERROR, "Cannot find module '/tree/dist/index.js'", "Error")), "jest", "dist/index.js", "`setup` in .changeline"),
        (
            report(101, output="error: rustc 1.95.0 is not supported by the following package:\n  acme@0.1.0 requires rustc 1.99\n"),
            "cargo_test", "rustc 1.95.0 is not supported", "Another version is needed",
        ),
        (report(1, output="Error: Could not locate the bindings file. Tried: x.node\n"), "mocha", "bindings file", "INSTALL_SCRIPTS"),
    ],
)  # fmt: skip
def test_what_keeps_a_suite_from_running_is_told_with_its_remedy(
    ran: TestReport, runner: str, error: str, remedy: str
) -> None:
    files = ["manage.py.txt", "web/manage.py", "test_a.py", "lib/test_a.py", "deep/lib/acme/core.py"]
    if ran.exit_code == 1 and not ran.per_test:
        ran = report(127, *ran.cases, output=ran.output_tail, per_test=False)
    found = trouble_of(ran, runner=runner, test_files=1, files=files)
    assert found is not None
    assert error in found.error
    assert remedy in found.remedy


def test_what_a_failed_build_leaves_out_is_told_with_why_it_failed() -> None:
    ran = report(2, case("test_a.py", Outcome.ERROR, "cannot import name '_fast' from 'acme'", "ImportError"))
    found = trouble_of(ran, runner="pytest", test_files=1, files=[], not_built="cargo is not there")
    assert found is not None and "could not be built" in found.remedy and "cargo is not there" in found.remedy


def test_a_compiled_suite_stops_although_its_tests_lie_in_the_sources() -> None:
    said = report(101, output="error: failed to parse manifest at Cargo.toml\n")
    found = trouble_of(said, runner="cargo_test", test_files=0, files=[])
    assert found is not None and "failed to parse manifest" in found.error


@pytest.mark.parametrize(
    ("ran", "runner", "test_files"),
    [
        (report(0, case("test_a.py::test_a")), "pytest", 1),
        (report(1, case("test_a.py::test_a", Outcome.FAILED, "assert 0"), UNLOADED), "pytest", 2),
        (report(2, case("test_a.py::test_a"), UNLOADED), "pytest", 2),
        (report(1, case("t.py::a", Outcome.ERROR, "fixture 'x' not found"), case("t.py::b")), "pytest", 1),
        (report(1, case("t.py::a", Outcome.ERROR, "no database"), case("t.py::b", Outcome.FAILED, "x")), "pytest", 1),
        (report(0, case("t.py::a", Outcome.SKIPPED)), "pytest", 1),
        (report(5), "pytest", 0),
        (report(5), "pytest", 3),
        (report(1, output="No tests found"), "jest", 0),
        (report(2, case(SUITE, Outcome.FAILED, "expected 8, got 4"), per_test=False), "command", 1),
        (
            report(
                2,
                EXIT_2,
                output="tests/a.sh: 3: ./double: not found\nmake: *** [Makefile:2: test] Error 1\n",
                per_test=False,
            ),
            "command",
            1,
        ),
    ],
)
def test_a_suite_that_ran_or_has_nothing_to_run_is_no_trouble(ran: TestReport, runner: str, test_files: int) -> None:
    assert trouble_of(ran, runner=runner, test_files=test_files, files=[]) is None


def test_what_passes_again_is_flaky_and_nobodys_fault() -> None:
    base = report(0, case("t.py::a"), case("t.py::race"))
    head = report(1, case("t.py::a", Outcome.FAILED, "wrong"), case("t.py::race", Outcome.FAILED, "late"))
    blamed = compare_suites(base=base, head=head)
    assert blamed.new_failures == ("t.py::a", "t.py::race")
    again = best_of([head, report(1, case("t.py::a", Outcome.FAILED, "wrong"), case("t.py::race"))])
    told = compare_suites(base=base, head=head, second_head=again)
    assert (told.new_failures, told.flaky) == (("t.py::a",), ("t.py::race",))
    assert suite_in_words(head, told) == "not green: 2 failed (1 flaky, 1 new)"


def test_a_suite_with_failures_is_never_called_green() -> None:
    old = case("t.py::old", Outcome.FAILED, "assert 0")
    ran = report(1, case("t.py::a"), old)
    compared = compare_suites(base=ran, head=ran)
    assert compared.ok
    assert suite_in_words(ran, compared) == "not green: 1 failed, 1 passed (1 fail on the base too)"
    good = report(0, case("t.py::a"))
    assert suite_in_words(good, compare_suites(base=good, head=good)) == "green: 1 passed"
