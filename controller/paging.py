"""Opaque cursors: where the next page goes on, as a text that callers hand back unread."""

import base64
import binascii
import json
from typing import Any

from pipeline.errors import CallerError


def encode(position: list[Any]) -> str:
    """Return a cursor for a JSON-plain position."""
    return base64.urlsafe_b64encode(json.dumps(position, separators=(",", ":")).encode()).decode().rstrip("=")


def decode(cursor: str, *types: type) -> list[Any]:
    """Return the position in a cursor; raises `CallerError` for anything that `encode` did not make."""
    try:
        position = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (binascii.Error, ValueError) as error:
        raise _refused() from error
    if not isinstance(position, list) or [type(part) for part in position] != list(types):
        raise _refused()
    if any(isinstance(part, str) and not part.isprintable() for part in position):
        raise _refused()
    return position


def _refused() -> CallerError:
    return CallerError("This cursor is not one of ours.", field="cursor", remedy="Start again without a cursor.")
