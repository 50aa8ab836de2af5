"""What a check says of repositories as people have them."""

import asyncio

from pipeline.survey.record import OutsideNeed, RemarkKind, SuiteVerdict, SurveyState, SurveyStep
from tests.survey.conftest import Checks

CODE = {"calc.py": "def add(a, b):\n    return a + b\n"}
GOOD = {"tests/test_calc.py": "from calc import add\n\n\ndef test_adds():\n    assert add(1, 2) == 3\n"}


def test_a_clean_repository_is_told_with_its_parts_versions_and_two_runs(checks: Checks) -> None:
    slow = {"tests/test_slow.py": "import time\n\n\ndef test_slow():\n    time.sleep(0.6)\n"}
    repository = checks.repository({**CODE, **GOOD, **slow})
    killed = checks.root / "data" / "worktrees" / "surveys" / "survey-killed"
    (killed / "first_run-1").mkdir(parents=True)
    found = checks.found()
    assert not killed.exists(), "what a killed check left goes with the next"
    assert (found.verdict, found.base_commit, found.trouble) == (SuiteVerdict.CLEAN, repository.head(), None)
    (component,) = found.components
    assert (component.language, component.runner, component.root) == ("python", "pytest", ".")
    assert {version.name for version in component.versions} == {"python", "pytest"}
    suite = component.suite
    assert suite is not None and suite.second is not None
    assert (suite.found, suite.first.passed, suite.second.passed) == (2, 2, 2)
    assert [one.test for one in suite.slow] == ["tests/test_slow.py::test_slow"] and suite.slow[0].seconds >= 0.6
    assert suite.first.memory_peak_bytes > 1024**2
    assert repository.refs() == ["refs/heads/main"], "a check writes nothing to the repository"
    assert found.warning is None


def test_failing_flaky_and_needy_tests_are_told_apart(checks: Checks) -> None:
    checks.repository(
        {
            **CODE,
            "tests/test_calc.py": "from calc import add\n\n\ndef test_wrong():\n    assert add(1, 2) == 4\n",
            "tests/test_coin.py": "import os\n\n\ndef test_coin():\n    assert os.stat('.').st_ino % 1 == 1 or not FIRST\n\n\n"
            "FIRST = 'first_run' in os.path.realpath('/proc/self/cwd') + open('/proc/self/mountinfo').read()\n",
            "tests/test_outside.py": "import socket\n\n\ndef test_database():\n    socket.create_connection(('127.0.0.1', 5432))\n\n\n"
            "def test_network():\n    socket.create_connection(('example.com', 80))\n",
        }
    )
    found = checks.found()
    (component,) = found.components
    suite = component.suite
    assert found.verdict is SuiteVerdict.FLAKY and suite is not None
    assert [one.test for one in suite.flaky] == ["tests/test_coin.py::test_coin"]
    assert (suite.flaky[0].first, suite.flaky[0].second) == ("failed", "passed")
    assert {one.test: one.need for one in suite.needy} == {
        "tests/test_outside.py::test_database": OutsideNeed.SERVICE,
        "tests/test_outside.py::test_network": OutsideNeed.NETWORK,
    }
    assert [one.what for one in suite.needy if one.need is OutsideNeed.SERVICE] in (["PostgreSQL (port 5432)"], [""])
    assert suite.failing_count == 3 and "assert 3 == 4" in suite.failing[0].said


def test_a_suite_that_cannot_run_is_told_in_the_runners_words_with_the_remedy(checks: Checks) -> None:
    checks.repository({**CODE, **GOOD, "pytest.ini": "[pytest]\naddopts = --numprocesses=4\n"})
    found = checks.found()
    (component,) = found.components
    assert component.trouble is not None and found.verdict is SuiteVerdict.BROKEN
    assert component.trouble.step is SurveyStep.FIRST_RUN
    assert "unrecognized arguments: --numprocesses=4" in component.trouble.error
    assert "pytest-xdist" in component.trouble.remedy
    assert found.warning is not None and component.trouble.remedy in found.warning


def test_what_stands_in_the_way_is_said_early(checks: Checks) -> None:
    said = "commands:\n  lint: STRICT=1 frobnicate --all\n  format: sh format.sh\n"
    repository = checks.repository(
        {
            **CODE, **GOOD, ".changeline/repository.yaml": said,
            "CONTRIBUTING.md": "Please sign your commits off: `git commit -s` (DCO).\n",
        }
    )  # fmt: skip
    repository.git("branch", "changeline")
    remarks = {one.kind: one for one in checks.found().remarks}
    assert set(remarks) == {RemarkKind.SIGN_OFF, RemarkKind.BRANCH_IN_THE_WAY, RemarkKind.TOOLS}
    assert remarks[RemarkKind.TOOLS].message.startswith("`frobnicate` is not there")
    assert ".changeline/repository.yaml" in remarks[RemarkKind.TOOLS].message and remarks[RemarkKind.TOOLS].remedy
    assert "CHANGELINE_GIT__SIGN_OFF=true" in remarks[RemarkKind.SIGN_OFF].remedy
    assert "`changeline`" in remarks[RemarkKind.BRANCH_IN_THE_WAY].remedy
    checks.sign_off = True
    again = {one.kind: one for one in checks.found().remarks}
    assert again[RemarkKind.SIGN_OFF].remedy == ""


def test_each_component_is_told_with_where_its_values_come_from(checks: Checks) -> None:
    checks.repository(
        {
            "api/pyproject.toml": '[project]\nname = "api"\nversion = "1"\n',
            "api/calc.py": CODE["calc.py"],
            "api/tests/test_calc.py": GOOD["tests/test_calc.py"],
            "web/package.json": '{"name": "web", "scripts": {"test": "node --test"}}',
            "web/sum.test.js": "require('node:test')('sums', () => { throw new Error('wrong'); });\n",
            "jobs/pyproject.toml": '[project]\nname = "jobs"\nversion = "1"\nrequires-python = ">=3.99"\n',
            "jobs/tests/test_jobs.py": "def test_jobs():\n    assert True\n",
        }
    )
    found = checks.found()
    api, jobs, web = found.components
    assert found.verdict is SuiteVerdict.PARTLY and jobs.trouble is not None
    assert found.warning == (
        f"The last check says that the suite in jobs cannot run: {jobs.trouble.message.rstrip('.')}. {jobs.trouble.remedy} "
        "Only a change that touches it stops."
    )
    assert ">=3.99" in jobs.trouble.message
    assert (api.root, api.language, api.verdict) == ("api", "python", SuiteVerdict.CLEAN)
    assert (web.root, web.language, web.verdict) == ("web", "node", SuiteVerdict.FAILING)
    assert {version.name for version in web.versions} >= {"node"}
    assert web.suite is not None and web.suite.failing[0].test.startswith("web/sum.test.js::")
    said = {(one.name, one.value): one.origin for one in web.values}
    assert said["test", "npm test"] == "found by web/package.json"


def test_a_repository_without_any_stack_says_what_to_set(checks: Checks) -> None:
    checks.repository({"README.md": "# Nothing\n"})
    found = checks.found()
    assert found.trouble is not None and found.trouble.step is SurveyStep.DETECTING
    assert found.trouble.remedy and found.verdict is SuiteVerdict.BROKEN


def test_a_check_ends_when_it_is_cancelled_late_or_replaced(checks: Checks) -> None:
    checks.repository({**CODE, "tests/test_calc.py": "import time\n\n\ndef test_long():\n    time.sleep(600)\n"})

    async def cancelled() -> None:
        begun = await checks.begin()
        working = asyncio.create_task(checks.carried_out(begun.id))
        while (await checks.newest()).progress.step is not SurveyStep.FIRST_RUN:
            await asyncio.sleep(0.05)
        assert await checks.cancel()
        assert await working == 0
        assert (await checks.newest()).state is SurveyState.CANCELLED
        assert list((checks.root / "data" / "worktrees" / "surveys").iterdir()) == []

    asyncio.run(cancelled())
    checks.timeout_s = 2.0
    late = checks.stored()
    assert late.state is SurveyState.FAILED and "CHECK_TIMEOUT_S" in late.message
