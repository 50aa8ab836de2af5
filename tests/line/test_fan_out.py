"""One change request over two repositories: worked on in parallel, joined at every stage, merged together."""

from collections import Counter

import pytest

from pipeline.change_request import PauseReason, Stage, Status
from tests.gates import shown_by
from tests.line import scenarios
from tests.line.harness import LineRun
from tests.line.repositories import SampleRepository
from tests.line.savepoints import TWO_AT_THE_GATE, begins_at
from tests.line.scenarios import bash, part, submit_code, submit_review, turn

ALPHA = "the repository alpha"
ROUNDS = {"quality_reviewer", "code_writer"}


async def start(line: LineRun, *parts: scenarios.Part, **limits: object) -> tuple[SampleRepository, SampleRepository]:
    made = line.repository(scenarios.FILES, "alpha"), line.repository(scenarios.FILES, "beta")
    line.model.play(scenarios.scenario(*parts))
    await line.submit(title=scenarios.TITLE, body=scenarios.BODY, limits=limits)
    return made


def asked_about(line: LineRun, role: str, repository: str) -> int:
    return sum(1 for request in line.asked(role) if f"the repository {repository}" in str(request["messages"]))


@pytest.mark.thorough
@begins_at(TWO_AT_THE_GATE)
async def test_two_repositories_are_changed_and_merged_together(line: LineRun) -> None:
    alpha, beta = line.repositories["alpha"], line.repositories["beta"]
    gate = await line.open_gate()
    assert set(shown_by(gate).repositories) == {"alpha", "beta"}
    assert (alpha.subjects(), beta.subjects()) == (["First commit"], ["First commit"])
    await line.decide_and_finish()
    for repository in (alpha, beta):
        assert repository.text("calc.py") == scenarios.CODE.strip()
        assert repository.refs() == ["refs/heads/main"]
    assert Counter(line.asked_roles())["consistency_checker"] == 1, "one check over all repositories"


@pytest.mark.thorough
async def test_a_repository_that_is_sent_back_buys_nothing_for_its_neighbour(line: LineRun) -> None:
    picky = part("quality_reviewer", turn(submit_review("Explain it.")), contains=[ALPHA], not_contains=["doubles it"])
    explains = part(
        "code_writer", turn(bash("echo '# doubles it' >> calc.py")), turn(submit_code()), contains=["Explain it."]
    )
    alpha, beta = await start(line, explains, picky)
    await line.to_the_gate()
    assert [asked_about(line, "code_writer", name) for name in ("alpha", "beta")] == [4, 2]
    assert [asked_about(line, "quality_reviewer", name) for name in ("alpha", "beta")] == [2, 1]
    await line.decide_and_finish()
    assert "doubles it" in alpha.text("calc.py") and "doubles it" not in beta.text("calc.py")


@pytest.mark.thorough
@begins_at(TWO_AT_THE_GATE)
async def test_a_base_that_breaks_one_repository_leaves_the_other_proven(line: LineRun) -> None:
    """The neighbour was rebased too; it is proven there and needs no developer."""
    adapts = part(
        "code_writer", turn(bash("printf '\\n\\nPUBLIC = [add, double]\\n' >> calc.py")), turn(submit_code()),
        contains=["test_public"],
    )  # fmt: skip
    alpha, beta = line.repositories["alpha"], line.repositories["beta"]
    line.plays(adapts)
    rule = "import calc\n\n\ndef test_public():\n    assert not hasattr(calc, 'double') or calc.PUBLIC\n"
    alpha.commit({"tests/test_public.py": rule})
    beta.commit({"README.md": "Sums.\n"})
    await line.approve()
    await line.to_the_gate()
    assert [asked_about(line, "code_writer", name) for name in ("alpha", "beta")] == [4, 2]
    await line.decide_and_finish()
    assert "PUBLIC" in alpha.text("calc.py") and "README.md" in beta.files()


@pytest.mark.thorough
async def test_a_pause_of_one_repository_is_answered_without_repeating_the_other(line: LineRun) -> None:
    weak = scenarios.write_tests("def test_s1_double():\n    assert True\n", contains=[ALPHA])
    await start(line, weak, development_iterations_max=1)
    cr = await line.work()
    assert (cr.pause_reason, cr.pause_facts["repository"]) == (PauseReason.RED_WITNESS, "alpha")
    line.model.model.scenario = scenarios.parsed(scenarios.scenario())
    await line.resume("Assert the value.")
    await line.to_the_gate()
    assert [asked_about(line, "test_writer", name) for name in ("alpha", "beta")] == [4, 2]
    told = [request for request in line.asked() if "Assert the value." in str(request["messages"])]
    assert told and all(ALPHA in str(request["messages"]) for request in told)


@begins_at(TWO_AT_THE_GATE)
async def test_a_release_that_stops_half_way_goes_on_with_the_other_half(line: LineRun) -> None:
    alpha, beta = line.repositories["alpha"], line.repositories["beta"]
    (beta.path / "calc.py").write_text("work in progress\n")
    await line.approve()
    cr = await line.work()
    assert (cr.pause_reason, cr.stage) == (PauseReason.TARGET_CHECKOUT_DIRTY, Stage.RELEASE)
    assert cr.pause_facts["repository"] == "beta"
    beta.git("checkout", "-q", "calc.py")
    await line.resume()
    cr = await line.work()
    assert cr.status is Status.COMPLETED, (cr.pause_reason, cr.pause_message, cr.pause_facts)
    assert [len(repository.subjects()) for repository in (alpha, beta)] == [2, 2], "each is merged once"


@pytest.mark.thorough
@begins_at(TWO_AT_THE_GATE)
async def test_a_base_that_moves_during_the_release_delays_only_its_own_repository(line: LineRun) -> None:
    alpha, beta = line.repositories["alpha"], line.repositories["beta"]
    (beta.path / "calc.py").write_text("work in progress\n")
    await line.approve()
    assert (await line.work()).pause_reason is PauseReason.TARGET_CHECKOUT_DIRTY
    beta.git("checkout", "-q", "calc.py")
    beta.commit({"README.md": "Sums.\n"})
    merged = alpha.head()
    await line.resume()
    cr = await line.work()
    assert cr.status is Status.COMPLETED, (cr.pause_reason, cr.pause_message, cr.pause_facts)
    assert alpha.head() == merged, "what is merged already is left alone"
    assert {"README.md", scenarios.TEST_FILE} <= set(beta.files())
