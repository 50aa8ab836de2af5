"""What encoded passages say: base64, base32, hex, bits, escapes, entities, percent signs, rot13, reversed or spaced text.

Problem: an instruction that no reader recognises is still read by a model, while tickets are full of harmless blobs:
pictures, tokens, hashes, examples of an encoder. Choice: decode what decodes to readable text, nested up to three deep, and
let what it says be judged; the encoding itself accuses nobody. Invariant: offsets point into the text given; work is
linear in its length.
"""

import base64
import binascii
import codecs
import html
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from urllib.parse import unquote

_DEPTH_MAX = 3
_READABLE_MIN = 0.9
_SHORTEST = 8
_PASSAGES_MAX = 200
_BLOB = re.compile(r"(?<![A-Za-z0-9+/=_-])[A-Za-z0-9+/_-]{16,}={0,6}(?![A-Za-z0-9+/=_-])")
_TELLING = (
    "ignore", "disregard", "forget", "override", "bypass", "instruction", "guideline", "secret", "credential", "environment",
    "approve",
)  # fmt: skip
_ROT13 = tuple(codecs.encode(word, "rot13") for word in _TELLING)
_REVERSED = tuple(word[::-1] for word in _TELLING)
_BOTH_MIN = 2
"""One such word occurs by chance in a token; two are an instruction."""
_SPACED = re.compile(r"(?<!\w)(?:\w[ .\-_*]{1,4}){9,}\w(?!\w)")
_BASE32_ALPHABET = re.compile(r"[A-Z2-7]+=*")
_SENTENCE = re.compile(r"(?<![^\W\d_])[^\W\d_]{2,40} +[^\W\d_]{2}|[\u3040-\u30ff\u4e00-\u9fff\uac00-\ud7af]{4,}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoded:
    """A passage of the text, how it is written and what it says."""

    how: str
    text: str
    start: int
    end: int

    @property
    def sentence(self) -> bool:
        """Whether it says something in words."""
        return _SENTENCE.search(self.text) is not None


def decoded_passages(text: str) -> Iterator[Decoded]:
    """Decode what turns into readable text; hashes, keys and pictures do not."""
    yield from islice(_decoded(text), _PASSAGES_MAX)
    lowered = text.lower()
    if sum(word in lowered for word in _ROT13) >= _BOTH_MIN:
        yield Decoded(how="rot13", text=codecs.encode(text, "rot13"), start=0, end=len(text))
    if sum(word in lowered for word in _REVERSED) >= _BOTH_MIN:
        yield Decoded(how="written backwards", text=text[::-1], start=0, end=len(text))


def _decoded(text: str) -> Iterator[Decoded]:
    for how, shape, decode in _WRITTEN:
        for found in shape.finditer(text):
            said = decode(found.group(0))
            if said and said != found.group(0) and _readable(said):
                yield Decoded(how=how, text=_unwrapped(said), start=found.start(), end=found.end())


def _unwrapped(text: str) -> str:
    """Read what is wrapped several times, such as base64 in base64."""
    for _ in range(_DEPTH_MAX - 1):
        inner = next((one.text for one in _once(text)), None)
        if inner is None:
            return text
        text = f"{text}\n\n{inner}" if _SENTENCE.search(text) else inner
    return text


def _once(text: str) -> Iterator[Decoded]:
    for found in _BLOB.finditer(text.strip()):
        said = _blob(found.group(0))
        if said and _readable(said):
            yield Decoded(how="base64", text=said, start=found.start(), end=found.end())


def _readable(text: str) -> bool:
    shown = sum(character.isprintable() or character in "\r\n\t" for character in text if character != "\ufffd")
    return len(text) >= _SHORTEST and shown >= _READABLE_MIN * len(text)


def _blob(blob: str) -> str:
    for data in _bytes_of(blob):
        text = data.decode("utf-8", "replace")
        if _readable(text):
            return text
    return ""


def _bytes_of(blob: str) -> Iterator[bytes]:
    bare = blob.rstrip("=")
    try:
        if re.fullmatch(r"(?:[0-9a-fA-F]{2})+", bare):
            yield bytes.fromhex(bare)
        if _BASE32_ALPHABET.fullmatch(blob):
            yield base64.b32decode(bare + "=" * (-len(bare) % 8))
    except (binascii.Error, ValueError):
        pass
    try:
        yield base64.b64decode(bare.replace("-", "+").replace("_", "/") + "=" * (-len(bare) % 4))
    except (binascii.Error, ValueError):
        return


def _hex(text: str) -> str:
    return bytes.fromhex(re.sub(r"[\s:,]|0x", "", text)).decode("utf-8", "replace")


def _binary(text: str) -> str:
    return bytes(int(byte, 2) for byte in text.split()).decode("utf-8", "replace")


def _escapes(text: str) -> str:
    return re.sub(r"\\(?:u|x)\{?([0-9a-fA-F]{2,6})\}?", lambda found: _character(int(found.group(1), 16)), text)


def _character(code: int) -> str:
    return chr(code) if code < 0x110000 and not 0xD800 <= code < 0xE000 else "\ufffd"  # noqa: PLR2004 - Unicode's own bounds


def _letters(text: str) -> str:
    words = re.split(r"(?<=\w)\s{2,}(?=\w)", text)
    return " ".join(re.sub(r"[\W_]", "", word) for word in words)


_WRITTEN: tuple[tuple[str, re.Pattern[str], Callable[[str], str]], ...] = (
    ("encoded", _BLOB, _blob),
    ("hex", re.compile(r"(?<![\w:])(?:(?:0x)?[0-9a-fA-F]{2}[ :,]{1,2}){7,}(?:0x)?[0-9a-fA-F]{2}(?!\w)"), _hex),
    ("bits", re.compile(r"(?<!\w)(?:[01]{8}\s+){4,}[01]{8}(?!\w)"), _binary),
    ("percent signs", re.compile(r"[^\s%]{0,40}(?:%[0-9A-Fa-f]{2}[^\s%]{0,200}){3,}"), unquote),
    ("entities", re.compile(r"(?:&#x?[0-9A-Fa-f]{1,6};[ ]?){6,}"), html.unescape),
    (
        "escapes",
        re.compile(r"(?:\\(?:u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2}|u\{[0-9a-fA-F]{2,6}\})[^\\\n]{0,2}){6,}"),
        _escapes,
    ),
    ("spaced letters", _SPACED, _letters),
)
