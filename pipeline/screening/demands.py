"""Demands to agents, by meaning: what stands together in one sentence, in whatever order and language.

Problem: patterns over words know one language each. Choice: every sentence is reduced to the meanings of its words
(`vocabulary`, `address_words`); a rule is a set of meanings within reach of each other. English has finer patterns beside
it. Invariant: work is linear in the length of the text but for the few words that mean something.
"""

import re
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import cache
from typing import NamedTuple

from pipeline.screening.address_words import ADDRESS_EVERYWHERE, ADDRESS_STEMS
from pipeline.screening.demand_rules import RULES, Rule
from pipeline.screening.hidden_text import FoldedText, as_words, fold
from pipeline.screening.patterns import asks, told
from pipeline.screening.vocabulary import EVERYWHERE, STEMS, UNSPACED, VERB_LAST, Meaning

_REACH, _UNSPACED_REACH = 110, 60
_BEFORE = 25
_STEM_MAX = 24
_STOP = " . "
_ADVERB_MAX = 2
_AFTER_ADVERBS = frozenset({"remote_code", "secrets", "unapproved_delivery", "skipped_check"})
_OPENING_QUOTES = ('"', "'", "“", "„", "«", "「", "『", "»")
_ENGLISH = frozenset({"administrator", "api_keys", "changelog", "commit$", "control", "delete", "description", "diff$", "direct", "direction", "docs$", "download", "env$", "environ$", "gist$", "http$", "https$", "ignore$", "in$", "instruction", "instructions", "main$", "master$", "md$", "merge", "password", "pastebin", "poste", "pr$", "print", "print$", "production$", "prompt", "pull_request", "push", "readme", "review", "reviewer", "revision", "script", "secrets", "skip", "test", "test$", "tests", "tests$", "token", "tokens$", "trunk$"})  # fmt: skip
_WORD = re.compile(r"\S+")
_JOINING = frozenset({"a", "aber", "además", "agora", "ahora", "ale", "also", "aussi", "außerdem", "bitte", "dann", "e", "en", "então", "et", "favor", "i", "jetzt", "lub", "luego", "ma", "maar", "maintenant", "mais", "mas", "men", "o", "och", "oder", "og", "ou", "pero", "please", "poi", "por", "proszę", "prosím", "puis", "seulement", "tambien", "und", "ve", "vänligen", "y", "également", "și", "затем", "и", "или", "но", "пожалуйста", "та", "теперь"})  # fmt: skip
_CRITERIA = re.compile(
    r"(?im)^[#*\s]*(?:acceptance criteria|criteria|akzeptanzkriterien|critères|criterios|critérios|criteri|done when|definition of done)[^\n]{0,40}:?\**\s*$"
)
_OPENING = re.compile(r"(?:\A|[.!?;:,\-–—•*>(\[{|\n。、，；：¡¿\"'`“„«])\s*\Z")


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


_Stem = tuple[bool, tuple[str, ...], str | None, Meaning, bool]
"""Whether the word ends there, the words that follow, its language, what it says, whether English lacks it."""


def demands(text: str) -> Iterator[Demand]:
    """Find what rules of meanings know; offsets point into `text`."""
    folded = fold(text, lookalikes=False)
    view = as_words(folded)
    for language, said in _said(view, text).items():
        spoken = {one.meaning for one in said}
        for rule in (rule for rule in RULES if spoken.issuperset(rule.meanings)):
            if rule.foreign and language == "en":
                continue
            yield from _held(rule, language, said, view, text)


def _held(rule: Rule, language: str, said: list[_Said], view: FoldedText, text: str) -> Iterator[Demand]:
    reach = _UNSPACED_REACH if language in UNSPACED else _REACH
    starts = [one.start for one in said]
    for verb in said:
        if verb.meaning is not rule.meanings[0]:
            continue
        first, last = _sentence(view.text, verb, reach)
        if rule.across:
            first, last = _sentence(view.text, verb._replace(start=first, end=last + len(_STOP)), reach)
        near = said[bisect_left(starts, first) : bisect_right(starts, last)]
        found = _together(rule, verb, [one for one in near if one.end <= last])
        if found is None or any(one.meaning in rule.unless and _bears_on(one, found, language) for one in near):
            continue
        start, end = view.span(min(one.start for one in found), max(one.end for one in found))
        asked = language in VERB_LAST or _opens(text, view.origin[verb.start]) or _opens(text, start)
        if rule.name in _AFTER_ADVERBS and language != "en" and not asked:
            asked = _soon(view.text, verb.start)
        asked = (
            asked or (language == "en" and asks(text, view, verb.start)) or rule.declared or _is_criterion(text, start)
        )
        yield Demand(rule, start, end, asked=asked and not (_quoted(text, start) or told(text, start)))


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
    if any(other.start <= one.start and one.end <= other.end for other in found):
        return False
    if one.meaning is Meaning.NOT and language not in VERB_LAST:
        return 0 <= found[0].start - one.end <= _BEFORE
    return True


def _opens(text: str, at: int) -> bool:
    before = text[max(0, at - 40) : at]
    if _OPENING.search(before):
        return True
    return before.split()[-1].casefold().strip("\"'«„“") in _JOINING if before.split() else True


def _soon(words: str, at: int) -> bool:
    """Whether at most a few words stand before it in its sentence, such as "before you begin"."""
    before = words.rfind(_STOP, 0, at)
    return len(words[0 if before < 0 else before + len(_STOP) : at].split()) <= _ADVERB_MAX


def _is_criterion(text: str, at: int) -> bool:
    """Whether it stands in a list of what shall be: a statement there is a demand."""
    headings = list(_CRITERIA.finditer(text, 0, at))
    return bool(headings) and text.find("\n\n", headings[-1].end(), at) < 0


def _quoted(text: str, at: int) -> bool:
    before = text[max(0, at - 40) : at].rstrip(" ")
    return before[-1:] in _OPENING_QUOTES and before[:-1].strip()[-1:] not in ("", ".", "!", "?", ":")


def _sentence(words: str, verb: _Said, reach: int) -> tuple[int, int]:
    """The bounds of the sentence around a verb, as far as it reaches."""
    first, last = max(0, verb.start - reach), min(len(words), verb.end + reach)
    before, after = words.rfind(_STOP, first, verb.start), words.find(_STOP, verb.end, last)
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


def _vocabulary() -> Iterator[tuple[str | None, Mapping[Meaning, str]]]:
    yield from STEMS.items()
    yield from ADDRESS_STEMS.items()
    yield None, EVERYWHERE
    yield None, ADDRESS_EVERYWHERE


@cache
def _stems() -> dict[str, list[_Stem]]:
    index: dict[str, list[_Stem]] = defaultdict(list)
    for language, meanings in _vocabulary():
        if language in UNSPACED:
            continue
        for meaning, listed in meanings.items():
            for stem in listed.split(";"):
                first, *rest = as_words(fold(stem.strip().rstrip("$"), lookalikes=False)).text.split()
                telling = language == "en" or stem.strip().replace(" ", "_") not in _ENGLISH
                whole = stem.strip().endswith("$") or bool(rest)
                index[first].append((whole, tuple(rest), language, meaning, telling))
    return dict(index)


@cache
def _unspaced_stems() -> dict[str, list[tuple[str, Meaning]]]:
    index: dict[str, list[tuple[str, Meaning]]] = defaultdict(list)
    for language, meanings in _vocabulary():
        if language is None or language not in UNSPACED:
            continue
        for meaning, listed in meanings.items():
            for stem in listed.split(";"):
                index[as_words(fold(stem.strip().rstrip("$"), lookalikes=False)).text].append((language, meaning))
    return dict(index)


@cache
def _unspaced() -> re.Pattern[str]:
    stems = sorted(_unspaced_stems(), key=len, reverse=True)
    return re.compile(f"(?=({'|'.join(map(re.escape, stems))}))")
