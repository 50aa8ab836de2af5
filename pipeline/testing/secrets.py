"""Secrets and keys in memory."""

import hashlib
import hmac
from collections.abc import Mapping

from pydantic import SecretStr

from pipeline.ports.keys import Signer, key_id
from pipeline.ports.secrets import SecretMissing


class MemorySecrets:
    """A `SecretProvider` of what a test put in."""

    def __init__(self, **values: str) -> None:
        self.values = dict(values)

    async def get(self, name: str) -> SecretStr:
        """See `SecretProvider.get`."""
        if not self.values.get(name):
            raise SecretMissing(name, remedy="Put it into this test's secrets.")
        return SecretStr(self.values[name])


class PretendKey:
    """A `Signer` whose signatures are right in length and repeat, and which nobody can verify."""

    def __init__(self, number: int) -> None:
        self.public_key = hashlib.sha256(f"key {number}".encode()).digest()

    def sign(self, message: bytes) -> bytes:
        """See `Signer.sign`."""
        return hmac.new(self.public_key, message, hashlib.sha512).digest()


class MemoryKeyStore:
    """A `KeyStore` that begins without a key."""

    def __init__(self) -> None:
        self._keys: list[PretendKey] = []

    def current(self) -> Signer:
        """See `KeyStore.current`."""
        return self._keys[-1] if self._keys else self.rotate()

    def public_keys(self) -> Mapping[str, bytes]:
        """See `KeyStore.public_keys`."""
        return {key_id(key.public_key): key.public_key for key in self._keys}

    def rotate(self) -> Signer:
        """See `KeyStore.rotate`."""
        self._keys.append(PretendKey(len(self._keys)))
        return self._keys[-1]
