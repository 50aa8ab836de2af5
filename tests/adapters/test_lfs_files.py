"""Files in Git LFS are pointers here: named, never changed by a snapshot, and refused to whoever edits them."""

from pathlib import Path

import pytest

from pipeline.errors import ModelError
from tests.adapters.git_world import git, make_origin, repository_of, write

POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"4" * 64 + b"\nsize 12\n"


async def test_pointers_stay_whatever_an_agent_or_a_test_does_to_them(tmp_path: Path) -> None:
    origin = make_origin(tmp_path / "origin")
    files = {"data/a.bin": POINTER, "data/b.bin": POINTER.replace(b"4", b"5"), "raw.bin": b"no pointer"}
    base = origin.commit({".gitattributes": b"*.bin filter=lfs -text\n", "app.py": b"1", **files})
    repository = await repository_of(origin.path, tmp_path / "cache")
    await repository.fetch()
    assert (await repository.absent(base)).pointers == ("data/a.bin", "data/b.bin")
    tree = tmp_path / "tree"
    await repository.add_worktree(tree, base)

    write(
        tree, {"data/a.bin": b"a test wrote this", "new.bin": b"left by a test", "app.py": b"2", "raw.bin": b"changed"}
    )
    head = await repository.snapshot(tree, parent=base, message="x", declared=["app.py"])
    assert [file.path for file in await repository.changed_files(base, head)] == ["app.py", "raw.bin"]

    for named, blamed in ((["data/a.bin"], r"data/a\.bin"), (["new.bin"], r"new\.bin")):
        with pytest.raises(ModelError, match=rf"(?s)LFS.*git checkout.*{blamed}$"):
            await repository.snapshot(tree, parent=head, message="x", edited=named)
    write(tree, {".gitattributes": b""})
    with pytest.raises(ModelError, match=r"LFS.*data/a\.bin$"):
        await repository.snapshot(tree, parent=head, message="x", declared=["data/a.bin", ".gitattributes"])

    git(tree, "checkout", "--", "data/a.bin", ".gitattributes")
    git(tree, "mv", "data/b.bin", "data/c.bin")
    write(tree, {"new.bin": None})
    moved = await repository.snapshot(tree, parent=head, message="x", edited=["data/a.bin", "data/c.bin"])
    assert {file.status for file in await repository.changed_files(head, moved)} == {"R"}
