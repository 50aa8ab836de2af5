"""Secrets and keys: the fakes and today's adapters keep one contract each."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from pydantic import SecretStr

from pipeline.adapters.settings_secrets import SettingsSecrets
from pipeline.adapters.signing import Ed25519Verifier, FileKeyStore
from pipeline.testing import MemoryKeyStore, MemorySecrets
from tests.contracts.key_store import Again, KeyStoreContract
from tests.contracts.secret_provider import VALUE, SecretProviderContract


class TestMemorySecrets(SecretProviderContract):
    @pytest.fixture
    def secrets(self) -> MemorySecrets:
        return MemorySecrets(reports=VALUE, void="")


class TestSettingsSecrets(SecretProviderContract):
    @pytest.fixture
    def secrets(self) -> SettingsSecrets:
        return SettingsSecrets({"reports": SecretStr(VALUE), "void": SecretStr("")}, setting="EXAMPLE__")


class TestMemoryKeyStore(KeyStoreContract):
    @pytest.fixture
    def store(self) -> MemoryKeyStore:
        return MemoryKeyStore()

    @pytest.fixture
    def again(self, store: MemoryKeyStore) -> Again:
        return lambda: store


class TestFileKeyStore(KeyStoreContract):
    @pytest.fixture
    def store(self, tmp_path: Path) -> FileKeyStore:
        return FileKeyStore(tmp_path / "keys")

    @pytest.fixture
    def again(self, tmp_path: Path) -> Again:
        return lambda: FileKeyStore(tmp_path / "keys")

    def test_what_a_former_key_signed_is_verified_by_what_stayed_of_it(
        self, store: FileKeyStore, tmp_path: Path
    ) -> None:
        former = store.current()
        signature = former.sign(b"message")
        store.rotate()

        verifies = [
            public
            for public in store.public_keys().values()
            if Ed25519Verifier().verify(public_key=public, signature=signature, message=b"message")
        ]

        assert verifies == [former.public_key]
        private = [file for file in (tmp_path / "keys").iterdir() if b"PRIVATE" in file.read_bytes()]
        assert [file.stat().st_mode & 0o777 for file in private] == [0o600]

    def test_of_rotations_at_once_no_key_is_lost_that_signed_in_between(
        self, store: FileKeyStore, again: Again
    ) -> None:
        store.current()
        with ThreadPoolExecutor(4) as several:
            fresh = list(several.map(lambda _: again().rotate().public_key, range(8)))
        assert set(fresh) < set(store.public_keys().values())
        assert len(store.public_keys()) == 9
