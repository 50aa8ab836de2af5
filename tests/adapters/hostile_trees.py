"""What agents may leave in a tree, by name: how it is made, and what the refusal has to say.

Run as a program it plays every one of them against a repository of its own, which is how an ordinary user is tested.
"""

import asyncio
import os
import socket
from collections.abc import Callable, Mapping
from contextlib import chdir
from dataclasses import dataclass
from pathlib import Path

import pytest

from pipeline.adapters.git.repository import GitRepository
from pipeline.errors import ModelError
from tests.adapters.git_world import content, make_origin, repository_of, write

BASE = {"a.txt": b"a\n", ".gitignore": b"/ignored/\n", "src/x.py": b"x = 1\n"}


@dataclass(frozen=True)
class Hostile:
    """`make` does it to a tree; a refusal names `path` and says `words`."""

    make: Callable[[Path], object]
    path: str
    words: str


def sparse(path: Path, size_bytes: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.truncate(size_bytes)


def many_large(tree: Path) -> None:
    for number in range(6):
        sparse(tree / f"part{number}", 99_000_000)


def fifo(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    os.mkfifo(path)


def unix_socket(path: Path) -> None:
    with chdir(path.parent), socket.socket(socket.AF_UNIX) as made:
        made.bind(path.name)


def nested(path: Path, depth: int, *, name: str = "d") -> None:
    """Make directories far deeper than a path can name."""
    path.mkdir(exist_ok=True)
    descriptor = os.open(path, os.O_RDONLY)
    for _ in range(depth):
        os.mkdir(name, dir_fd=descriptor)
        inner = os.open(name, os.O_RDONLY, dir_fd=descriptor)
        os.close(descriptor)
        descriptor = inner
    os.mkfifo("pipe", dir_fd=descriptor)
    os.close(descriptor)


def link(path: Path, target: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to(target)


def closed(path: Path) -> None:
    fifo(path / "inner" / ".gitattributes")
    (path / "inner").chmod(0)
    path.chmod(0)


def through_a_link(tree: Path) -> None:
    link(tree / "deep/inside", "../src")
    link(tree / "out", "deep/inside/../../elsewhere")


def links_upon_links(tree: Path) -> None:
    """Make forty links whose ways add up to eighty thousand names, and two thousand that begin the way anew."""
    for number in range(40):
        link(tree / f"way{number}", f"way{number + 1}/" + "a/" * 2_000 + "a")
    for number in range(2_000):
        link(tree / f"l{number}", "way1")


HOSTILE: Mapping[str, Hostile] = {
    "pipe": Hostile(lambda tree: fifo(tree / "src/pipe"), "src/pipe", "Pipes"),
    "pipe that git reads": Hostile(lambda tree: fifo(tree / "src/.gitattributes"), "src/.gitattributes", "Pipes"),
    "pipe in an ignored place": Hostile(lambda tree: fifo(tree / "ignored/.gitignore"), "ignored/.gitignore", "Pipes"),
    "pipe in a closed directory": Hostile(lambda tree: closed(tree / "shut"), "shut/inner/.gitattributes", "Pipes"),
    "socket": Hostile(lambda tree: unix_socket(tree / "s"), "s", "sockets"),
    "endless rules": Hostile(lambda tree: sparse(tree / "src/.gitignore", 2**40), "src/.gitignore", "1,048,576 bytes"),
    "linked rules": Hostile(lambda tree: link(tree / ".gitattributes", "/dev/zero"), ".gitattributes", "regular"),
    "linked rules, spelled": Hostile(lambda tree: link(tree / ".GITMODULES", "a.txt"), ".GITMODULES", "regular"),
    "directory of rules": Hostile(lambda tree: fifo(tree / "src/.mailmap/x"), "src/.mailmap", "regular"),
    "sparse giant": Hostile(lambda tree: sparse(tree / "big", 2**40), "big", "100,000,000 bytes"),
    "many large files": Hostile(many_large, "tree", "500,000,000 bytes"),
    "deep": Hostile(lambda tree: nested(tree / "deep", 1_800), "deep/d/d/d", "200 deep"),
    "deeper than a path": Hostile(lambda tree: nested(tree / "deep", 6_000, name="d" * 100), "deep/ddd", "4,000 bytes"),
    "absolute link": Hostile(lambda tree: link(tree / "src/l", "/dev/zero"), "src/l", "stay inside"),
    "absolute link back in": Hostile(lambda tree: link(tree / "l", str(tree / "a.txt")), "l", "stay inside"),
    "link upwards": Hostile(lambda tree: link(tree / "src/l", "../../token"), "src/l", "stay inside"),
    "link by a directory to come": Hostile(lambda tree: link(tree / "l", "a/../b/../../x"), "l", "stay inside"),
    "link by a link": Hostile(through_a_link, "out", "stay inside"),
    "links without end": Hostile(links_upon_links, "l1", "short relative paths"),
    "link to git": Hostile(lambda tree: link(tree / "l", ".git/hooks"), "l", "stay inside"),
    "link to git, spelled": Hostile(lambda tree: link(tree / "l", "src/../.GIT/config"), "l", "stay inside"),
    "case": Hostile(lambda tree: write(tree, {"src/X.PY": b""}), "src/X.PY", "only in case"),
    "case of directories": Hostile(lambda tree: write(tree, {"SRC/y.py": b""}), "SRC", "only in case"),
    "normal form": Hostile(
        lambda tree: write(tree, {"n\u00e9": b"", "ne\u0301": b""}), "ne\u0301", "form of their letters"
    ),
    "folded": Hostile(lambda tree: write(tree, {"stra\u00dfe": b"", "STRASSE": b""}), "STRASSE", "only in case"),
    "line break": Hostile(lambda tree: write(tree, {"a\nb": b""}), "a\\nb", "control characters"),
    "escape": Hostile(lambda tree: write(tree, {"src/\x1b[2J": b""}), "src/\\x1b[2J", "control characters"),
    "backslash": Hostile(lambda tree: write(tree, {"a\\b": b""}), "a\\b", "backslashes"),
    "not text": Hostile(lambda tree: write(tree, {os.fsdecode(b"caf\xe9"): b""}), "caf", "UTF-8"),
    ".GIT": Hostile(lambda tree: write(tree, {".GIT/config": b""}), ".GIT", "Nested"),
    "git~1": Hostile(lambda tree: write(tree, {"src/GIT~1": b""}), "src/GIT~1", "git's own directory"),
    ".git.": Hostile(lambda tree: write(tree, {".git. .": b""}), ".git. .", "git's own directory"),
    "stream": Hostile(
        lambda tree: write(tree, {".git::$INDEX_ALLOCATION/x": b""}), ".git::$INDEX_ALLOCATION", "git's own directory"
    ),
    "joiner": Hostile(lambda tree: write(tree, {"src/.g\u200cit/x": b""}), "src/.g", "git's own directory"),
}


async def check(repository: GitRepository, tree: Path, base: str, hostile: Hostile) -> None:
    """Do it, see it refused in words that help, and see the tree restored whatever was done to it."""
    hostile.make(tree)
    with pytest.raises(ModelError) as refused:
        await repository.snapshot(tree, parent=base, message="x")
    assert hostile.path in refused.value.message, refused.value.message
    assert hostile.words in refused.value.message, refused.value.message
    await repository.restore_worktree(tree, base)
    left = {path: data for path, data in content(tree).items() if not path.startswith("ignored/")}
    assert left == BASE
    assert await repository.snapshot(tree, parent=base, message="x") == base


async def play(directory: Path) -> int:
    """Play all of them on one tree, one after another; returns how many there were."""
    origin = make_origin(directory / "origin")
    base = origin.commit(BASE)
    repository = await repository_of(origin.path, directory / "cache")
    await repository.fetch()
    await repository.add_worktree(directory / "tree", base)
    for name, hostile in HOSTILE.items():
        try:
            await check(repository, directory / "tree", base, hostile)
        except Exception as error:
            raise AssertionError(name) from error
    nested(directory / "tree/deep", 6_000, name="d" * 100)
    closed(directory / "tree/shut")
    await repository.remove_worktree(directory / "tree")
    assert not (directory / "tree").exists()
    return len(HOSTILE)


def main(directory: str) -> None:
    """Play them and say how many there were."""
    print(asyncio.run(play(Path(directory))))  # noqa: T201 - a program of the tests
