"""Signing keys as the API shows them: their public halves alone."""

import base64
from collections.abc import Mapping

from pydantic import BaseModel

from pipeline.evidence.bundle import fingerprint
from pipeline.ports import KeyStore


class SignerKeyView(BaseModel):
    """One key of this installation."""

    fingerprint: str
    """What people compare, and give to `evidence verify --fingerprint`."""
    public_key: str
    """Base64 of the raw Ed25519 key."""
    current: bool
    """Whether it signs now; a former one only verifies what it signed."""


class SignerList(BaseModel):
    """Every key by which this installation signs or signed, the current one first."""

    items: list[SignerKeyView]

    @classmethod
    def of(cls, keys: KeyStore) -> "SignerList":
        """Return what a key store holds, making its first key where there is none. Blocks."""
        current = keys.current().public_key
        former: Mapping[str, bytes] = keys.public_keys()
        ordered = [current, *(key for key in former.values() if key != current)]
        return cls(
            items=[
                SignerKeyView(
                    fingerprint=fingerprint(key), public_key=base64.b64encode(key).decode(), current=key == current
                )
                for key in ordered
            ]
        )
