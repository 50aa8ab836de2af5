"""Every file of a diff is shown whole or named as cut off, whatever it is called and whatever it holds."""

from pathlib import Path

import pytest

from pipeline.proof.shown_diff import shown_diff
from tests.adapters.git_world import make_origin, repository_of

BEFORE = {
    "b/old.txt": b"same\n" * 20,
    "gone.txt": b"x\n" * 20,
    "mode.sh": b"#!/bin/sh\n",
    "image.bin": bytes(range(256)),
}
AFTER = {
    "a first.txt": b"hello\n" * 40,
    "b/new.txt": BEFORE["b/old.txt"],
    "b/old.txt": None,
    "gone.txt": None,
    "image.bin": bytes(reversed(range(256))),
    "empty": b"",
    'tücke "q".txt': "ü\x0cdiff --git a/fake b/fake\u2028diff --git a/fake2 b/fake2\n".encode() * 3,
    "dash.txt": b"-- a/other\n++ b/other\n\ndiff --git a/none b/none\n@@ -1 +1 @@\n",
}  # fmt: skip


@pytest.fixture
async def diff(tmp_path: Path) -> str:
    origin = make_origin(tmp_path / "origin")
    base = origin.commit(BEFORE)
    head = origin.commit(AFTER)
    repository = await repository_of(origin.path, tmp_path / "cache")
    await repository.fetch()
    changed = [file.path for file in await repository.changed_files(base, head)]
    assert len(changed) == 7
    return await repository.diff(base, head)


async def test_a_diff_that_fits_is_shown_as_it_is(diff: str) -> None:
    shown = shown_diff(diff, len(diff.encode()))
    assert (shown.text, shown.cut) == (diff, None)


async def test_wherever_it_is_cut_each_file_is_whole_or_named(diff: str) -> None:
    everything = shown_diff(diff, 1).cut
    assert everything is not None
    assert (everything.files, everything.whole) == (7, 0)
    assert set(everything.unseen) == {"a first.txt", "b/new.txt", "dash.txt", "empty", 'tücke "q".txt'}
    assert set(everything.gone) == {"gone.txt", "image.bin"}
    encoded = diff.encode()
    for limit in range(1, len(encoded), 7):
        cut = shown_diff(diff, limit).cut
        assert cut is not None
        assert cut.whole + len(cut.unseen) + len(cut.gone) == cut.files == 7
        assert cut.whole < 7
        shown = encoded[:limit]
        ends = [at for at in range(1, len(encoded)) if encoded.startswith(b"diff --git ", at) and encoded[at - 1] == 10]
        assert cut.whole == sum(end <= len(shown) for end in ends)


async def test_the_cut_is_said(diff: str) -> None:
    shown = shown_diff(diff, 100, "tests")
    assert shown.text.startswith(diff[:90])
    assert f"100 of {len(diff.encode())} bytes" in shown.text
