"""Repositories that change requests work on, as a person has them on disk."""

import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

IDENTITY = ("-c", "user.name=Person", "-c", "user.email=person@example.invalid", "-c", "commit.gpgsign=false")


@dataclass(frozen=True, slots=True)
class SampleRepository:
    """A non-bare repository with `main` checked out: the remote of the change request."""

    path: Path

    @classmethod
    def create(cls, path: Path, files: Mapping[str, str]) -> "SampleRepository":
        """Make it with one commit of these files."""
        path.mkdir(parents=True)
        made = cls(path)
        made.git("init", "-q", "-b", "main")
        made.commit(files, "First commit")
        return made

    def git(self, *arguments: str) -> str:
        """Run git as a person would, with nobody's configuration but the test's."""
        command = ["git", "-C", str(self.path), *IDENTITY, *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    def commit(self, files: Mapping[str, str], message: str = "A colleague's change") -> str:
        """Write files, commit them on the checked-out branch, and return the commit."""
        for name, text in files.items():
            file = self.path / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        self.git("add", "-A")
        self.git("commit", "-q", "-m", message)
        return self.head("HEAD")

    def head(self, ref: str = "main") -> str:
        """Return the commit of a ref."""
        return self.git("rev-parse", ref)

    def text(self, name: str, ref: str = "main") -> str:
        """Return a file's text at a ref."""
        return self.git("show", f"{ref}:{name}")

    def files(self, ref: str = "main") -> list[str]:
        """Return all paths at a ref."""
        return self.git("ls-tree", "-r", "--name-only", ref).splitlines()

    def subjects(self, ref: str = "main") -> list[str]:
        """Return the subjects of a line of commits, newest first, without merged side lines."""
        return self.git("log", "--first-parent", "--format=%s", ref).splitlines()

    def refs(self) -> list[str]:
        """Return every ref."""
        return self.git("for-each-ref", "--format=%(refname)").splitlines()
