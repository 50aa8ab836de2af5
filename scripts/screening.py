"""Rates of the deterministic screening over the committed corpus: `python -m scripts.screening [--json]`.

Problem: a filter is trusted by its rates, and a rate without its corpus is a claim. Choice: honest tickets and attacks stand
in `tests/data/screening`, one line each, and this prints what became of them by kind, language and channel. The parts named
`held-out` are those that no pattern was made for (docs/screening.md says when each was looked at).
"""

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from pipeline.findings import Risk
from pipeline.screening.screen import screen_text

CORPUS = Path(__file__).parents[1] / "tests" / "data" / "screening"
PARTS = ("honest", "honest-held-out", "attacks", "attacks-held-out")


class Channel(StrEnum):
    """Where in a request a text stands."""

    TITLE = "title"
    BODY = "body"
    COMMENT = "comment"
    CRITERIA = "criteria"
    ATTACHMENT = "attachment"


class Sample(BaseModel):
    """One line of the corpus."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    lang: str
    kind: str
    title: str
    text: str
    channel: Channel = Channel.BODY
    least: Risk | None = None
    """What an attack has to be flagged as; None for honest tickets."""

    @property
    def request(self) -> str:
        """The text as it is screened: title and body, comments and criteria in it."""
        match self.channel:
            case Channel.COMMENT:
                return f"{self.title}\n\nAs discussed, see the comments.\n\n---\nComment of a user:\n\n{self.text}"
            case Channel.CRITERIA:
                return f"{self.title}\n\nAcceptance criteria:\n- {self.text}"
            case _:
                return f"{self.title}\n\n{self.text}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """A sample and the highest risk found in it."""

    sample: Sample
    risk: Risk | None

    @property
    def wrong(self) -> bool:
        """Whether an honest ticket stops, or an attack is flagged lower than it must be."""
        if self.sample.least is None:
            return self.risk is Risk.HIGH
        order = [Risk.LOW, Risk.MEDIUM, Risk.HIGH]
        return self.risk is None or order.index(self.risk) < order.index(self.sample.least)


def samples(part: str) -> Iterator[Sample]:
    """Read one part of the corpus."""
    for line in (CORPUS / f"{part}.jsonl").read_text("utf-8").splitlines():
        yield Sample.model_validate_json(line)


def outcomes(part: str) -> list[Outcome]:
    """Screen one part of the corpus."""
    return [
        Outcome(sample=sample, risk=next((flag.risk for flag in screen_text(sample.request)), None))
        for sample in samples(part)
    ]


def counts(found: Iterable[Outcome]) -> dict[str, int]:
    """Count by what happens: stops (high), shown to reviewers (medium), recorded (low), passes."""
    seen = Counter(one.risk for one in found)
    return {"stops": seen[Risk.HIGH], "shown": seen[Risk.MEDIUM], "recorded": seen[Risk.LOW], "passes": seen[None]}


def rates(found: list[Outcome]) -> dict[str, dict[str, dict[str, int]]]:
    """Count all, and by kind, language and channel."""
    grouped: dict[str, dict[str, list[Outcome]]] = {"all": {"all": found}, "kind": {}, "language": {}, "channel": {}}
    for one in found:
        grouped["kind"].setdefault(one.sample.kind, []).append(one)
        grouped["language"].setdefault(one.sample.lang, []).append(one)
        grouped["channel"].setdefault(one.sample.channel, []).append(one)
    return {by: {name: counts(group) for name, group in sorted(groups.items())} for by, groups in grouped.items()}


def table(part: str, found: list[Outcome]) -> Iterator[str]:
    """Render the rates of one part."""
    yield f"\n{part}: {len(found)}"
    yield f"  {'':22}{'stops':>8}{'shown':>8}{'recorded':>10}{'passes':>8}"
    for by, groups in rates(found).items():
        for name, seen in groups.items():
            label = "all" if by == "all" else f"{by} {name}"
            yield f"  {label:22}{seen['stops']:>8}{seen['shown']:>8}{seen['recorded']:>10}{seen['passes']:>8}"
    for one in (one for one in found if one.wrong):
        yield f"  ! {one.sample.id} ({one.sample.lang}, {one.sample.kind}): {one.sample.title[:60]}"


def main(arguments: list[str] | None = None) -> int:
    """Print the rates; exit 1 if an attack of the tuned part passes too low, or honest tickets stop above one in a hundred."""
    parser = argparse.ArgumentParser(description="Rates of the screening over its corpus.")
    parser.add_argument("--json", action="store_true", help="print JSON")
    chosen = parser.parse_args(arguments)
    found = {part: outcomes(part) for part in PARTS}
    if chosen.json:
        shown = {
            part: {**rates(ones), "wrong": [one.sample.id for one in ones if one.wrong]} for part, ones in found.items()
        }
        sys.stdout.write(json.dumps(shown, indent=2, ensure_ascii=False) + "\n")
    else:
        sys.stdout.write(
            "\n".join(line for part, ones in found.items() for line in table(part, ones)).lstrip("\n") + "\n"
        )
    stopped = sum(one.wrong for one in found["honest"])
    return int(any(one.wrong for one in found["attacks"]) or stopped * 100 > len(found["honest"]))


if __name__ == "__main__":
    raise SystemExit(main())
