"""What the editors of those who write a change refuse at once; the diff is checked against the same rules afterwards."""

from collections.abc import Collection, Sequence

from pipeline.agents.protection import Protection
from pipeline.proof.protected_tests import CONFIGURATION, OF_THE_REPOSITORY

_ITSELF = Protection(
    because="it is what the repository says about itself, as its base branch has it",
    instead="Meet the spec without it; if that cannot be, say in your summary what would have to change there.",
    globs=OF_THE_REPOSITORY,
)


def of_test_writer(kept: Sequence[str]) -> tuple[Protection, ...]:
    """Return what the repository keeps from every agent. `kept` are its own paths and globs."""
    stated = Protection(
        because="it is protected by .changeline/repository.yaml of the base branch",
        instead="Do your work without it; if that cannot be, say in your summary what would have to change there.",
        globs=tuple(kept),
    )
    return (_ITSELF, stated)


def of_code_writer(kept: Sequence[str], tests: Collection[str]) -> tuple[Protection, ...]:
    """Return that, every test and piece of test configuration that is there (`tests`), and new configuration."""
    proof = Protection(
        because="it is a protected test, or decides how the tests are run",
        instead="Make the code right instead. If the test contradicts the spec, implement the spec and say so in your summary; "
        "a test of your own belongs in a new file.",
        paths=frozenset(tests),
    )
    configuration = Protection(
        because="it configures the tests, and only the test writer may add that",
        instead="Do without it.",
        globs=CONFIGURATION,
    )
    return (*of_test_writer(kept), proof, configuration)
