"""Make hidden text visible before it is matched, and remember where each character came from.

Problem: an instruction can hide in zero-width characters, look-alike letters, full-width forms, tag characters or
reordered text, while soft hyphens, joiners and isolates are everyday life in wikis, emoji and right-to-left scripts.
Choice: fold the text to plain lower-case letters with a map back to the original offsets, so that a match on the folded
text quotes the original exactly; what invisible characters spell is read out; a lone one is a fact and no accusation.
Invariant: offsets always point into the text given.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from pipeline.findings import Risk

ZERO_WIDTH = frozenset("\u200b\u200c\u200d\u2060\u2061\u2062\u2063\u2064\ufeff\u00ad\u180e\u034f")
BIDI_CONTROLS = frozenset("\u200e\u200f\u061c\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
TAGS = range(0xE0000, 0xE0080)
_CANCEL_TAG = "\U000e007f"
_FLAG = "\U0001f3f4"
_FLAG_TAGS_MAX = 7
_LOW_SELECTORS, _HIGH_SELECTORS = range(0xFE00, 0xFE10), range(0xE0100, 0xE01F0)
_SELECTORS_MAX = 2
_SPELLING, _ODD = 8, 4
"""Invisible characters in a row: enough for a letter in bits, and more than pasting leaves behind."""
_SMUGGLED = re.compile("[\U000e0000-\U000e007f]+|[\ufe00-\ufe0f\U000e0100-\U000e01ef]{3,}")
_INVISIBLE = re.compile(f"[{''.join(sorted(ZERO_WIDTH))}]+")
_OVERRIDE = re.compile("[\u202d\u202e][^\u202c\n]*\u202c?")
_LOOKALIKES = str.maketrans(
    "аеорсухіјѕԁһӏԛԝьвкмнтАВЕКМНОРСТХІЈЅαβεικνορτυχΑΒΕΖΗΙΚΜΝΟΡΤΥΧɡıℓ∣ǃ",
    "aeopcyxijsdhlqwbbkmhtABEKMHOPCTXIJSabeiknoptuxABEZHIKMNOPTYXgill!",
)
_GREEK_CYRILLIC = range(0x370, 0x530)
_LEET = str.maketrans("013457@$", "oieastas")
_GAP = re.compile(r"[\W_]+")
_BOUNDARY = re.compile(r"[.!?;]\s|[。！？।؟]|\n[ \t]*\r?\n|\n[ \t]*(?:[-*+•>]|\d+[.)])[ \t]|\n[ \t]*#", re.UNICODE)
_TERMINAL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


@dataclass(frozen=True, slots=True, kw_only=True)
class FoldedText:
    """Plain letters for matching; `origin[i]` is where the i-th came from."""

    text: str
    origin: Sequence[int]

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Map a match to the original text: start inclusive, end exclusive."""
        return self.origin[start], self.origin[end - 1] + 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Hidden:
    """Characters that a reader cannot see or that reorder what they see."""

    kind: str
    start: int
    end: int
    risk: Risk
    says: str = ""
    """What they spell, if anything."""


def fold(text: str, *, lookalikes: bool = True) -> FoldedText:
    """Fold to NFKC, case, no accents, no invisible characters and no terminal codes.

    Args:
        lookalikes: Read Cyrillic and Greek letters as the Latin ones that they resemble; off for words in those scripts.
    """
    if text.isascii() and "\x1b" not in text:
        return FoldedText(text=text.lower(), origin=range(len(text)))
    codes = {at for code in _TERMINAL.finditer(text) for at in range(code.start(), code.end())}
    letters: list[str] = []
    origin: list[int] = []
    for index, character in enumerate(text):
        plain = "" if index in codes else _plain(character, lookalikes=lookalikes)
        letters.append(plain)
        origin.extend([index] * len(plain))
    return FoldedText(text="".join(letters), origin=tuple(origin))


@lru_cache(maxsize=20_000)
def _plain(character: str, *, lookalikes: bool) -> str:
    if _unseen(character):
        return ""
    shown = unicodedata.normalize("NFKC", character)
    plain = (shown.translate(_LOOKALIKES) if lookalikes else shown).casefold()
    return "".join(part for part in unicodedata.normalize("NFD", plain) if not unicodedata.combining(part))


def _unseen(character: str) -> bool:
    code = ord(character)
    return (
        character in ZERO_WIDTH
        or character in BIDI_CONTROLS
        or code in TAGS
        or code in _LOW_SELECTORS
        or code in _HIGH_SELECTORS
    )


def unleet(folded: FoldedText) -> FoldedText:
    """Read digits and signs as the letters that they imitate."""
    return FoldedText(text=folded.text.translate(_LEET), origin=folded.origin)


def as_words(folded: FoldedText) -> FoldedText:
    """Reduce everything between words to one space, or to ` . ` where a sentence, a list item or a paragraph ends.

    Patterns over this view have one separator only, so they cannot be sent into exponential search.
    """
    letters: list[str] = []
    origin: list[int] = []
    end = 0
    for gap in _GAP.finditer(folded.text):
        letters.append(folded.text[end : gap.start()])
        origin.extend(folded.origin[end : gap.start()])
        shown = " . " if _BOUNDARY.search(gap.group(0)) else " "
        letters.append(shown)
        origin.extend([folded.origin[gap.start()]] * len(shown))
        end = gap.end()
    letters.append(folded.text[end:])
    origin.extend(folded.origin[end:])
    return FoldedText(text="".join(letters), origin=tuple(origin))


def hidden_runs(text: str) -> Iterator[Hidden]:
    """Find characters that hide or reorder text; flags, emoji and the scripts that need joiners are spared."""
    if text.isascii():
        return
    yield from _smuggled(text)
    yield from _invisible(text)
    yield from _reordered(text)


def _smuggled(text: str) -> Iterator[Hidden]:
    for run in _SMUGGLED.finditer(text):
        spelled = run.group(0)
        if ord(spelled[0]) not in TAGS:
            said = bytes(_selected(character) for character in spelled).decode("utf-8", "replace")
            yield Hidden(
                kind="variation selectors", start=run.start(), end=run.end(), risk=Risk.HIGH, says=_shown(said)
            )
        elif not _is_flag(text, run.start(), spelled):
            said = "".join(chr(ord(character) - TAGS.start) for character in spelled)
            yield Hidden(kind="tag characters", start=run.start(), end=run.end(), risk=Risk.HIGH, says=_shown(said))


def _is_flag(text: str, start: int, tags: str) -> bool:
    return text[start - 1 : start] == _FLAG and tags.endswith(_CANCEL_TAG) and len(tags) <= _FLAG_TAGS_MAX


def _selected(character: str) -> int:
    code = ord(character)
    return code - _LOW_SELECTORS.start if code in _LOW_SELECTORS else code - _HIGH_SELECTORS.start + len(_LOW_SELECTORS)


def _invisible(text: str) -> Iterator[Hidden]:
    """Long rows spell something; the rest is told once, by its first place."""
    ordinary = []
    for run in _INVISIBLE.finditer(text):
        length = run.end() - run.start()
        if length >= _ODD:
            yield Hidden(
                kind=f"{length} invisible characters in a row",
                start=run.start(),
                end=run.end(),
                risk=Risk.HIGH if length >= _SPELLING else Risk.MEDIUM,
                says=_bits(run.group(0)),
            )
        elif _beside_latin(text, run.start(), run.end()):
            ordinary.append(run)
    if ordinary:
        names = sorted({f"U+{ord(character):04X}" for run in ordinary for character in run.group(0)})
        first = ordinary[0]
        kind = f"invisible characters ({', '.join(names)}) in {len(ordinary)} places, as pasted text has them"
        yield Hidden(kind=kind, start=first.start(), end=first.end(), risk=Risk.LOW)


def _beside_latin(text: str, start: int, end: int) -> bool:
    if start == 0 and text[0] == "\ufeff":
        return False
    return any(
        beside.isascii() and beside.isalnum() for beside in (text[max(0, start - 1) : start], text[end : end + 1])
    )


def _bits(run: str) -> str:
    kinds = list(dict.fromkeys(run))
    if len(kinds) != len("01"):
        return ""
    for zero in kinds:
        digits = "".join("0" if character == zero else "1" for character in run)
        data = bytes(int(digits[at : at + 8], 2) for at in range(0, len(digits) - 7, 8))
        if said := _shown(data.decode("utf-8", "replace")):
            return said
    return ""


def _shown(text: str) -> str:
    printable = "".join(character for character in text if character.isprintable() and character != "\ufffd")
    return printable if len(printable) * 2 > len(text) else ""


def _reordered(text: str) -> Iterator[Hidden]:
    for run in _OVERRIDE.finditer(text):
        covered = run.group(0)[1:].rstrip("\u202c")
        latin = any(character.isascii() and character.isalpha() for character in covered)
        foreign = any(unicodedata.bidirectional(character) in {"R", "AL"} for character in covered)
        yield Hidden(
            kind="an override of the direction of text",
            start=run.start(),
            end=run.end(),
            risk=Risk.MEDIUM if latin or not foreign else Risk.LOW,
            says=covered[::-1],
        )


def mixed_words(text: str) -> Iterator[tuple[int, int]]:
    """Find words that mix Latin letters with look-alikes of other scripts."""
    for word in re.finditer(r"[^\W\d_]{3,}", text):
        letters = word.group(0)
        if letters.isascii():
            continue
        if any(letter.isascii() for letter in letters) and any(ord(letter) in _GREEK_CYRILLIC for letter in letters):
            yield word.start(), word.end()
