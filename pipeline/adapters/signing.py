"""The installation's Ed25519 keys in a directory, by the `cryptography` package.

Choice: the key that signs is one PEM file with mode 0600 in a directory that the caller owns; it is made once, atomically, so
that two processes that start together agree on one key. Of a key that was replaced its public half stays, so that what it
signed can be verified. Invariant: no private key leaves this module.
"""

import fcntl
import os
import secrets
import shlex
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
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
from pipeline.ports.keys import key_id

KEY_FILE = "evidence-signing-key.pem"
FORMER_SUFFIX = ".public"


class FileKey:
    """One private key that was read from a file. Implements `pipeline.ports.Signer`."""

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key

    @property
    def public_key(self) -> bytes:
        """The raw public key."""
        return self._key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)

    def sign(self, message: bytes) -> bytes:
        """Sign; Ed25519 is deterministic."""
        return self._key.sign(message)


class FileKeyStore:
    """Implements `pipeline.ports.KeyStore` in one directory of the installation."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._path = directory / KEY_FILE

    def current(self) -> FileKey:
        """Read the key, making it at first use. Raises `CallerError` for a key that others may read."""
        if not self._path.exists():
            self._directory.mkdir(parents=True, exist_ok=True, mode=0o700)
            _create(self._path)
        return self._read()

    def public_keys(self) -> Mapping[str, bytes]:
        """See the port: former keys are files with their public halves alone."""
        if not self._path.exists():
            return {}
        former = [file.read_bytes() for file in sorted(self._directory.glob(f"*{FORMER_SUFFIX}"))]
        return {key_id(public): public for public in [*former, self._read().public_key]}

    def rotate(self) -> FileKey:
        """See the port: the former private key is gone, so nobody signs with it after its holders ended."""
        self.current()
        with _alone(self._directory):
            public = self._read().public_key
            _write_new(self._directory / f"{key_id(public)}{FORMER_SUFFIX}", public)
            waiting = self._path.with_name(f".{self._path.name}.{secrets.token_hex(8)}")
            _write(waiting, _pem(Ed25519PrivateKey.generate()))
            waiting.replace(self._path)
            return self._read()

    def _read(self) -> FileKey:
        mode = stat.S_IMODE(self._path.stat().st_mode)
        if mode & 0o077:
            remedy = f"Run: chmod 600 {shlex.quote(str(self._path))}"
            raise CallerError(
                f"{self._path} may be read by others (mode {mode:04o}).", field="evidence key", remedy=remedy
            )
        try:
            key = load_pem_private_key(self._path.read_bytes(), password=None)
        except ValueError as error:
            raise CallerError(f"{self._path} holds no private key.", field="evidence key") from error
        if not isinstance(key, Ed25519PrivateKey):
            raise CallerError(f"{self._path} holds no Ed25519 key.", field="evidence key")
        return FileKey(key)


class Ed25519Verifier:
    """Checks signatures by any key."""

    def verify(self, *, public_key: bytes, signature: bytes, message: bytes) -> bool:
        """Whether the signature is right; False for malformed keys and signatures too."""
        try:
            Ed25519PublicKey.from_public_bytes(public_key).verify(signature, message)
        except (InvalidSignature, ValueError):
            return False
        return True


@contextmanager
def _alone(directory: Path) -> Iterator[None]:
    """Of two rotations at once the second one sees the key of the first, so that no key is replaced without a trace."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _create(path: Path) -> None:
    _write_new(path, _pem(Ed25519PrivateKey.generate()))


def _pem(key: Ed25519PrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _write_new(path: Path, content: bytes) -> None:
    """Write a complete file first and link it to its name, so that no reader ever sees half a key.

    When another process was first, its file stands: it holds this installation's key.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        _write(temporary, content)
        with suppress(FileExistsError):
            os.link(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def _write(path: Path, content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as opened:
        opened.write(content)
        opened.flush()
        os.fsync(opened.fileno())
