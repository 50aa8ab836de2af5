"""Globs that are matched together mean what each of them means."""

import pytest

from pipeline.proof.path_globs import matches_any
from pipeline.proof.protected_tests import CONFIGURATION, TEST_PATTERNS

PATHS = (
    "a.py", "test_a.py", "deep/er/test_a.py", "tests/a", "tests/deep/a", "x/tests/a", "x/src/test/y", "conftest.py",
    "x/conftest.py", ".changeline/a/b", "x/.changeline/a", "packages/x/test/y", "x/packages/x/test/y", "spec/a", "testsa",
    "a/jest.config.js", "jest.config", "x\ny/test_a.py", "",
)  # fmt: skip
PATTERNS = (*TEST_PATTERNS, *CONFIGURATION, "/docs/", "docs/**/a", "**", "a?py", "*")


@pytest.mark.parametrize("path", PATHS)
def test_many_globs_match_what_one_of_them_matches(path: str) -> None:
    single = [pattern for pattern in PATTERNS if matches_any(path, (pattern,))]
    for last in range(len(PATTERNS) + 1):
        assert matches_any(path, PATTERNS[:last]) is any(pattern in PATTERNS[:last] for pattern in single)


def test_a_glob_without_a_slash_means_a_name_at_any_depth_and_one_with_it_a_path() -> None:
    assert matches_any("x/y/test_a.py", ("nothing", "test_*.py"))
    assert not matches_any("x/tests/a", ("tests/**",))
    assert not matches_any("x/test_a.py/b", ("test_*.py", "*.js"))
    assert not matches_any("a.py", ())
