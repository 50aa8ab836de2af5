"""Checkouts on this machine as their owners have them: with converted line endings, and with hundreds of branches."""

import os
from pathlib import Path

import pytest

from pipeline.adapters.git.remotes import inspect_remote
from pipeline.adapters.git.repository import GitRepository
from pipeline.errors import CallerError, PersonNeeded
from tests.adapters.git_world import git, to, write
from tests.adapters.test_local_remotes import MAIN, house, ours, repository

__all__ = ["house", "repository"]


@pytest.mark.parametrize("said_by", ["the repository", "its owner"])
async def test_a_checkout_with_converted_line_endings_is_clean_and_gets_them_too(
    house: Path, repository: GitRepository, said_by: str
) -> None:
    converting = ("-c", "core.autocrlf=true")
    if said_by == "the repository":
        git(house, "config", "core.autocrlf", "true")
    for name in ("a.txt", "d/b.txt"):
        (house / name).unlink()
    git(house, *converting, "checkout", "-q", ".")
    os.utime(house / "a.txt", (1, 1))  # so that nobody takes the index's word for it
    base, head = await ours(repository, house, d__b=b"b\n", new=b"n\nm\n")
    await repository.push(commit=head, ref=MAIN, expected=base)
    assert (house / "a.txt").read_bytes() == b"a\r\n"
    assert (house / "new").read_bytes() == b"n\r\nm\r\n"
    assert git(house, *converting, "status", "--porcelain") == ""


async def test_a_changed_file_is_no_matter_of_line_endings(house: Path, repository: GitRepository) -> None:
    write(house, {"a.txt": b"mine\r\n"})
    base, head = await ours(repository, house, new=b"n\n")
    with pytest.raises(PersonNeeded, match="uncommitted changes"):
        await repository.push(commit=head, ref=MAIN, expected=base)
    assert (house / "a.txt").read_bytes() == b"mine\r\n"


async def test_of_many_branches_the_usual_ones_are_named_first(house: Path) -> None:
    for number in range(40):
        git(house, "branch", f"feature/{number}")
    git(house, "symbolic-ref", "HEAD", "refs/heads/gone")
    with pytest.raises(CallerError) as refused:
        await inspect_remote(to(house))
    assert str(refused.value.remedy).startswith("Name one of: main, feature/0")
