"""The security page promises what a test shows, so every test that it names is there."""

import re

from tests.architecture.source_tree import text_of, tracked_files

PAGE = "docs/security.md"
NAMED = re.compile(r"`(tests/[\w/]+(?:\.py|/))`")


def test_every_proof_that_the_security_page_names_exists() -> None:
    named = set(NAMED.findall(text_of(PAGE)))
    assert len(named) > 20
    tracked = tracked_files()
    assert [one for one in sorted(named) if not any(path.startswith(one) for path in tracked)] == []


def test_every_line_that_says_what_stops_an_attack_names_its_proof() -> None:
    layers = text_of(PAGE).partition("## Layer by layer")[2].partition("## What does not hold")[0]
    rows = [line for line in layers.splitlines() if line.startswith("| ") and "shown by" not in line]
    assert len(rows) > 15
    assert [row for row in rows if not NAMED.search(row)] == []
