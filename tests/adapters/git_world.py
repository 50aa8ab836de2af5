"""Real repositories for tests, made as a person would make them: with the git command in a directory of their own."""

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pipeline.adapters.git.network import GitNetwork, Remote
from pipeline.adapters.git.repository import GitRepository, open_repository
from pipeline.adapters.git.runner import GitCommands
from pipeline.adapters.git.trees import NewUser
from pipeline.adapters.network.addresses import AddressPolicy
from pipeline.change_request import Reach
from pipeline.ports import Author
from pipeline.repositories.local_places import LocalPlaces

ADA = Author(name="Ada", email="ada@example.org")
NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
PERSON = {
    "PATH": os.pathsep.join(os.get_exec_path()),
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_AUTHOR_NAME": "Person",
    "GIT_AUTHOR_EMAIL": "person@example.org",
    "GIT_COMMITTER_NAME": "Person",
    "GIT_COMMITTER_EMAIL": "person@example.org",
}


class NoonClock:
    """A clock that stands still."""

    def now(self) -> datetime:
        return NOON

    def monotonic(self) -> float:
        return 0.0

    async def sleep(self, seconds: float) -> None:
        raise AssertionError(f"Nothing in git waits for {seconds} s.")


def git(directory: Path, *arguments: str, code: int = 0) -> str:
    """Run git as a person in `directory` and return what it printed."""
    done = subprocess.run(["git", *arguments], cwd=directory, env=PERSON, capture_output=True, check=False)
    assert done.returncode == code, done.stderr.decode()
    return done.stdout.decode("utf-8", "surrogateescape").removesuffix("\n")


def write(directory: Path, files: Mapping[str, bytes | None]) -> None:
    """Write files below a directory; None deletes."""
    for name, content in files.items():
        path = directory / name
        if content is None:
            path.unlink()
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)


@dataclass
class Origin:
    """A remote with a person behind it: commits appear on its branches from outside."""

    path: Path
    """A bare repository."""
    desk: Path
    """The person's clone of it."""

    def commit(self, files: Mapping[str, bytes | None], *, branch: str = "main") -> str:
        """Publish one more commit on a branch and return it."""
        if self.head(f"refs/heads/{branch}"):
            git(self.desk, "fetch", "-q", str(self.path), f"refs/heads/{branch}")
            git(self.desk, "checkout", "-q", "-f", "--detach", "FETCH_HEAD")
        write(self.desk, files)
        git(self.desk, "add", "-A", "-f")
        git(self.desk, "commit", "-q", "--allow-empty", "-m", "something")
        git(self.desk, "push", "-q", str(self.path), f"HEAD:refs/heads/{branch}")
        return git(self.desk, "rev-parse", "HEAD")

    def commit_raw(self, name: str, content: bytes) -> str:
        """Publish one more file on `main` that leaves the others' contents as they are, whatever rules it brings."""
        write(self.desk, {name: content})
        git(self.desk, "add", "-f", name)
        git(self.desk, "commit", "-q", "-m", "rules")
        git(self.desk, "push", "-q", str(self.path), "HEAD:refs/heads/main")
        return git(self.desk, "rev-parse", "HEAD")

    def head(self, ref: str) -> str | None:
        """Return where a full ref points in the remote."""
        listed = git(self.path, "for-each-ref", "--format=%(objectname)", ref)
        return listed or None

    def go_away(self) -> None:
        """Make the remote unreachable."""
        self.path.rename(self.path.with_suffix(".gone"))


def make_origin(directory: Path) -> Origin:
    """Return an empty bare remote."""
    directory.mkdir()
    git(directory, "init", "-q", "--bare", "-b", "main", "origin.git")
    git(directory, "init", "-q", "-b", "desk", "desk")
    return Origin(directory / "origin.git", directory / "desk")


def to(remote: object, *, commands: GitCommands | None = None, **network: Any) -> Remote:
    """Return the way to a remote that an administrator of the machine answers for."""
    given = {"policy": AddressPolicy(), "places": LocalPlaces(owner="default"), **network}
    ways = GitNetwork(commands or GitCommands(timeout_s=60), **given)
    return ways.remote(str(remote), tenant="default", reach=Reach.PRIVATE)


async def repository_of(
    remote: Path | str,
    cache_dir: Path,
    commands: GitCommands | None = None,
    new_user: NewUser = lambda: None,
    **network: Any,
) -> GitRepository:
    """Open the cache of a remote, as a composition root would."""
    commands = commands or GitCommands(timeout_s=60)
    return await open_repository(
        name="sample",
        remote=to(remote, commands=commands, **network),
        cache_dir=cache_dir,
        commands=commands,
        author=ADA,
        clock=NoonClock(),
        new_user=new_user,
    )


def content(directory: Path) -> dict[str, bytes]:
    """Return all files of a tree but those of its own `.git`."""
    return {
        str(path.relative_to(directory)): str(path.readlink()).encode() if path.is_symlink() else path.read_bytes()
        for path in directory.rglob("*")
        if (path.is_symlink() or path.is_file()) and path.relative_to(directory).parts[0] != ".git"
    }
