"""Which files the editors of test writer and code writer refuse at once, and what they say to do instead."""

import pytest

from pipeline.agents.protection import Protection, refusal
from pipeline.coding.protection import of_code_writer, of_test_writer

KEPT = ("infra/", "*.lock")
TESTS = of_test_writer(KEPT)
CODE = of_code_writer(KEPT, ["tests/test_old.py", "conftest.py"])


@pytest.mark.parametrize(
    ("writer", "path", "words"),
    [
        (CODE, "tests/test_old.py", "protected test"),
        (CODE, "conftest.py", "protected test"),
        (CODE, "deep/conftest.py", "only the test writer may add"),
        (CODE, "infra/main.tf", ".changeline/repository.yaml"),
        (TESTS, "uv.lock", ".changeline/repository.yaml"),
        (TESTS, ".changeline/repository.yaml", "says about itself"),
        (CODE, "tests/test_own.py", None),
        (CODE, "src/infra.py", None),
        (TESTS, "tests/test_old.py", None),
        (TESTS, "conftest.py", None),
    ],
)
def test_each_writer_is_told_its_own_rule_and_a_way_on(
    writer: tuple[Protection, ...], path: str, words: str | None
) -> None:
    why = refusal(path, writer)
    assert (why is None) == (words is None), why
    if why is not None and words is not None:
        rule, _, instead = why.partition(". ")
        assert path in rule and instead.endswith(".")
        assert words in why
