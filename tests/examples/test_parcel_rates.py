"""The demo's scenario does real work: its tests are red and green, its review is right, its submissions are accepted."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cli.scenario import Scenario, Script, load_scenario
from pipeline.agents.command_policy import CommandPolicy
from pipeline.agents.editor import replaced
from pipeline.agents.fences import Untrusted, VerifiedSpec, readable
from pipeline.agents.loop_context import Feedback, FeedbackKind, LoopContext
from pipeline.agents.prompt_variables import CodeWriterVariables, QualityReviewerVariables
from pipeline.agents.prompting import RenderedPrompt, render
from pipeline.agents.roles import ROLES, AgentRole
from pipeline.agents.submissions.fields import Submission, SubmissionFacts
from pipeline.agents.submissions.intake import StructuredRequest
from pipeline.agents.submissions.reviews import Review
from pipeline.agents.submissions.specs import Spec
from pipeline.agents.submissions.work import Code, Tests
from pipeline.agents.submissions.validation import validate_submission
from pipeline.agents.toolsets import ToolSet
from pipeline.specs.behaviour import ScenarioKind, render_feature

EXAMPLES = Path(__file__).parents[2] / "examples"
EDITOR = "str_replace_based_edit_tool"
PROBE = (
    "from decimal import Decimal; from parcel_rates.quotes import Parcel, quote; "
    "print(quote(Parcel(country='FR', weight_kg=Decimal('2.4'), declared_value=Decimal('170.00'))).lines[-1].amount)"
)


@pytest.fixture(scope="module")
def scenario() -> Scenario:
    return load_scenario(EXAMPLES / "parcel-rates.scenario.yaml")


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    return shutil.copytree(
        EXAMPLES / "parcel-rates", tmp_path / "tree", ignore=shutil.ignore_patterns("__pycache__", ".pytest_cache")
    )


def scripts_of(scenario: Scenario, role: AgentRole) -> list[Script]:
    return [script for script in scenario.scripts if script.role == role]


def calls(script: Script) -> Iterator[tuple[str, dict[str, Any]]]:
    for turn in script.turns:
        for tool in turn.tools:
            yield tool.name, tool.input


def submission(script: Script, facts: SubmissionFacts) -> Submission:
    role = AgentRole(script.role)
    name, data = list(calls(script))[-1]
    assert name == ROLES[role].submit.name
    return validate_submission(role, data, facts)


def facts_of(scenario: Scenario) -> SubmissionFacts:
    request = submission(scripts_of(scenario, AgentRole.REQUEST_PARSER)[0], SubmissionFacts())
    assert isinstance(request, StructuredRequest)
    facts = SubmissionFacts(
        request_text=readable((EXAMPLES / "parcel-rates.request.md").read_text()),
        criteria=request.criteria,
        repositories=frozenset({"parcel-rates"}),
    )
    spec = submission(scripts_of(scenario, AgentRole.SPEC_WRITER)[0], facts)
    assert isinstance(spec, Spec)
    return SubmissionFacts(
        request_text=facts.request_text,
        criteria=facts.criteria,
        repositories=facts.repositories,
        scenarios=spec.behaviour().kinds,
    )


def play(script: Script, tree: Path) -> set[str]:
    """Do the script's edits and return the paths it wrote."""
    written = set()
    for name, given in calls(script):
        if name != EDITOR or given["command"] == "view":
            continue
        path = tree / given["path"]
        if given["command"] == "create":
            assert not path.exists()
            path.write_text(given["file_text"])
        else:
            path.write_text(replaced(path.read_text(), given["old_str"], given["new_str"], given["path"])[0])
        written.add(given["path"])
    return written


def run(tree: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-B", *arguments]
    return subprocess.run(command, cwd=tree, env={"PYTHONPATH": "src"}, capture_output=True, text=True, check=False)


def pytest_in(tree: Path, *paths: str) -> subprocess.CompletedProcess[str]:
    return run(tree, "-m", "pytest", "-q", "-rA", "-p", "no:cacheprovider", *paths)


def test_every_submission_is_accepted_and_every_command_is_allowed(scenario: Scenario) -> None:
    facts = facts_of(scenario)
    for script in scenario.scripts:
        submission(script, facts)
        for name, given in calls(script):
            assert ROLES[AgentRole(script.role)].toolset is not ToolSet.NONE or name.startswith("submit_")
            if name == "bash":
                CommandPolicy().check(given["command"])


@pytest.mark.thorough
def test_the_tests_are_red_on_the_base_and_green_on_both_heads(scenario: Scenario, tree: Path) -> None:
    facts = facts_of(scenario)
    (test_writer,) = scripts_of(scenario, AgentRole.TEST_WRITER)
    tests = submission(test_writer, facts)
    assert isinstance(tests, Tests)
    assert play(test_writer, tree) == {file.path for file in tests.files}
    change, preserve = (tests.proofs(kind) for kind in (ScenarioKind.CHANGE, ScenarioKind.PRESERVE))

    base = pytest_in(tree)
    outcome = base.stdout
    for reference in (one for tests_of in change.values() for one in tests_of):
        assert f"FAILED {reference}" in outcome
        assert f"PASSED {reference}" not in outcome
    for reference in (one for tests_of in preserve.values() for one in tests_of):
        assert f"PASSED {reference}" in outcome
    assert "ERROR" not in outcome
    assert set(_reasons(outcome)) <= {"TypeError", "AssertionError", "assert"}

    second, first = scripts_of(scenario, AgentRole.CODE_WRITER)
    for script, premium in ((first, "2.12"), (second, "2.13")):
        code = submission(script, facts)
        assert isinstance(code, Code)
        assert play(script, tree) <= set(code.changed_paths)
        assert pytest_in(tree).returncode == 0
        assert run(tree, "-c", PROBE).stdout.strip() == premium


def test_the_review_sends_the_first_head_back_and_passes_the_second(scenario: Scenario) -> None:
    facts = facts_of(scenario)
    spec = submission(scripts_of(scenario, AgentRole.SPEC_WRITER)[0], facts)
    assert isinstance(spec, Spec)
    verified = VerifiedSpec("parcel-rates", render_feature(spec.behaviour()))
    passing, objecting = scripts_of(scenario, AgentRole.QUALITY_REVIEWER)
    review = submission(objecting, facts)
    assert isinstance(review, Review)

    writing = CodeWriterVariables(
        repository="parcel-rates", spec=verified, test_command="pytest", protected_tests=("tests/test_new.py",)
    )
    second, first = scripts_of(scenario, AgentRole.CODE_WRITER)
    sent_back = LoopContext(
        round=2, feedback=(Feedback(kind=FeedbackKind.REVIEW, source="quality_reviewer", text=review.as_text()),)
    )
    assert answering(scenario, render(writing)) is first
    assert answering(scenario, render(writing, loop=sent_back)) is second

    for script, reviewer in ((first, objecting), (second, passing)):
        diff = "\n".join(given.get("new_str", given.get("file_text", "")) for _, given in calls(script))
        reviewing = QualityReviewerVariables(
            repository="parcel-rates",
            spec=verified,
            diff=Untrusted("diff", diff),
            test_results=Untrusted("tests", "ok"),
        )
        assert answering(scenario, render(reviewing)) is reviewer


def answering(scenario: Scenario, prompt: RenderedPrompt) -> Script:
    request = {"system": prompt.system, "messages": [{"role": "user", "content": prompt.opening}]}
    place, number, _ = scenario.turn_for(request)
    assert number == 0
    return scenario.scripts[int(place.partition("/")[0])]


def _reasons(output: str) -> Iterator[str]:
    for line in output.splitlines():
        if line.startswith("FAILED ") and " - " in line:
            yield line.partition(" - ")[2].split(":")[0].split(" ")[0]
