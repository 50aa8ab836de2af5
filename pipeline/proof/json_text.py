"""Parse JSON that others wrote: manifests, result files, event lines. Malformed input is empty, never an exception."""

import json
from typing import Any


def parsed_object(text: str) -> dict[str, Any]:
    """Return the object in `text`; an empty one when it is malformed, too deep or not an object."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
