"""TOML that somebody else wrote, read as far as it can be."""

import tomllib
from collections.abc import Mapping
from typing import Any


def parsed_toml(text: str) -> dict[str, Any]:
    """Return a document; an empty one where the text is none, or nested too deep."""
    try:
        return tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError):
        return {}


def table_of(document: Mapping[str, Any], key: str) -> dict[str, Any]:
    """Return a table of a document; an empty one where something else stands there, or nothing."""
    value = document.get(key)
    return value if isinstance(value, dict) else {}
