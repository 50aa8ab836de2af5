"""What every `KeyStore` must do; bound by `store`, and by `again`, which opens the same keys as another process would."""

from collections.abc import Callable
from typing import TypeAlias

from pipeline.ports import KeyStore, key_id

Again: TypeAlias = Callable[[], KeyStore]


class KeyStoreContract:
    """One key signs, and every key that ever did can be found by its id."""

    def test_the_first_key_is_made_once_and_stays(self, store: KeyStore, again: Again) -> None:
        first = store.current()

        assert len(first.public_key) == 32
        assert again().current().public_key == first.public_key
        assert dict(store.public_keys()) == {key_id(first.public_key): first.public_key}

    def test_signatures_repeat(self, store: KeyStore, again: Again) -> None:
        signature = store.current().sign(b"message")

        assert len(signature) == 64
        assert again().current().sign(b"message") == signature
        assert store.current().sign(b"another") != signature

    def test_a_store_without_a_key_has_none_to_show(self, store: KeyStore) -> None:
        assert dict(store.public_keys()) == {}

    def test_after_a_rotation_another_key_signs_and_both_are_known(self, store: KeyStore, again: Again) -> None:
        former = store.current()
        signed = former.sign(b"message")

        fresh = store.rotate()

        assert fresh.public_key != former.public_key
        assert again().current().public_key == fresh.public_key
        assert set(again().public_keys()) == {key_id(former.public_key), key_id(fresh.public_key)}
        assert former.sign(b"message") == signed, "who holds the former key ends its work with it"
