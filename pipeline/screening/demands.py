"""Demands to agents in many languages: meanings that stand together in one sentence, in whatever order.

Problem: patterns over words know one language each. Choice: every sentence is reduced to the meanings of its words
(`vocabulary`); a rule is a set of meanings within reach of each other. English has its own, finer patterns. Invariant: work
is linear in the length of the text but for the few words that mean something.
"""

import re
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import cache
from typing import NamedTuple

from pipeline.findings import Risk
from pipeline.screening.hidden_text import FoldedText, as_words, fold
from pipeline.screening.vocabulary import EVERYWHERE, STEMS, UNSPACED, VERB_LAST, Meaning

_REACH, _UNSPACED_REACH = 110, 60
_BEFORE = 25
_STEM_MAX = 24
_OPENING_QUOTES = ('"', "'", "“", "„", "«", "「", "『", "»")
_ENGLISH = frozenset({"administrator", "api_keys", "changelog", "commit$", "control", "delete", "description", "diff$", "direct", "direction", "docs$", "download", "env$", "environ$", "gist$", "http$", "https$", "ignore$", "in$", "instruction", "instructions", "main$", "master$", "md$", "merge", "password", "pastebin", "poste", "pr$", "print", "print$", "production$", "prompt", "pull_request", "push", "readme", "review", "reviewer", "revision", "script", "secrets", "skip", "test", "test$", "tests", "tests$", "token", "tokens$", "trunk$"})  # fmt: skip
_WORD = re.compile(r"\S+")
_JOINING = frozenset({"a", "aber", "además", "agora", "ahora", "ale", "also", "aussi", "außerdem", "bitte", "dann", "e", "en", "então", "et", "favor", "i", "jetzt", "lub", "luego", "ma", "maar", "maintenant", "mais", "mas", "men", "o", "och", "oder", "og", "ou", "pero", "please", "poi", "por", "proszę", "prosím", "puis", "seulement", "tambien", "und", "ve", "vänligen", "y", "également", "și", "затем", "и", "или", "но", "пожалуйста", "та", "теперь"})  # fmt: skip
_OPENING = re.compile(r"(?:\A|[.!?;:,\-–—•*>(\[{|\n。、，；：¡¿\"'`“„«])\s*\Z")


class Rule(NamedTuple):
    """Meanings that, together in one sentence, make a demand. The first is its verb."""

    name: str
    risk: Risk
    meanings: tuple[Meaning, ...]
    explanation: str
    unless: tuple[Meaning, ...] = ()


class Demand(NamedTuple):
    """Where a rule holds in the text given."""

    rule: Rule
    start: int
    end: int
    asked: bool
    """Whether it is a demand by its form; else it may be a description."""


class _Said(NamedTuple):
    meaning: Meaning
    start: int
    end: int
    telling: bool
    """Whether the word is none that English has too."""


M = Meaning
_Stem = tuple[bool, tuple[str, ...], str | None, Meaning, bool]
"""Whether the word ends there, the words that follow, its language, what it says, whether English lacks it."""
_OVERRIDE = "It tells the reader, in another language, to set its instructions aside."
_SECRETS = "It asks, in another language, to show or send what must stay secret."
_WEAKEN = "It asks, in another language, to leave out tests or reviews."
RULES: Sequence[Rule] = (
    Rule("override_instructions", Risk.HIGH, (M.ASIDE, M.INSTRUCTIONS, M.PREVIOUS), _OVERRIDE, (M.DESCRIBED,)),
    Rule("override_instructions", Risk.HIGH, (M.ASIDE, M.INSTRUCTIONS, M.YOURS), _OVERRIDE, (M.DESCRIBED,)),
    Rule("override_instructions", Risk.HIGH, (M.ASIDE, M.RULES, M.YOURS), _OVERRIDE, (M.DESCRIBED,)),
    Rule("override_instructions", Risk.HIGH, (M.ASIDE, M.RULES, M.ALL, M.PREVIOUS), _OVERRIDE, (M.DESCRIBED,)),
    Rule("override_instructions", Risk.HIGH, (M.ASIDE, M.INSTRUCTIONS, M.TOLD), _OVERRIDE, (M.DESCRIBED,)),
    Rule("override_instructions", Risk.HIGH, (M.ASIDE, M.ALL, M.TOLD), _OVERRIDE, (M.DESCRIBED,)),
    Rule("override_instructions", Risk.MEDIUM, (M.ASIDE, M.RULES, M.PREVIOUS), _OVERRIDE, (M.DESCRIBED,)),
    Rule("override_instructions", Risk.HIGH, (M.FOLLOW, M.NOT, M.RULES, M.YOURS), _OVERRIDE),
    Rule("override_instructions", Risk.HIGH, (M.FOLLOW, M.NOT, M.INSTRUCTIONS, M.YOURS), _OVERRIDE),
    Rule("role_change", Risk.HIGH, (M.NOW, M.UNBOUND), "It gives the reader another role."),
    Rule("secrets", Risk.HIGH, (M.LEAK, M.ENVIRONMENT, M.SINK), _SECRETS, (M.MASK,)),
    Rule("secrets", Risk.HIGH, (M.LEAK, M.SECRETS, M.SINK), _SECRETS, (M.MASK, M.NOT)),
    Rule("secrets", Risk.MEDIUM, (M.LEAK, M.ALL, M.ENVIRONMENT), _SECRETS, (M.MASK,)),
    Rule("skipped_check", Risk.HIGH, (M.SKIP, M.ALL, M.TESTS), _WEAKEN, (M.NOT,)),
    Rule("skipped_check", Risk.HIGH, (M.SKIP, M.TESTS, M.REVIEW), _WEAKEN, (M.NOT,)),
    Rule("skipped_check", Risk.HIGH, (M.SKIP, M.TESTS, M.FAILING), _WEAKEN, (M.NOT,)),
    Rule("skipped_check", Risk.HIGH, (M.DELETE, M.TESTS, M.FAILING), _WEAKEN, (M.NOT,)),
    Rule("skipped_check", Risk.HIGH, (M.SKIP, M.REVIEW, M.THIS), _WEAKEN, (M.NOT,)),
    Rule("skipped_check", Risk.HIGH, (M.SKIP, M.TESTS, M.THIS), _WEAKEN, (M.NOT,)),
    Rule("unapproved_delivery", Risk.HIGH, (M.PUSH, M.MAIN, M.DIRECTLY), "It asks, in another language, to deliver past the gates."),
    Rule("unapproved_delivery", Risk.HIGH, (M.PUSH, M.MAIN, M.WITHOUT, M.REVIEW), "It asks, in another language, to deliver past the gates."),
    Rule("remote_code", Risk.HIGH, (M.FETCH, M.RUN, M.ADDRESS), "It asks, in another language, to fetch something and run it."),
    Rule("concealment", Risk.HIGH, (M.MENTION, M.NOT, M.SUMMARY), "It asks, in another language, to keep something from the people who decide."),
)  # fmt: skip


def demands(text: str) -> Iterator[Demand]:
    """Find demands in languages other than English; offsets point into `text`."""
    folded = fold(text, lookalikes=False)
    view = as_words(folded)
    for language, said in _said(view, text).items():
        spoken = {one.meaning for one in said}
        for rule in (rule for rule in RULES if spoken.issuperset(rule.meanings)):
            yield from _held(rule, language, said, view, text)


def _held(rule: Rule, language: str, said: list[_Said], view: FoldedText, text: str) -> Iterator[Demand]:
    reach = _UNSPACED_REACH if language in UNSPACED else _REACH
    starts = [one.start for one in said]
    for verb in said:
        if verb.meaning is not rule.meanings[0]:
            continue
        first, last = _sentence(view.text, verb, reach)
        near = said[bisect_left(starts, first) : bisect_right(starts, last)]
        found = _together(rule, verb, [one for one in near if one.end <= last])
        if found is None or any(one.meaning in rule.unless and _bears_on(one, found, language) for one in near):
            continue
        start, end = view.span(min(one.start for one in found), max(one.end for one in found))
        asked = language in VERB_LAST or _opens(text, view.origin[verb.start]) or _opens(text, start)
        yield Demand(rule, start, end, asked=asked and not _quoted(text, start))


def _together(rule: Rule, verb: _Said, near: list[_Said]) -> list[_Said] | None:
    """The verb and the nearest word for each other meaning; None if one is missing, or all could be English."""
    found = [verb]
    for meaning in rule.meanings[1:]:
        candidates = [one for one in near if one.meaning is meaning and all(_apart(one, other) >= 0 for other in found)]
        if not candidates:
            return None
        found.append(min(candidates, key=lambda one: _apart(verb, one)))
    return found if any(one.telling for one in found) else None


def _apart(one: _Said, other: _Said) -> int:
    return max(one.start, other.start) - min(one.end, other.end)


def _bears_on(one: _Said, found: list[_Said], language: str) -> bool:
    if one.meaning is Meaning.NOT and language not in VERB_LAST:
        return 0 <= found[0].start - one.end <= _BEFORE
    return True


def _opens(text: str, at: int) -> bool:
    before = text[max(0, at - 40) : at]
    if _OPENING.search(before):
        return True
    return before.split()[-1].casefold().strip("\"'«„“") in _JOINING if before.split() else True


def _quoted(text: str, at: int) -> bool:
    before = text[max(0, at - 40) : at].rstrip(" ")
    return before[-1:] in _OPENING_QUOTES and before[:-1].strip()[-1:] not in ("", ".", "!", "?", ":")


def _sentence(words: str, verb: _Said, reach: int) -> tuple[int, int]:
    """The bounds of the sentence around a verb, as far as it reaches."""
    first, last = max(0, verb.start - reach), min(len(words), verb.end + reach)
    before, after = words.rfind(" . ", first, verb.start), words.find(" . ", verb.end, last)
    return (first if before < 0 else before), (last if after < 0 else after)


def _said(view: FoldedText, text: str) -> dict[str, list[_Said]]:
    spoken: dict[str, list[_Said]] = defaultdict(list)
    common: list[_Said] = []
    for language, one in _words(view.text):
        (common if language is None else spoken[language]).append(one)
    if not text.isascii():
        for found in _unspaced().finditer(view.text):
            for language, meaning in _unspaced_stems()[found.group(1)]:
                spoken[language].append(_Said(meaning, found.start(1), found.end(1), telling=True))
    for language, said in spoken.items():
        spoken[language] = sorted([*said, *common], key=lambda one: one.start)
    return spoken


def _words(words: str) -> Iterator[tuple[str | None, _Said]]:
    index = _stems()
    tokens = [(found.group(0), found.start(), found.end()) for found in _WORD.finditer(words)]
    for at, (word, start, _) in enumerate(tokens):
        for length in range(1, min(len(word), _STEM_MAX) + 1):
            for whole, rest, language, meaning, telling in index.get(word[:length], ()):
                if whole and length != len(word):
                    continue
                following = tokens[at + 1 : at + 1 + len(rest)]
                if len(following) == len(rest) and all(
                    token.startswith(stem) for (token, _, _), stem in zip(following, rest, strict=True)
                ):
                    yield language, _Said(meaning, start, (following or [tokens[at]])[-1][2], telling)


@cache
def _stems() -> dict[str, list[_Stem]]:
    index: dict[str, list[_Stem]] = defaultdict(list)
    for language, meanings in (*STEMS.items(), (None, EVERYWHERE)):
        if language in UNSPACED:
            continue
        for meaning, listed in meanings.items():
            for stem in listed.split(";"):
                first, *rest = as_words(fold(stem.strip().rstrip("$"), lookalikes=False)).text.split()
                telling = stem.strip().replace(" ", "_") not in _ENGLISH
                whole = stem.strip().endswith("$") or bool(rest)
                index[first].append((whole, tuple(rest), language, meaning, telling))
    return dict(index)


@cache
def _unspaced_stems() -> dict[str, list[tuple[str, Meaning]]]:
    index: dict[str, list[tuple[str, Meaning]]] = defaultdict(list)
    for language in sorted(UNSPACED):
        for meaning, listed in STEMS[language].items():
            for stem in listed.split(";"):
                index[as_words(fold(stem.strip(), lookalikes=False)).text].append((language, meaning))
    return dict(index)


@cache
def _unspaced() -> re.Pattern[str]:
    stems = sorted(_unspaced_stems(), key=len, reverse=True)
    return re.compile(f"(?=({'|'.join(map(re.escape, stems))}))")
