"""Ids that people read aloud: a prefix and ten lower-case letters and digits without look-alikes."""

import hashlib
import secrets

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_LENGTH = 10


def new_id(prefix: str) -> str:
    """Return a fresh id, unguessable enough to be unique (50 bits) but no secret."""
    return f"{prefix}-" + "".join(secrets.choice(_ALPHABET) for _ in range(_LENGTH))


def derived_id(prefix: str, *parts: str) -> str:
    """Return the same id for the same parts, so that writing twice is writing once."""
    digest = hashlib.sha256("\x1f".join(parts).encode()).digest()
    return f"{prefix}-" + "".join(_ALPHABET[byte % 32] for byte in digest[:16])
