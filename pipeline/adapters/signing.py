"""The installation's Ed25519 key, by the `cryptography` package.

The private key is one PEM file with mode 0600 in a directory that the caller owns; it is made once, atomically, so that
two processes that start together agree on one key. It never leaves this module.
"""

import os
import secrets
import shlex
import stat
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from pipeline.errors import CallerError

KEY_FILE = "evidence-signing-key.pem"


class InstallationKey:
    """Signs this installation's evidence."""

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key

    @classmethod
    def load_or_create(cls, directory: Path) -> "InstallationKey":
        """Read the key below `directory`, making it at first use. Raises `CallerError` for a key that others may read."""
        path = directory / KEY_FILE
        if not path.exists():
            directory.mkdir(parents=True, exist_ok=True, mode=0o700)
            _create(path)
        mode = stat.S_IMODE(path.stat().st_mode)
        if mode & 0o077:
            remedy = f"Run: chmod 600 {shlex.quote(str(path))}"
            raise CallerError(f"{path} may be read by others (mode {mode:04o}).", field="evidence key", remedy=remedy)
        try:
            key = load_pem_private_key(path.read_bytes(), password=None)
        except ValueError as error:
            raise CallerError(f"{path} holds no private key.", field="evidence key") from error
        if not isinstance(key, Ed25519PrivateKey):
            raise CallerError(f"{path} holds no Ed25519 key.", field="evidence key")
        return cls(key)

    @property
    def public_key(self) -> bytes:
        """The raw public key."""
        return self._key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)

    def sign(self, message: bytes) -> bytes:
        """Sign; Ed25519 is deterministic."""
        return self._key.sign(message)


class Ed25519Verifier:
    """Checks signatures by any key."""

    def verify(self, *, public_key: bytes, signature: bytes, message: bytes) -> bool:
        """Whether the signature is right; False for malformed keys and signatures too."""
        try:
            Ed25519PublicKey.from_public_bytes(public_key).verify(signature, message)
        except (InvalidSignature, ValueError):
            return False
        return True


def _create(path: Path) -> None:
    """Write a complete file first and link it to its name, so that no reader ever sees half a key."""
    pem = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as opened:
            opened.write(pem)
            opened.flush()
            os.fsync(opened.fileno())
        try:
            os.link(temporary, path)
        except FileExistsError:
            return  # another process was first; its key is this installation's key
    finally:
        temporary.unlink(missing_ok=True)
