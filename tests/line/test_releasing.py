"""From a proven head to the base branch: what happens when somebody else was faster, and when a person says no."""

import pytest

from controller.views import service as views
from pipeline.change_request import PauseReason, Stage, Status
from pipeline.gates.gate import Decision
from tests.gates import shown_by
from tests.line import scenarios
from tests.line.harness import OPERATOR, LineRun
from tests.line.repositories import SampleRepository
from tests.line.savepoints import AT_THE_GATE, begins_at
from tests.line.scenarios import bash, part, submit_code, tool, turn

THEIRS = "def add(a, b):\n    return a + b\n\n\ndef negate(n):\n    return -n\n"
BOTH = f"{THEIRS}\n\ndef double(n):\n    return n * 2\n"


async def start(line: LineRun, *parts: scenarios.Part, **limits: object) -> SampleRepository:
    repository = line.repository(scenarios.FILES)
    line.model.play(scenarios.scenario(*parts))
    await line.submit(title=scenarios.TITLE, body=scenarios.BODY, limits=limits)
    return repository


def resolver(*, resolved: bool = True, text: str = BOTH) -> scenarios.Part:
    files = [{"path": "calc.py", "decision": "Both functions are kept."}]
    submission = tool(
        "submit_resolution", resolved=resolved, confidence="high", explanation="Two additions at one place.",
        files=files if resolved else [],
    )  # fmt: skip
    return part("conflict_resolver", turn(bash(f"cat > calc.py <<'END'\n{text}END")), turn(submission))


@begins_at(AT_THE_GATE)
async def test_a_clean_rebase_at_the_gate_keeps_the_approval(line: LineRun) -> None:
    repository = line.sums
    gate = await line.open_gate()
    theirs = repository.commit({"README.md": "Sums.\n"})
    await line.decide(Decision.APPROVE)
    cr = await line.work()
    assert cr.status is Status.COMPLETED, (cr.pause_reason, cr.pause_message, cr.pause_facts)
    assert repository.git("rev-parse", "main^1") == theirs
    assert repository.git("rev-parse", "main^2") != shown_by(gate).repositories["sums"].head
    assert {"calc.py", "README.md", scenarios.TEST_FILE} <= set(repository.files())
    assert len(await line.events("gate_opened")) == 1, "nobody is asked twice"
    proofs = [
        event.payload["purpose"] for event in await line.events("tests_run") if event.payload["stage"] == "rebase"
    ]
    assert {"red", "green_change", "green_suite"} <= set(proofs), "everything is proven again on the new base"
    (move,) = (await views.rebases(line.controller, OPERATOR, line.cr_id)).items
    assert (move.base, move.clean, move.proven, move.more_commits) == (theirs, True, True, False)
    assert [(one.commit, one.subject) for one in move.commits] == [(theirs, "A colleague's change")]
    assert (move.head_before, move.head) == (
        shown_by(gate).repositories["sums"].head, repository.git("rev-parse", "main^2"),
    )  # fmt: skip


@begins_at(AT_THE_GATE)
async def test_resolved_conflicts_are_proven_and_approved_anew(line: LineRun) -> None:
    repository = line.sums
    line.plays(resolver())
    first = await line.open_gate()
    repository.commit({"calc.py": THEIRS})
    await line.decide(Decision.APPROVE)
    gate = await line.to_the_gate()
    assert shown_by(gate).repositories["sums"].suite == "green: 2 passed"
    void = shown_by(gate).void_approval
    assert void is not None
    assert void.content_hash == first.content_hash != gate.content_hash
    assert void.decided_by == OPERATOR.id
    (move,) = shown_by(gate).repositories["sums"].rebases
    assert (move.clean, move.proven, move.head) == (False, True, shown_by(gate).repositories["sums"].head)
    assert "is void" in (await line.read()).pause_message
    assert repository.text("calc.py") == THEIRS.strip(), "nothing is merged before the second approval"
    asked = str(line.asked("conflict_resolver")[0])
    assert "negate" in asked and "Scenario: A number is doubled" in asked
    await line.decide(Decision.APPROVE)
    assert (await line.work()).status is Status.COMPLETED
    assert repository.text("calc.py") == BOTH.strip()


@pytest.mark.thorough
@begins_at(AT_THE_GATE)
async def test_a_conflict_that_nobody_can_resolve_pauses(line: LineRun) -> None:
    repository = line.sums
    line.plays(resolver(resolved=False))
    repository.commit({"calc.py": THEIRS})
    await line.decide(Decision.APPROVE)
    cr = await line.work()
    assert (cr.pause_reason, cr.stage) == (PauseReason.REBASE_CONFLICT, Stage.REBASE)
    assert cr.pause_facts["conflicts"] == ["calc.py"]
    line.model.model.scenario = scenarios.parsed(scenarios.scenario(resolver()))
    await line.resume("Keep both functions.")
    await line.to_the_gate()
    assert "Keep both functions." in str(line.asked("conflict_resolver")[-1]["messages"])


@pytest.mark.thorough
@begins_at(AT_THE_GATE)
async def test_forgotten_conflict_markers_go_back_to_the_resolver(line: LineRun) -> None:
    careless = resolver(text=f"<<<<<<< ours\n{BOTH}=======\n>>>>>>> theirs\n")
    careful = {**resolver(), "when": {"contains": ["Conflict markers remain"]}}
    repository = line.sums
    line.plays(careful, careless)
    repository.commit({"calc.py": THEIRS})
    await line.decide(Decision.APPROVE)
    await line.to_the_gate()
    assert len(line.asked("conflict_resolver")) == 4


@pytest.mark.thorough
@begins_at(AT_THE_GATE)
async def test_a_base_that_breaks_the_change_sends_it_back_to_development(line: LineRun) -> None:
    adapts = part(
        "code_writer",
        turn(bash("cat > calc.py <<'END'\nimport names\n\n\ndef add(a, b):\n    return a + b\n\n\ndef double(n):\n    return n * 2\n\n\nnames.PUBLIC.append('double')\nEND")),
        turn(submit_code()),
        contains=["test_every_function_is_public"],
    )  # fmt: skip
    repository = line.sums
    line.plays(adapts)
    rule = (
        "import calc\nimport names\n\n\ndef test_every_function_is_public():\n"
        "    found = {name for name, value in vars(calc).items() if callable(value)}\n"
        "    assert found == set(names.PUBLIC)\n"
    )
    repository.commit({"names.py": "PUBLIC = ['add']\n", "tests/test_names.py": rule})
    await line.decide(Decision.APPROVE)
    gate = await line.to_the_gate()
    loops = [(event.payload["stage"], event.payload["back_to"]) for event in await line.events("stage_looped")]
    assert loops == [("merge_check", "rebase"), ("rebase", "development")]
    assert shown_by(gate).repositories["sums"].suite == "green: 3 passed"
    assert len(line.asked("test_writer")) == 2, "the tests still prove the spec"
    await line.decide(Decision.APPROVE)
    assert (await line.work()).status is Status.COMPLETED


@pytest.mark.thorough
@begins_at(AT_THE_GATE)
async def test_what_an_approver_objects_to_reaches_the_developer(line: LineRun) -> None:
    adds_words = part(
        "code_writer", turn(bash("sed -i 's/def double(n):/&\\n    \"\"\"Return n times two.\"\"\"/' calc.py")),
        turn(submit_code()), contains=["Say what it returns"],
    )  # fmt: skip
    repository = line.sums
    line.plays(adds_words)
    first = await line.open_gate()
    await line.decide(Decision.SEND_BACK, "Say what it returns, please.")
    second = await line.to_the_gate()
    assert second.content_hash != first.content_hash
    told = str(line.asked("code_writer")[-1]["messages"])
    assert "Say what it returns, please." in told
    await line.decide(Decision.APPROVE)
    assert (await line.work()).status is Status.COMPLETED
    assert "Return n times two." in repository.text("calc.py")


@begins_at(AT_THE_GATE)
async def test_a_dirty_checkout_pauses_instead_of_overwriting(line: LineRun) -> None:
    repository = line.sums
    (repository.path / "calc.py").write_text("work in progress\n")
    await line.decide(Decision.APPROVE)
    cr = await line.work()
    assert (cr.pause_reason, cr.stage) == (PauseReason.TARGET_CHECKOUT_DIRTY, Stage.RELEASE)
    assert (repository.path / "calc.py").read_text() == "work in progress\n"
    assert repository.subjects() == ["First commit"]
    repository.git("checkout", "-q", "calc.py")
    await line.resume()
    cr = await line.work()
    assert cr.status is Status.COMPLETED, (cr.pause_reason, cr.pause_message, cr.pause_facts)
    assert (repository.path / "calc.py").read_text() == scenarios.CODE, "the clean checkout follows the branch"


@pytest.mark.thorough
async def test_a_base_that_never_stands_still_pauses(line: LineRun) -> None:
    repository = await start(line, ci_loops_max=0)
    await line.to_the_gate()
    repository.commit({"README.md": "Sums.\n"})
    await line.decide(Decision.APPROVE)
    cr = await line.work()
    assert (cr.status, cr.pause_facts["stage"]) == (Status.PAUSED, "rebase")
    await line.resume()
    assert (await line.work()).status is Status.COMPLETED
