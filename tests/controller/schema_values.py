"""Values for a JSON Schema as this API's description has it: those it allows, ordinary and odd."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from hypothesis import strategies as st

Schema = Mapping[str, Any]

ODD_TEXTS = [
    "", " ", "\x00", "a\x00b", "\ud800", "\u0660\u0661", "\u202e", "\u2028", "\ufeff", "\uffff", "%00", "%", "_", "\\",
    "'", '"', "' OR 1=1 --", "../..", "-", "--help", "null", "NaN", "0", "-1", "1e400", "\t", "\r\n", "😀", "é" * 100, "a" * 100_000,
]  # fmt: skip
ODD_NUMBERS = [0, 1, -1, 2**31 - 1, 2**31, 2**63 - 1, 2**63, -(2**63), 10**40, 0.1, 1e-9, 1e300, 0.00005, 9999.9999]
_TEXTS = st.one_of(st.sampled_from(ODD_TEXTS), st.text(max_size=30))
_ANYTHING = st.recursive(
    st.one_of(st.none(), st.booleans(), st.sampled_from(ODD_NUMBERS), _TEXTS),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(_TEXTS, inner, max_size=3)),
    max_leaves=5,
)


def allowed(schema: Schema, whole: Schema) -> st.SearchStrategy[Any]:
    """Return a strategy for values that the schema allows. `whole` is the description that references point into."""
    if "$ref" in schema:
        return allowed(_named(schema["$ref"], whole), whole)
    if "anyOf" in schema or "oneOf" in schema:
        return st.one_of([allowed(one, whole) for one in schema.get("anyOf") or schema["oneOf"]])
    if "enum" in schema or "const" in schema:
        return st.sampled_from(schema.get("enum") or [schema["const"]])
    kind = schema.get("type")
    if kind in {"array", "object"}:
        return _arrays(schema, whole) if kind == "array" else _objects(schema, whole)
    if kind in {"boolean", "null"}:
        return st.booleans() if kind == "boolean" else st.none()
    simple: dict[Any, Callable[[Schema], st.SearchStrategy[Any]]]
    simple = {"string": _strings, "integer": _integers, "number": _numbers}
    return simple[kind](schema) if kind in simple else _ANYTHING


def odd() -> st.SearchStrategy[Any]:
    """Return a strategy for whatever JSON can say."""
    return _ANYTHING


def odd_texts() -> st.SearchStrategy[str]:
    """Return a strategy for whatever stands in an address or a header."""
    return _TEXTS


def _named(reference: str, whole: Schema) -> Schema:
    found: Any = whole
    for part in reference.removeprefix("#/").split("/"):
        found = found[part]
    schema: Schema = found
    return schema


def _strings(schema: Schema) -> st.SearchStrategy[str]:
    low, high, pattern = schema.get("minLength", 0), schema.get("maxLength", 2_000), schema.get("pattern")
    if pattern is not None and pattern.endswith("$"):
        # In Python alone `$` also stands before a last line feed.
        pattern = f"{pattern[:-1]}\\Z"

    def fits(text: str) -> bool:
        return low <= len(text) <= high and (pattern is None or re.search(pattern, text) is not None)

    choices = [st.sampled_from(fitting)] if (fitting := [text for text in ODD_TEXTS if fits(text)]) else []
    if pattern is None:
        choices.append(st.text(min_size=low, max_size=min(high, low + 40)))
        choices.append(st.just("a" * high))
    else:
        choices.append(st.from_regex(re.compile(pattern)).filter(fits))
    return st.one_of(choices)


def _integers(schema: Schema) -> st.SearchStrategy[int]:
    low, high = schema.get("minimum", schema.get("exclusiveMinimum")), schema.get("maximum")
    return st.one_of(
        st.integers(low, high), st.sampled_from([one for one in (low, high) if one is not None] or [0, 10**40])
    )


def _numbers(schema: Schema) -> st.SearchStrategy[float]:
    low, high, step = schema.get("exclusiveMinimum", 0), schema.get("maximum", 10**6), schema.get("multipleOf")
    if step is None:
        return st.floats(low, high, exclude_min="exclusiveMinimum" in schema, allow_nan=False)
    parts = round(1 / step)
    return st.integers(int(low * parts) + 1, int(high * parts)).map(lambda count: count / parts)


def _arrays(schema: Schema, whole: Schema) -> st.SearchStrategy[list[Any]]:
    low = schema.get("minItems", 0)
    return st.lists(
        allowed(schema.get("items", {}), whole), min_size=low, max_size=min(low + 2, schema.get("maxItems", 9))
    )


def _objects(schema: Schema, whole: Schema) -> st.SearchStrategy[dict[str, Any]]:
    properties = schema.get("properties")
    if properties is None:
        return st.dictionaries(_TEXTS, _ANYTHING, max_size=3)
    made = {name: allowed(one, whole) for name, one in properties.items()}
    required = set(schema.get("required", ()))
    return st.fixed_dictionaries(
        {name: made[name] for name in made if name in required},
        optional={name: made[name] for name in made if name not in required},
    )
