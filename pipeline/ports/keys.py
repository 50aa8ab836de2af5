"""This installation's keys for signatures: who holds them, which sign, and which only still verify."""

import hashlib
from collections.abc import Mapping
from typing import Protocol


class Signer(Protocol):
    """One key. `sign` may ask a key service, so it is called outside the event loop."""

    @property
    def public_key(self) -> bytes:
        """The raw Ed25519 public key, 32 bytes."""

    def sign(self, message: bytes) -> bytes:
        """Return the signature, 64 bytes; the same message gives the same signature. Raises `TransientError`."""


class KeyStore(Protocol):
    """Holds the installation's signing keys. No private key leaves it."""

    def current(self) -> Signer:
        """Return the key that signs now, making the first one. It goes on signing for who holds it after a rotation."""

    def public_keys(self) -> Mapping[str, bytes]:
        """Return every key that ever signed for this installation, by `key_id`: what verifies older signatures."""

    def rotate(self) -> Signer:
        """Make another key the current one and return it; the former verifies from then on."""


class SignatureVerifier(Protocol):
    """Checks signatures of any installation."""

    def verify(self, *, public_key: bytes, signature: bytes, message: bytes) -> bool:
        """Whether the signature is right; False for malformed keys and signatures too."""


def key_id(public_key: bytes) -> str:
    """Return the name of a key: the SHA-256 of its raw public half, which people compare as its fingerprint."""
    return hashlib.sha256(public_key).hexdigest()
