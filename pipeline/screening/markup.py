"""Passages that a page does not show although a model reads them.

Problem: an instruction in an HTML comment, in a picture's replacement text or in white letters is seen by agents only, but
issue forms leave comments in every ticket, and pictures have descriptions. Choice: cut such passages out with their place,
so that what they say is judged more strictly than the same words in plain sight; being hidden is no accusation by itself.
Invariant: offsets point into the text given; no pattern backtracks over more than one passage.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """What is hidden, how, and where the words stand."""

    how: str
    text: str
    start: int
    end: int


_UNSEEN_STYLE = (
    r"display\s*:\s*none|visibility\s*:\s*hidden|font-size\s*:\s*[01](?:px|pt|em|rem)?\s*[;\"']|opacity\s*:\s*0(?:\.0+)?\s*[;\"']"
    r"|(?:left|top|text-indent)\s*:\s*-\d{3,}|(?:max-)?(?:width|height)\s*:\s*0"
    r"|color\s*:\s*(?:#fff(?:fff)?\b|white|transparent|rgba?\([^)]*,\s*0\s*\))"
)
_SHAPES: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("an HTML comment", re.compile(r"<!--(?P<text>.*?)(?:-->|\Z)", re.DOTALL)),
    (
        "an element that a page does not show",
        re.compile(
            rf"<(?P<tag>[a-z][a-z0-9]{{0,15}})\b[^<>]{{0,200}}?(?:style\s*=\s*[^<>]{{0,200}}?(?:{_UNSEEN_STYLE})[^<>]{{0,200}}|\shidden\b[^<>]{{0,200}}|aria-hidden\s*=\s*.?true[^<>]{{0,200}})>"
            r"(?P<text>.{0,2000}?)(?:</(?P=tag)\s*>|\Z)",
            re.DOTALL | re.IGNORECASE,
        ),
    ),
    ("a link's title", re.compile(r"\]\([^\s()]{1,2000}\s+[\"'(](?P<text>[^\"'\n]{3,2000})[\"')]\s*\)")),
    ("a picture's replacement text", re.compile(r"!\[(?P<text>[^\[\]\n]{3,2000})\]\(")),
    ("a Markdown comment", re.compile(r"(?m)^[ ]{0,3}\[[^\]\n]{1,80}\]:\s*\S{1,2000}\s+[\"'(](?P<text>[^\n]{3,2000})[\"')]\s*$")),
    ("the name of a file", re.compile(r"(?<![\w/.-])(?P<text>[^\W_]+(?:[-_][^\W_]+){3,20})\.[A-Za-z0-9]{2,5}\b")),
    ("an attribute", re.compile(r"<[a-z][^<>]{0,200}?\b(?:title|alt|aria-label|data-[a-z-]+|content)\s*=\s*[\"'](?P<text>[^\"'>]{8,2000})[\"']", re.IGNORECASE)),
    ("letters that a terminal does not show", re.compile(r"\x1b\[(?:[0-9;]*;)?8m(?P<text>[^\x1b]{1,4000})")),
    ("letters in the colour of their ground", re.compile(r"\x1b\[(?:3(?P<fore>\d);4(?P=fore)|4(?P<ground>\d);3(?P=ground))m(?P<text>[^\x1b]{1,4000})")),
    ("a line that a terminal erases", re.compile(r"\x1b\[[0-3]?[KJA](?:\x1b\[[0-9;]*[A-Za-z])*(?P<text>[^\x1b\n]{1,4000})")),
)  # fmt: skip


def hidden_passages(text: str) -> Iterator[Passage]:
    """Find the passages, in the order of the kinds."""
    for how, shape in _SHAPES:
        for found in shape.finditer(text):
            if found.group("text").strip():
                yield Passage(how=how, text=found.group("text"), start=found.start("text"), end=found.end("text"))
