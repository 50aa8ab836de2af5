"""The deterministic screening of a request: the first wall against injected instructions.

Problem: a model that screens text can be talked out of it by that very text, and may not be there; a filter that stops
honest work is switched off. Choice: what is said in plain sight is weighed by who is asked to do what; the same words where
no reader sees them (comments, encodings, invisible characters) weigh more; an odd character or a blob alone is recorded and
stops nobody. `high` pauses before any agent sees the text. Limit, stated: meaning without these words passes, and is the
business of the later layers.
"""

import re
from collections.abc import Iterator
from itertools import islice

from pipeline.findings import Risk, RiskFlag
from pipeline.screening.demands import demands
from pipeline.screening.encodings import decoded_passages
from pipeline.screening.hidden_text import hidden_runs, mixed_words
from pipeline.screening.markup import hidden_passages
from pipeline.screening.patterns import Match, matches

FLAGS_MAX = 50
"""A text with more is paused anyway."""
_SAID_MAX = 200
_PASSAGE_MAX, _NESTED_MAX = 20_000, 5
_SQUEEZED = re.compile(
    r"(?:ignore|disregard|forget|override|bypass)(?:all|any|the|your|these|previous|prior|above|earlier|of|system)*(?:instructions?|rules|guidelines|prompt)|(?:skip|disable|bypass)(?:all|the|any|every)*(?:tests|reviews?|checks|gates?|approvals?)|mergewithout(?:asking|review|approval)|pushto(?:main|master)"
)
_URL = re.compile(r"\bhttps?://(?P<host>[a-z0-9.-]+)[^\s)>\]\"']*")
_KNOWN_HOSTS = (
    "github.com", "gitlab.com", "python.org", "npmjs.com", "nodejs.org", "mozilla.org", "w3.org", "ietf.org",
    "rfc-editor.org", "wikipedia.org", "readthedocs.io", "docs.rs", "go.dev", "stackoverflow.com",
    "example.com", "example.org", "example.net", "localhost", "atlassian.net",
)  # fmt: skip


def screen_text(text: str, known_hosts: tuple[str, ...] = ()) -> list[RiskFlag]:
    """Return the flags of a text, highest risk first, then in order; offsets point into `text`.

    Args:
        known_hosts: Further hosts that may be linked, such as the tenant's tracker and its package registries.
    """
    found = [*_plain(text), *_unseen(text), *_characters(text), *_urls(text, known_hosts)]
    order = list(Risk)
    best: dict[tuple[str, int, int], Match] = {}
    for match in found:
        key = (match.name, match.start, match.end)
        if key not in best or order.index(match.risk) < order.index(best[key].risk):
            best[key] = match
    ranked = sorted(best.values(), key=lambda match: (order.index(match.risk), match.start))
    return [
        RiskFlag(
            risk=match.risk,
            pattern=match.name,
            quote=text[match.start : match.end],
            start=match.start,
            explanation=match.explanation,
        )
        for match in ranked[:FLAGS_MAX]
    ]


def _plain(text: str) -> Iterator[Match]:
    """What is said in plain sight."""
    yield from matches(text)
    for demand in demands(text):
        rule = demand.rule
        lowered = Risk.MEDIUM if rule.risk is Risk.HIGH else Risk.LOW
        risk = rule.risk if demand.asked else lowered
        yield Match(rule.name, risk, demand.start, demand.end, rule.explanation, rule.steers)


def _unseen(text: str) -> Iterator[Match]:
    """What is said where a reader does not see it, or does not understand it."""
    for passage in hidden_passages(text):
        if steered := _steers(passage.text):
            why = f"{steered.explanation} It stands in {passage.how}, where people do not see it."
            yield Match("hidden_text", Risk.HIGH, passage.start, passage.end, why)
    for decoded in decoded_passages(text):
        said = decoded.text[:_SAID_MAX]
        if steered := _steers(decoded.text):
            whole = decoded.end - decoded.start == len(text)
            start, end = (0, min(len(text), _SAID_MAX)) if whole else (decoded.start, decoded.end)
            what = "" if whole else f" ({decoded.how})"
            shown = decoded.text[steered.start : steered.end][:_SAID_MAX] if whole else said
            how = f"Read as {decoded.how} it says" if whole else f"Decoded{what} it reads"
            yield Match("encoded", Risk.HIGH, start, end, f"{steered.explanation} {how}: {shown!r}")
        elif decoded.sentence and decoded.end - decoded.start < len(text):
            yield Match("encoded", Risk.LOW, decoded.start, decoded.end, f"Decoded ({decoded.how}) it reads: {said!r}")


def _steers(passage: str) -> Match | None:
    """The first thing that would steer agents if they obeyed what a reader does not see; encodings nest."""
    said = passage[:_PASSAGE_MAX]
    for match in _plain(said):
        if match.steers:
            return match
    squeezed = re.sub(r"\W+", "", said.casefold())
    if found := _SQUEEZED.search(squeezed):
        return Match("override_instructions", Risk.HIGH, 0, len(said), f"It says {found.group(0)!r}.", steers=True)
    for decoded in islice(decoded_passages(said), _NESTED_MAX):
        for match in _plain(decoded.text[:_PASSAGE_MAX]):
            if match.steers:
                return match
    return None


def _characters(text: str) -> Iterator[Match]:
    for run in hidden_runs(text):
        risk, why = run.risk, f"It holds {run.kind}: what people see is not what a model reads."
        if run.says:
            why = f"{why} They spell: {run.says[:_SAID_MAX]!r}"
            risk = Risk.HIGH if _steers(run.says) else risk
        yield Match("hidden_text", risk, run.start, run.end, why)
    for start, end in mixed_words(text):
        why = "It mixes letters of several scripts in one word."
        yield Match("mixed_scripts", Risk.MEDIUM, start, end, why)


def _urls(text: str, known_hosts: tuple[str, ...]) -> Iterator[Match]:
    known = (*_KNOWN_HOSTS, *known_hosts)
    for found in _URL.finditer(text.lower()):
        host = found.group("host").strip(".")
        if not any(host == name or host.endswith(f".{name}") for name in known):
            why = f"It names {host}, which is no known host."
            yield Match("external_address", Risk.MEDIUM, found.start(), found.end(), why)
