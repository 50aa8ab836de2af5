"""Shapes of provider keys, and how a secret is named without telling it."""

import re
from collections.abc import Iterator

from pipeline.ports import SecretHit

_VISIBLE_CHARS = 4
_MASKED_MIN_CHARS = 16
_SHAPES = (
    ("Anthropic key", re.compile(r"\bsk-ant-[A-Za-z0-9_-]{20,}")),
    ("OpenAI key", re.compile(r"\bsk-(?:proj|svcacct|admin)-[A-Za-z0-9_-]{20,}")),
    ("GitHub token", re.compile(r"\b(?:gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{40,})")),
    ("GitLab token", re.compile(r"\bgl(?:pat|ptt|dt|rt|cbt|soat)-[A-Za-z0-9_-]{20,}")),
    ("AWS access key id", re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b")),
    ("AWS secret access key", re.compile(r"(?i)aws_?secret_?(?:access_?)?key['\"]?\s*[:=]\s*['\"]?(?P<value>[A-Za-z0-9/+=]{40})\b")),
    ("private key", re.compile(r"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY(?: BLOCK)?-----")),
    ("Slack token", re.compile(r"\bxox[abeoprs]-[A-Za-z0-9-]{10,}")),
    ("Google API key", re.compile(r"\bAIza[A-Za-z0-9_-]{35}\b")),
    ("npm token", re.compile(r"\bnpm_[A-Za-z0-9]{36}\b")),
    ("PyPI token", re.compile(r"\bpypi-[A-Za-z0-9_-]{50,}")),
    ("Stripe key", re.compile(r"\b[rs]k_live_[A-Za-z0-9]{20,}")),
    ("Hugging Face token", re.compile(r"\bhf_[A-Za-z0-9]{30,}")),
    ("Azure storage key", re.compile(r"AccountKey=(?P<value>[A-Za-z0-9+/=]{80,})")),
)  # fmt: skip
_PRIVATE_KEY_BODY = re.compile(
    r"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY(?: BLOCK)?-----(?P<body>.+?)(?=-----END|\Z)", re.DOTALL
)
_URL_PASSWORD = re.compile(
    r"\b[a-z][a-z0-9+]*://[^\s:/@'\"]+:(?P<value>[^\s/@'\"{}<>$]{6,})@(?!localhost|127\.0\.0\.1|example)"
)
_PLACEHOLDER = re.compile(
    r"(?i)example|placeholder|change.?me|your[_-]|dummy|redacted|<[^>]+>|\$\{|\{\{|xxxx|\*{4}|^(.)\1+$|0{8}|1234567"
)


def provider_hits(number: int, text: str) -> Iterator[SecretHit]:
    """Find keys of known providers (certain) and passwords inside addresses (possible) in one line."""
    for kind, shape in _SHAPES:
        for found in shape.finditer(text):
            value = found.group("value" if "value" in shape.groupindex else 0)
            if not placeholder(value):
                yield SecretHit(line=number, kind=kind, certain=True, masked=masked(value))
    for found in _URL_PASSWORD.finditer(text):
        if not placeholder(found.group("value")):
            yield SecretHit(
                line=number, kind="password in an address", certain=False, masked=masked(found.group("value"))
            )


def redacted(text: str, start: int = 0) -> str:
    """Return `text` from `start` on with what has a secret's shape named instead of told; what is before gives context."""
    told, cursor = list[str](), start
    for begin, stop in sorted(_spans(text)):
        if stop > cursor:
            told.append(text[cursor : max(begin, cursor)])
            told.append(f"[{masked(text[begin:stop])}]")
            cursor = stop
    return "".join([*told, text[cursor:]])


def redacted_lines(text: str) -> str:
    """As `redacted`, but every line stays a line and keeps its first character: line numbers and diffs stay true."""
    told, cursor = list[str](), 0
    for begin, stop in sorted(_spans(text)):
        if stop > cursor:
            start = max(begin, cursor)
            told.append(text[cursor:start])
            first, *rest = text[start:stop].split("\n")
            name = f"[{masked(text[begin:stop])}]" if first else ""
            told.append("\n".join([name, *(f"{line[0]}…" if line else "" for line in rest)]))
            cursor = stop
    return "".join([*told, text[cursor:]])


def _spans(text: str) -> Iterator[tuple[int, int]]:
    for _, shape in _SHAPES:
        for found in shape.finditer(text):
            group = "value" if "value" in shape.groupindex else 0
            if not placeholder(found.group(group)):
                yield found.span(group)
    for found in _PRIVATE_KEY_BODY.finditer(text):
        yield found.span("body")
    for found in _URL_PASSWORD.finditer(text):
        if not placeholder(found.group("value")):
            yield found.span("value")


def placeholder(value: str) -> bool:
    """Whether a value is plainly made up, as documentation does."""
    return _PLACEHOLDER.search(value) is not None


def masked(value: str) -> str:
    """Name a secret by its first letters and its length; short ones by length alone."""
    shown = value[:_VISIBLE_CHARS] if len(value) >= _MASKED_MIN_CHARS else ""
    return f"{shown}… ({len(value)} characters)"
