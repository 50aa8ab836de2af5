"""TDD development: tests first, proven red on the base; then code, proven green in a clean checkout.

The test writer works on the base (or on the head that came back), the pipeline commits its files as the tests commit and
witnesses red. The code writer may then change everything but those tests; the pipeline restores them, runs them and the
full suite itself, and hands back what it saw, a bounded number of times.
"""

from typing import Any

from pipeline.agents.loop_context import FeedbackKind
from pipeline.change_request import PauseReason
from pipeline.coding import code_writing, test_writing
from pipeline.coding.ground import ground_of
from pipeline.stage import feedback
from pipeline.stage.declaration import NeverSkipped, StageDeclaration
from pipeline.stage.run import StageEnd, StageRun
from pipeline.stage.state import RepositoryState

NEW_TESTS_FOR = frozenset({FeedbackKind.REVIEW, FeedbackKind.PULL_REQUEST, FeedbackKind.HANDOVER})
"""What may ask for further tests; red suites and scope findings never do."""
ASKS_FOR_TESTS = frozenset({"spec_reviewer"})


def inputs(run: StageRun) -> list[Any]:
    """The verified spec, the base, and what sent the work back."""
    return [run.here.spec_hash, run.here.base, run.here.feedback]


async def development(run: StageRun) -> StageEnd:
    """Bring one repository from its spec to a proven head commit."""
    base = run.here.base
    if _nothing_to_do(run):
        return StageEnd(summary="proven on its base already", repositories={run.name: {}})
    ground = await ground_of(run, base=base, start=run.here.head or base)
    tests = await _present_tests(run) or await test_writing.write(run, ground)
    if isinstance(tests, StageEnd):
        return tests
    coded = await code_writing.prove_handback(run, ground, tests) or await code_writing.write(run, ground, tests)
    if isinstance(coded, StageEnd):
        return coded
    await run.context.progress.record(run.name, tests_commit=tests.commit, head_commit=coded.head)
    facts: RepositoryState = {
        "tests": tests.commit,
        "head": coded.head,
        "round": run.here.round + 1,
        "tested_base": base,
        "answers": _asked(run),
    }
    return StageEnd(summary=coded.summary, repositories={run.name: facts})


def _nothing_to_do(run: StageRun) -> bool:
    """Whether the head answers all that was asked and is proven on its base: another repository was sent back."""
    proven = run.here.tested_base == run.here.base
    return proven and run.fresh_note is None and run.here.answers == _asked(run)


def _asked(run: StageRun) -> list[str]:
    return [run.here.spec_hash, run.here.feedback]


async def _present_tests(run: StageRun) -> test_writing.ProvenTests | None:
    """Return the tests of an earlier round when nothing that came back asks for others."""
    if not run.here.tests:
        return None
    came_back = await feedback.load(run)
    if any(one.kind in NEW_TESTS_FOR and one.source in ASKS_FOR_TESTS for one in came_back):
        return None
    known = await test_writing.load_tests(run)
    return known if known is not None and known.commit == run.here.tests else None


DECLARATION = StageDeclaration(
    body=development,
    inputs=inputs,
    label="Development",
    explanation="writes tests and proves them red, then code and proves it green",
    per_repository=True,
    skip=NeverSkipped("tests that were red and a suite that is green are what is delivered"),
    finds=frozenset({"tests", "head", "round", "tested_base", "answers"}),
    told_at_the_start=True,
    after_handback=True,
    may_be_taken_over=True,
    pauses_as=(
        PauseReason.RED_WITNESS,
        PauseReason.IDENTICAL_FAILURES,
        PauseReason.DEVELOPMENT_LOOP,
        PauseReason.TAMPERING,
        PauseReason.DIFF_SCOPE,
    ),
)
