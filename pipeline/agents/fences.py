"""How text enters a prompt: fenced, labelled, and unable to leave its fence.

Problem: text from a ticket, a repository or a CI log that closes its own delimiter speaks with the pipeline's voice;
invisible characters carry what a person never saw. Choice: every fence is a tag whose id is derived from the content
and does not occur in it, look-alikes of the tags are defused, and invisible characters are written out. No randomness,
so that the same text gives the same bytes and prompt caches hold. Invariant: between an opening and a closing tag with
one id stands exactly the given text as `readable` shows it, whatever it says.
"""

import hashlib
import re
import unicodedata
from dataclasses import dataclass

UNTRUSTED = "untrusted"
"""Text from outside: data to work on, never instructions to follow."""
VERIFIED_SPEC = "verified_spec"
"""The behaviour spec after verification: the only source of requirements for whoever writes code."""
OPERATOR_INSTRUCTION = "operator_instruction"
"""What an authorised person told this run."""

_TAGS = (UNTRUSTED, VERIFIED_SPEC, OPERATOR_INSTRUCTION)
_LOOKALIKE = re.compile(rf"<(?=\s*/?\s*(?:{'|'.join(_TAGS)}))", re.IGNORECASE)
_ID_LENGTH = 16
_LABEL_LENGTH_MAX = 160
_INVISIBLE_CATEGORIES = {"Cc", "Cf", "Co", "Cs", "Zl", "Zp"}
_VARIATION_SELECTORS = frozenset(map(chr, range(0xE0100, 0xE01F0)))
"""Nobody sees them, and a run of them can spell any text."""


@dataclass(frozen=True, slots=True)
class Untrusted:
    """Text from outside on its way into a prompt. Its only form as a string is the marked one."""

    label: str
    text: str

    def __str__(self) -> str:
        return untrusted(self.label, self.text)


@dataclass(frozen=True, slots=True)
class VerifiedSpec:
    """The verified `.feature` text of one repository on its way into a prompt."""

    repository: str
    text: str

    def __str__(self) -> str:
        return verified_spec(self.repository, self.text)


def untrusted(label: str, text: str) -> str:
    """Mark text from outside. `label` says what it is; the text cannot end the mark."""
    return _fence(UNTRUSTED, label, text)


def verified_spec(label: str, text: str) -> str:
    """Mark a verified behaviour spec."""
    return _fence(VERIFIED_SPEC, label, text)


def operator_instruction(actor: str, text: str) -> str:
    """Mark what an authorised person said; `actor` is their name."""
    return _fence(OPERATOR_INSTRUCTION, f"from {actor}", text)


def readable(text: str) -> str:
    """Return `text` as prompts show it: invisible characters written as <U+XXXX>, fence look-alikes defused. Idempotent."""
    unified = text.replace("\r\n", "\n")
    shown = unified if unified.isascii() and unified.isprintable() else "".join(map(_visible, unified))
    return _LOOKALIKE.sub("&lt;", shown)


def fact(text: str) -> str:
    """Return a short fact (a name, a path, a command) on one line and readable, for use outside a fence."""
    return " ".join(readable(text).split("\n"))


def _fence(tag: str, label: str, text: str) -> str:
    body = readable(text)
    fence_id = _id_not_in(body)
    name = re.sub(r"[^\w .,:;/@#+()\[\]-]", "_", label)[:_LABEL_LENGTH_MAX]
    return f'<{tag} id="{fence_id}" label="{name}">\n{body}\n</{tag} id="{fence_id}">'


def _id_not_in(body: str) -> str:
    digest = hashlib.sha256(body.encode()).hexdigest()
    while digest[:_ID_LENGTH] in body.lower():
        digest = hashlib.sha256(digest.encode()).hexdigest()
    return digest[:_ID_LENGTH]


def _visible(character: str) -> str:
    hidden = unicodedata.category(character) in _INVISIBLE_CATEGORIES or character in _VARIATION_SELECTORS
    return f"<U+{ord(character):04X}>" if hidden and character not in "\n\t" else character
