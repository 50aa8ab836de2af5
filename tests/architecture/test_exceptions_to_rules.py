"""A rule may be broken for a reason, and the reason stands beside the break."""

import io
import re
import tokenize

from tests.architecture.source_tree import PRODUCT, TOGETHER, python_files, text_of, tracked_files

pytestmark = TOGETHER

NOQA = re.compile(r"#\s*noqa\b", re.IGNORECASE)
NOQA_WITH_REASON = re.compile(r"#\s*noqa: [A-Z]+[0-9]+(, ?[A-Z]+[0-9]+)* +[-:—#] *\S.{3,}")
IGNORE = re.compile(r"#\s*type:\s*ignore")
IGNORE_WITH_REASON = re.compile(r"#\s*type: ignore\[[a-z-]+(, ?[a-z-]+)*\] +(#|-) *\w.{3,}")
PATHLESS_RULES = re.compile(r"#\s*ruff:\s*noqa|#\s*mypy:\s*ignore-errors")


def test_an_ignored_check_names_its_code_and_its_reason() -> None:
    unexplained = [
        f"{path}:{line}: {comment}"
        for path in python_files(*PRODUCT, "tests")
        for line, comment in _comments(path)
        if (NOQA.search(comment) and not NOQA_WITH_REASON.search(comment))
        or (IGNORE.search(comment) and not IGNORE_WITH_REASON.search(comment))
        or PATHLESS_RULES.search(comment)
    ]
    assert not unexplained


def test_the_dashboard_switches_no_check_off() -> None:
    switches = ("eslint-" + "disable", "oxlint-" + "disable", "@ts-" + "ignore", "@ts-" + "nocheck")
    off = [
        path
        for path in tracked_files()
        if path.startswith("dashboard/src/")
        if any(switch in text_of(path) for switch in switches)
    ]
    assert not off


def _comments(path: str) -> list[tuple[int, str]]:
    tokens = tokenize.generate_tokens(io.StringIO(text_of(path)).readline)
    return [(token.start[0], token.string) for token in tokens if token.type == tokenize.COMMENT]
