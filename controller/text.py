"""Text from callers: what a person can read, in a known size, or a refusal that says what is wrong.

Problem: NUL bytes break the database, lone surrogates break every encoder, control characters forge log lines and
terminals. Choice: one set of annotated types; every free text of the API uses one of them. Invariant: what a type refuses,
its schema says, as far as a schema can; the rest is in its description.
"""

import math
import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any

from pydantic import AfterValidator, Field, GetJsonSchemaHandler, StringConstraints, WithJsonSchema
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from pipeline.repositories.ref_names import BRANCH_MAX, why_no_branch

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\ufffe\uffff\ud800-\udfff]")
_BREAKS = re.compile(r"[\t\r\n]")
_DEPTH_MAX = 20

IDENTIFIER = r"^[A-Za-z0-9_][A-Za-z0-9._-]{0,99}$"

TITLE_MAX = 300
TEXT_MAX = 2_000_000
"""Characters of a request; what a tenant allows is less."""

URL = r"^https?://[^\s\u0000-\u001f\u007f-\u009f\ufffe\uffff\ud800-\udfff]+$"
_UNREADABLE = r"\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u2028\u2029\ufffe\uffff\ud800-\udfff"
_IN_LINES = _UNREADABLE + r"\t\r\n"


@dataclass(frozen=True, slots=True)
class Stated:
    """Puts into the schema, as a pattern, what a validator refuses. It refuses nothing itself."""

    pattern: str

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """See pydantic."""
        return {**handler(core), "pattern": self.pattern}


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


Line = Annotated[
    str, StringConstraints(strip_whitespace=True), AfterValidator(_readable), AfterValidator(_one_line),
    Stated(f"^[^{_IN_LINES}]*$"),
]  # fmt: skip
"""One line of readable text; blanks around it do not count."""

FilledLine = Annotated[Line, StringConstraints(min_length=1), Stated(rf"^(?=.*\S)[^{_IN_LINES}]*$")]
"""One line that says something."""

Text = Annotated[str, AfterValidator(_readable), Stated(f"^[^{_UNREADABLE}]*$")]
"""Readable text of any number of lines."""

FilledText = Annotated[Text, Stated(rf"^(?=[\s\S]*\S)[^{_UNREADABLE}]*$")]
"""Text that says something; whoever stores it looks whether it does."""

BranchName = Annotated[
    str, StringConstraints(min_length=1, max_length=BRANCH_MAX), AfterValidator(_branch),
    Stated(r"^[^\s\u0000-\u001f\u007f-\u009f~^:?*\[\\.@/-][^\s\u0000-\u001f\u007f-\u009f~^:?*\[\\]*$"),
    Field(description="The short name of a branch, by the rules of `git check-ref-format --branch`, all of it printable."),
]  # fmt: skip
"""The short name of a branch, by git's rules."""

Searched = Annotated[str, Stated(r"^[^\u0000]*$")]
"""What is compared with stored texts; no text holds NUL."""

_USD = r"^0{0,9}(?=[0-9.]*[1-9])([0-9]{1,4}(\.[0-9]{1,4})?|10000(\.0{1,4})?)$"
BudgetUsd = Annotated[
    Decimal, Field(gt=0, le=10_000, decimal_places=4),
    WithJsonSchema({"anyOf": [
        {"type": "number", "exclusiveMinimum": 0, "maximum": 10_000, "multipleOf": 0.0001},
        {"type": "string", "pattern": _USD},
    ]}),
]  # fmt: skip
"""US dollars, to a hundredth of a cent."""

JsonObject = Annotated[
    dict[str, Any], AfterValidator(_plain_json),
    Field(description=f"At most {_DEPTH_MAX} levels deep; texts without control characters; numbers that JSON has."),
]  # fmt: skip
"""A JSON object whose texts are readable and whose numbers are finite."""
