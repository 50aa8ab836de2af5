"""Whoever judges has looked: a reviewer that could not, or did not although the diff was cut, has given no verdict."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from controller.views import service as views
from pipeline.change_request import PauseReason, Stage, Status
from pipeline.evidence.bundle import EvidenceBundle, InspectionRecord
from pipeline.ports import CommandResult, Isolation, Sandbox, SandboxCommand
from tests.line import scenarios
from tests.line.harness import OPERATOR, LineRun, with_context
from tests.line.recorded import as_recorded
from tests.line.scenarios import EDITOR, bash, part, submit_review, tool, turn, write_code
from worker.wiring import Hands

LONG = scenarios.CODE + "".join(f"# Remark {number} on how numbers are doubled.\n" for number in range(60))


@dataclass(frozen=True)
class Blindfold:
    """A sandbox in which the trees of reviewers are covered by a directory that nobody may read."""

    sandbox: Sandbox
    cover: Path

    async def run(self, command: SandboxCommand) -> CommandResult:
        blind = not command.writable and command.cwd.name.startswith("review-")
        return await self.sandbox.run(replace(command, mounts={command.cwd: self.cover}) if blind else command)

    def isolation(self) -> Isolation:
        return self.sandbox.isolation()


@pytest.fixture
def cover(root: Path) -> Iterator[Path]:
    directory = root / "cover"
    directory.mkdir()
    (directory / "calc.py").write_text("hidden\n")
    (directory / "calc.py").chmod(0)
    directory.chmod(0o111)
    yield directory
    directory.chmod(0o700)


async def start(line: LineRun, *parts: scenarios.Part, **limits: object) -> None:
    line.repository(scenarios.FILES)
    line.model.play(scenarios.scenario(*parts))
    await line.submit(title=scenarios.TITLE, body=scenarios.BODY, limits=limits)


async def inspections(line: LineRun) -> dict[str, InspectionRecord | None]:
    bundle = EvidenceBundle.model_validate_json(await line.evidence())
    return {review.reviewer: review.inspection for review in bundle.sections.reviews}


def told(request: dict[str, Any]) -> str:
    return json.dumps(request["messages"], ensure_ascii=False)


@pytest.mark.thorough
async def test_a_reviewer_whose_tree_cannot_be_read_is_asked_again_then_a_person_and_goes_on_when_it_can(
    line: LineRun, cover: Path
) -> None:
    look, judge = turn(bash("cat calc.py | head -50")), turn(submit_review())
    await start(line, part("security_reviewer", look, judge, judge, look, judge), submission_retries_max=2)

    def blindfolded(_line: LineRun, held: Hands) -> Hands:
        agents = held.context.agents
        return with_context(held, agents=replace(agents, sandbox=Blindfold(agents.sandbox, cover)))  # type: ignore[type-var, attr-defined]  # the crew of a real worker

    cr = await line.work(blindfolded)
    assert (cr.status, cr.pause_reason, cr.stage) == (Status.PAUSED, PauseReason.SANDBOX_UNAVAILABLE, Stage.REVIEW)
    assert cr.pause_facts["detail"] == "cat: calc.py: Permission denied"
    assert cr.pause_facts["role"] == "security_reviewer"
    assert "resume" in cr.pause_facts["remedy"]
    asked = line.asked("security_reviewer")
    assert len(asked) == 3, "look, verdict, verdict again"
    assert "Not accepted: the only tool call came back without a look at the repository" in told(asked[-1])
    await line.resume()
    await line.to_the_gate()
    assert len(line.asked("security_reviewer")) == 5
    await line.decide_and_finish()
    seen = (await inspections(line))["security_reviewer"]
    assert seen == InspectionRecord(turns=5, files=("calc.py",), files_opened=1, commands=2, calls=2, failed=1)
    shown = (await views.findings(line.controller, OPERATOR, line.cr_id, None)).judges
    assert [(one.role, one.verdict, one.files) for one in shown if one.calls] == [
        ("security_reviewer", "pass", ["calc.py"])
    ]
    await as_recorded(line)


@pytest.mark.thorough
async def test_a_reviewer_of_a_cut_diff_opens_what_was_cut_off_or_gives_no_verdict(line: LineRun) -> None:
    judge = turn(submit_review())
    view = turn(tool(EDITOR, command="view", path="tests/test_double.py"))
    await start(
        line,
        write_code(scenarios.create("calc.py", LONG)),
        part("security_reviewer", turn(bash("sed -n '1,200p' ./calc.py")), judge),
        part("quality_reviewer", turn(bash("cat README || ls")), judge, judge, view, judge),
        part("spec_reviewer", turn(bash("cat $(pwd)/tests/*.py")), turn(submit_review(spec=True))),
        diff_max_bytes=1_000,
        submission_retries_max=2,
    )
    cr = await line.work()
    assert (cr.pause_reason, cr.stage) == (PauseReason.AGENT_STUCK, Stage.REVIEW)
    missing = "the diff was cut after 0 of 2 files, and none of the files that are missing was opened: calc.py, tests/test_double.py"
    assert cr.pause_message == f"The quality_reviewer agent could not judge: {missing}."
    asked = line.asked("quality_reviewer")
    assert f"Not accepted: {missing}." in told(asked[-1])
    assert "# Not shown" in told(asked[0]) and "- calc.py\\n- tests/test_double.py" in told(asked[0])
    await line.resume()
    await line.to_the_gate()
    await line.decide_and_finish()
    seen = await inspections(line)
    opened = {role: one.files for role, one in seen.items() if one is not None}
    assert opened == {
        "completeness_checker": (), "regression_checker": (), "consistency_checker": (),
        "security_reviewer": ("calc.py",), "quality_reviewer": ("tests/test_double.py",),
        "spec_reviewer": ("tests/test_calc.py", "tests/test_double.py"),
    }  # fmt: skip
    assert seen["checks"] is None
    assert "Not shown" not in told(line.asked("regression_checker")[0])
    await as_recorded(line)
