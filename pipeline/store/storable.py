"""Texts as PostgreSQL can hold them.

Problem: it takes neither a NUL character nor half a character (a lone surrogate), and a model's answer, a command's output
and the name of a file can hold either: what they say then looks like an error of ours. Choice: both are replaced at the one
door that everything passes, by signs that show that something stood there. Invariant: a text that can be stored is stored
as it is; no other is refused.
"""

import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine

_NUL = "\N{SYMBOL FOR NULL}"
_ESCAPED = ("\\u0000", "\\ud")
"""How JSON in ASCII spells NUL and every half of a pair, among others."""


def storable(text: str) -> str:
    """Return the text with U+2400 for NUL and U+FFFD for half a character."""
    whole = text if text.isascii() else text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return whole.replace("\0", _NUL)


def storable_json(value: Any) -> str:
    """Return a value as JSON whose texts are storable."""
    told = json.dumps(value)
    return json.dumps(_plain(value)) if any(sign in told for sign in _ESCAPED) else told


def keep_texts_storable(engine: AsyncEngine) -> None:
    """Have every statement of an engine send storable texts only."""
    event.listen(engine.sync_engine, "before_cursor_execute", _with_storable_texts, retval=True)


def _with_storable_texts(
    _connection: Any,
    _cursor: Any,
    statement: str,
    parameters: Any,
    _context: Any,
    _executemany: bool,
) -> tuple[str, Any]:
    return statement, _sent(parameters)


def _sent(value: Any) -> Any:
    """Replace texts in the parameters of a statement; what is JSON already went through `storable_json`."""
    match value:
        case str():
            return storable(value)
        case dict():
            return {name: _sent(part) for name, part in value.items()}
        case list():
            return [_sent(part) for part in value]
        case tuple():
            return tuple(map(_sent, value))
        case _:
            return value


def _plain(value: Any) -> Any:
    match value:
        case str():
            return storable(value)
        case Mapping():
            return {_plain(name): _plain(part) for name, part in value.items()}
        case list() | tuple():
            return [_plain(part) for part in value]
        case _:
            return value
