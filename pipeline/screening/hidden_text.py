"""Make hidden text visible before it is matched, and remember where each character came from.

Problem: an instruction can hide in zero-width characters, look-alike letters, full-width forms, tag characters or an
encoded blob. Choice: fold the text to plain lower-case letters with a map back to the original offsets, so that a match
on the folded text quotes the original exactly; decode blobs once. Invariant: offsets always point into the text given.
"""

import base64
import binascii
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

ZERO_WIDTH = frozenset("\u200b\u200c\u200d\u2060\u2061\u2062\u2063\u2064\ufeff\u00ad\u180e\u034f")
BIDI_CONTROLS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
TAGS = range(0xE0000, 0xE0080)
_FLAG_BASE = "\U0001f3f4"
_LOOKALIKES = str.maketrans(
    "аеорсухіјѕԁһӏԛԝьвкмнтАВЕКМНОРСТХІЈЅαβεικνορτυχΑΒΕΖΗΙΚΜΝΟΡΤΥΧɡıℓ∣ǃ",
    "aeopcyxijsdhlqwbbkmhtABEKMHOPCTXIJSabeiknoptuxABEZHIKMNOPTYXgill!",
)
_LEET = str.maketrans("013457@$", "oieastas")
_BLOB = re.compile(
    r"(?<![A-Za-z0-9+/=_-])(?:[A-Za-z0-9+/_-]{24,}={0,2}|(?:[0-9a-fA-F]{2}[ :]?){16,})(?![A-Za-z0-9+/=_-])"
)
_READABLE_MIN = 0.9
_GAP = re.compile(r"[\W_]+")
_BOUNDARY = re.compile(r"[.!?;]\s|\n[ \t]*\r?\n")
_HEX = re.compile(r"(?:[0-9a-fA-F]{2}[ :]?)+")


@dataclass(frozen=True, slots=True, kw_only=True)
class FoldedText:
    """Plain letters for matching; `origin[i]` is where the i-th came from."""

    text: str
    origin: tuple[int, ...]

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Map a match to the original text: start inclusive, end exclusive."""
        return self.origin[start], self.origin[end - 1] + 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Hidden:
    """A run of characters that a reader cannot see or that reorders what they see."""

    kind: str
    start: int
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoded:
    """A blob in the text and what it says."""

    text: str
    start: int
    end: int


def fold(text: str) -> FoldedText:
    """Fold to NFKC, case, look-alikes and no invisible characters."""
    letters: list[str] = []
    origin: list[int] = []
    for index, character in enumerate(text):
        if character in ZERO_WIDTH or character in BIDI_CONTROLS:
            continue
        shown = chr(ord(character) - TAGS.start) if ord(character) in TAGS else character
        plain = unicodedata.normalize("NFKC", shown).translate(_LOOKALIKES).casefold()
        plain = "".join(part for part in unicodedata.normalize("NFD", plain) if not unicodedata.combining(part))
        letters.append(plain)
        origin.extend([index] * len(plain))
    return FoldedText(text="".join(letters), origin=tuple(origin))


def unleet(folded: FoldedText) -> FoldedText:
    """Read digits and signs as the letters that they imitate."""
    return FoldedText(text=folded.text.translate(_LEET), origin=folded.origin)


def as_words(folded: FoldedText) -> FoldedText:
    """Reduce everything between words to one space, or to ` . ` where a sentence or paragraph ends.

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
    """Find characters that hide or reorder text; emoji joiners, flags and the scripts that need joiners are spared."""
    start = None
    for index in range(len(text) + 1):
        kind = _hidden_kind(text, index) if index < len(text) else None
        if kind and start is None:
            start = index
        elif not kind and start is not None:
            yield Hidden(kind=_hidden_kind(text, start) or "", start=start, end=index)
            start = None


def _hidden_kind(text: str, index: int) -> str | None:
    character = text[index]
    if character in BIDI_CONTROLS:
        return "bidirectional control"
    if ord(character) in TAGS:
        return None if _FLAG_BASE in text[max(0, index - 8) : index] else "tag character"
    if character in ZERO_WIDTH and not (character == "\ufeff" and index == 0):
        return "invisible character" if _beside_latin(text, index) else None
    return None


def _beside_latin(text: str, index: int) -> bool:
    around = [text[at] for at in (index - 1, index + 1) if 0 <= at < len(text)]
    return any(character in ZERO_WIDTH or (character.isascii() and character.isalnum()) for character in around)


def mixed_words(text: str) -> Iterator[tuple[int, int]]:
    """Find words that mix Latin letters with look-alikes of other scripts."""
    for word in re.finditer(r"[^\W\d_]{3,}", text):
        letters = word.group(0)
        if any(letter.isascii() for letter in letters) and letters.translate(_LOOKALIKES) != letters:
            yield word.start(), word.end()


def decoded_blobs(text: str) -> Iterator[Decoded]:
    """Decode base64 and hex blobs that turn into readable text; hashes and keys do not."""
    for found in _BLOB.finditer(text):
        for data in _decodings(found.group(0)):
            shown = data.decode("utf-8", "replace")
            readable = sum(
                character.isprintable() or character in "\n\t" for character in shown if character != "\ufffd"
            )
            if shown and readable >= _READABLE_MIN * len(shown):
                yield Decoded(text=shown, start=found.start(), end=found.end())
                break


def _decodings(blob: str) -> Iterator[bytes]:
    if _HEX.fullmatch(blob):
        yield bytes.fromhex(re.sub(r"[ :]", "", blob))
    try:
        yield base64.b64decode(
            blob.replace("-", "+").replace("_", "/") + "=" * (-len(blob.rstrip("=")) % 4), validate=False
        )
    except (binascii.Error, ValueError):
        return
