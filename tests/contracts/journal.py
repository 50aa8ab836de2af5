"""What every `Journal` must do; a test module binds it to an implementation by a `journal` fixture."""

import pytest

from pipeline.errors import InvariantBroken, NotFound
from pipeline.ports import EntryKind, Journal, JournalEntry, JournalKey

KEY = JournalKey(cr_id="cr-contract", attempt=1, activation="a", role="code_writer", instance="app")
OTHER = JournalKey(cr_id="cr-contract", attempt=1, activation="b", role="code_writer", instance="app")
BODY = {"zeta": 1, "alpha": {"y": [1.5, None, True], "x": "☃ \u0000 \ud83d\ude00"}, "beta": "é"}


def entry(seq: int, kind: EntryKind = EntryKind.NOTED, **body: object) -> JournalEntry:
    return JournalEntry(seq=seq, kind=kind, body=body or BODY)


class JournalContract:
    """Append-only, in order, byte-true."""

    async def test_entries_come_back_in_order_and_only_for_their_conversation(self, journal: Journal) -> None:
        await journal.append(KEY, entry(0, EntryKind.OPENED))
        await journal.append(OTHER, entry(0, note="elsewhere"))
        await journal.append(KEY, entry(1, EntryKind.ASKED))

        assert [(found.seq, found.kind) for found in await journal.load(KEY)] == [
            (0, EntryKind.OPENED),
            (1, EntryKind.ASKED),
        ]

    async def test_a_body_comes_back_byte_for_byte_with_its_keys_in_order(self, journal: Journal) -> None:
        body = {key: value for key, value in BODY.items() if key != "alpha"} | {"alpha": BODY["alpha"]}
        await journal.append(KEY, JournalEntry(seq=0, kind=EntryKind.NOTED, body=body))

        (found,) = await journal.load(KEY)

        assert found.body == body
        assert list(found.body) == ["zeta", "beta", "alpha"]
        assert list(found.body["alpha"]) == ["y", "x"]

    async def test_storing_the_same_entry_again_is_a_no_op(self, journal: Journal) -> None:
        await journal.append(KEY, entry(0))
        await journal.append(KEY, entry(0))

        assert len(await journal.load(KEY)) == 1

    async def test_storing_another_body_under_a_taken_number_is_a_bug(self, journal: Journal) -> None:
        await journal.append(KEY, entry(0))

        with pytest.raises(InvariantBroken):
            await journal.append(KEY, entry(0, note="another"))

    async def test_an_unknown_conversation_is_empty(self, journal: Journal) -> None:
        assert await journal.load(KEY) == []

    async def test_blobs_are_named_by_content_and_stored_once(self, journal: Journal) -> None:
        name = await journal.put_blob(b"\x00\xffbytes")

        assert await journal.put_blob(b"\x00\xffbytes") == name
        assert await journal.get_blob(name) == b"\x00\xffbytes"
        assert len(name) == 64

    async def test_an_unknown_blob_is_not_found(self, journal: Journal) -> None:
        with pytest.raises(NotFound):
            await journal.get_blob("0" * 64)
