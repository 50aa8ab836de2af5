"""Text from callers: what a person can read, in a known size, or a refusal that says what is wrong.

Problem: NUL bytes break the database, lone surrogates break every encoder, control characters forge log lines and
terminals. Choice: one set of annotated types; every free text of the API uses one of them.
"""

import math
import re
from typing import Annotated, Any

from pydantic import AfterValidator, StringConstraints

from pipeline.ref_names import BRANCH_MAX, why_no_branch

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\ufffe\uffff\ud800-\udfff]")
_BREAKS = re.compile(r"[\t\r\n]")
_DEPTH_MAX = 20

TITLE_MAX = 300
TEXT_MAX = 2_000_000
"""Characters of a request; what a tenant allows is less."""


def _readable(value: str) -> str:
    found = _CONTROL.search(value)
    if found:
        raise ValueError(
            f"contains the control character U+{ord(found.group()):04X} at position {found.start()}; "
            "binary content is not a text"
        )
    return value


def _one_line(value: str) -> str:
    if _BREAKS.search(value):
        raise ValueError("must be a single line")
    return value


def _branch(value: str) -> str:
    if (why := why_no_branch(value)) is not None:
        raise ValueError(why)
    return value


def _plain_json(value: dict[str, Any]) -> dict[str, Any]:
    _check(value, 0)
    return value


def _check(value: object, depth: int) -> None:
    if depth > _DEPTH_MAX:
        raise ValueError(f"is nested deeper than {_DEPTH_MAX} levels")
    if isinstance(value, str):
        _readable(value)
    elif isinstance(value, float) and not math.isfinite(value):
        raise ValueError("contains a number that JSON does not have")
    elif isinstance(value, dict):
        for key, inner in value.items():
            _readable(str(key))
            _check(inner, depth + 1)
    elif isinstance(value, list):
        for inner in value:
            _check(inner, depth + 1)


Line = Annotated[str, StringConstraints(strip_whitespace=True), AfterValidator(_readable), AfterValidator(_one_line)]
"""One line of readable text."""

Text = Annotated[str, AfterValidator(_readable)]
"""Readable text of any number of lines."""

BranchName = Annotated[str, StringConstraints(min_length=1, max_length=BRANCH_MAX), AfterValidator(_branch)]
"""The short name of a branch, by git's rules."""

JsonObject = Annotated[dict[str, Any], AfterValidator(_plain_json)]
"""A JSON object whose texts are readable and whose numbers are finite."""
