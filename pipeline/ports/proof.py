"""What proof and evidence rest on: secret scans and commits."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretHit:
    """Something that looks like a secret. `masked` never allows to reconstruct it."""

    line: int
    kind: str
    certain: bool
    """Whether the shape belongs to one provider alone; otherwise it is a suspicion."""
    masked: str


class SecretScanner(Protocol):
    """Finds secrets in added lines, without any network."""

    def scan(self, path: str, lines: Sequence[tuple[int, str]]) -> list[SecretHit]:
        """Scan (line number, text) pairs of one file. Raises `PersonNeeded(secret_found)` when it could not scan."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CommitFacts:
    """A commit as git stores it; full SHAs."""

    sha: str
    tree: str
    parents: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class BranchTip:
    """A branch of a clone, and the commit that the clone has of it."""

    name: str
    sha: str


class CommitReader(Protocol):
    """Reads commits of one repository, synchronously and without changing anything: what checking evidence needs."""

    def commit(self, sha: str) -> CommitFacts | None:
        """Return the commit; None when the repository does not hold it."""

    def blobs(self, sha: str) -> Mapping[str, str]:
        """Return path to blob id for all files of a commit; empty when the repository does not hold it."""

    def read(self, sha: str, paths: Sequence[str]) -> Mapping[str, bytes]:
        """Return the bytes of those paths of a commit that are regular files."""

    def is_ancestor(self, ancestor: str, descendant: str) -> bool:
        """Whether `ancestor` is reachable from `descendant` (equal counts); False when either is absent."""

    def default_branch(self) -> BranchTip | None:
        """Return the default branch as this clone knows it; None when it does not know one."""
