"""One byte form for one value, so that hashes and signatures mean something.

As RFC 8785: sorted keys, no white space, UTF-8. Differences: keys sort by code point, and numbers are integers only
(money and times are strings), because floats do not survive other people's JSON libraries.
"""

import json
from collections.abc import Mapping
from hashlib import sha256
from typing import Any


def canonical_json(value: Any) -> bytes:
    """Return the canonical bytes. Raises ValueError for floats, keys that are not strings and lone surrogates."""
    _refuse_unstable(value)
    return json.dumps(value, ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":")).encode()


def canonical_sha256(value: Any) -> str:
    """Hash a value by its canonical bytes."""
    return sha256(canonical_json(value)).hexdigest()


def content_hash(parts: Mapping[str, Any]) -> str:
    """Name what a person was shown; an approval binds to this, and to nothing else."""
    return f"sha256:{canonical_sha256(dict(parts))}"


def _refuse_unstable(value: object) -> None:
    waiting = [value]
    while waiting:
        current = waiting.pop()
        if isinstance(current, float):
            raise ValueError("Canonical JSON holds no floats; use integers or decimal strings.")  # noqa: TRY004 - a value of JSON, not a type of ours
        if isinstance(current, Mapping):
            if not all(isinstance(key, str) for key in current):
                raise ValueError("Canonical JSON has string keys only.")
            waiting.extend(current.values())
        elif isinstance(current, list | tuple):
            waiting.extend(current)
