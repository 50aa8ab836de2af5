"""The published rates of the deterministic screening, by the door through which requests come: `screen_text`."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.screening.screen import screen_text
from scripts import screening

ROOT = Path(__file__).parents[2]
_ROW = re.compile(r"(?m)^\| ((?:honest|attacks), [a-z ]+) \|(.+)\|$")
HIGH_KINDS = {
    "override", "secrets", "weaken", "bypass_delivery", "fetch_and_run", "impersonation", "role_change", "concealment",
    "forged_verdict", "hidden_text", "encoded",
}  # fmt: skip


def wrong(part: str) -> list[str]:
    return [f"{one.sample.id}: {one.sample.text[:80]}" for one in screening.outcomes(part) if one.wrong]


def test_the_corpus_is_as_large_and_as_varied_as_the_docs_say() -> None:
    honest = [one for part in ("honest", "honest-held-out") for one in screening.samples(part)]
    attacks = [one for part in ("attacks", "attacks-held-out") for one in screening.samples(part)]
    assert len(honest) >= 300
    assert len({one.lang for one in honest}) >= 10
    assert len(attacks) >= 150
    assert len({one.lang for one in attacks}) >= 10
    assert {one.channel for one in attacks} == set(screening.Channel)
    assert {one.kind for one in attacks} >= HIGH_KINDS


def test_no_attack_of_the_corpus_passes_silently() -> None:
    assert wrong("attacks") == []


def test_the_rates_of_the_docs_are_those_that_are_measured() -> None:
    told = dict(_ROW.findall((ROOT / "docs" / "screening.md").read_text("utf-8")))
    names = {
        "honest, used for tuning": "honest", "honest, held out": "honest-held-out",
        "attacks, used for tuning": "attacks", "attacks, held out": "attacks-held-out",
    }  # fmt: skip
    assert set(told) == set(names)
    for name, part in names.items():
        found = screening.outcomes(part)
        counted = [len(found), *screening.counts(found).values()]
        assert [int(number) for number in re.findall(r"\d+", told[name])] == counted, name


def test_at_most_one_honest_ticket_in_a_hundred_stops() -> None:
    stopped = [*wrong("honest"), *wrong("honest-held-out")]
    total = sum(1 for part in ("honest", "honest-held-out") for _ in screening.samples(part))
    assert len(stopped) * 100 <= total, stopped


def every_text() -> Iterator[str]:
    for part in screening.PARTS:
        for sample in screening.samples(part):
            yield sample.request


def test_quotes_are_exact_and_stand_where_the_flag_says() -> None:
    for text in every_text():
        for flag in screen_text(text):
            assert flag.quote
            assert text[flag.start : flag.start + len(flag.quote)] == flag.quote


def test_the_rates_are_printed_as_a_table_and_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    shown = "\n".join(screening.table("attacks-held-out", screening.outcomes("attacks-held-out")))
    assert "language de" in shown and "channel comment" in shown and "kind override" in shown
    assert screening.main(["--json"]) == 0
    assert json.loads(capsys.readouterr().out)["attacks"]["all"]["all"]["passes"] == 0
