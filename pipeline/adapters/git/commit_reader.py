"""Read-only access to a repository's commits, for checking evidence on any machine.

Problem: a repository that is given for checking is data: its configuration may name programs to run and remotes to fetch
from, and replacement refs may show other objects than the names say. Choice: plumbing commands through a git directory of
our own (`git_faces`), no protocols, no replacements, and every commit's bytes hashed again.
"""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path

from pipeline.adapters.git import faces
from pipeline.adapters.git.local_repository import read_local
from pipeline.adapters.git.runner import GitCommands, Output
from pipeline.errors import CallerError
from pipeline.ports import BranchTip, CommitFacts
from pipeline.repositories.ref_names import HEADS

_ANY = range(256)
_REMOTES = "refs/remotes/"
_ORIGIN = f"{_REMOTES}origin/"
_REGULAR_MODES = {b"100644", b"100755"}


class GitCommitReader:
    """Answers questions about one repository, bare or with a work tree."""

    def __init__(self, repository: Path) -> None:
        """Raises `CallerError` when the path is no git repository, or none that can be read safely."""
        self._commands = GitCommands()
        self._commits: dict[str, CommitFacts] = {}
        try:
            self._local = read_local(repository, self._commands)
        except CallerError as refused:
            message = f"{repository} is no git repository that can be read. {refused.message}"
            raise CallerError(message, field="repo", remedy=refused.remedy) from refused

    def commit(self, sha: str) -> CommitFacts | None:
        """Return the commit; None when it is absent, or when its bytes do not have this name.

        What has its name is never read again: there is nothing else that it could say.
        """
        if sha not in self._commits:
            found = self._read(sha)
            if found is None:
                return None
            self._commits[sha] = found
        return self._commits[sha]

    def _read(self, sha: str) -> CommitFacts | None:
        data = self._object(sha, "commit")
        if data is None:
            return None
        header = data.split(b"\n\n", 1)[0].decode("utf-8", "replace").splitlines()
        tree = next((line[5:] for line in header if line.startswith("tree ")), "")
        parents = tuple(line[7:] for line in header if line.startswith("parent "))
        return CommitFacts(sha=sha, tree=tree, parents=parents)

    def blobs(self, sha: str) -> Mapping[str, str]:
        """Return path to blob id; submodules and links are listed by their ids too."""
        if self.commit(sha) is None:
            return {}
        return {path: blob for path, (_, blob) in self._entries(sha).items()}

    def read(self, sha: str, paths: Sequence[str]) -> Mapping[str, bytes]:
        """Return the bytes of regular files, in one batch."""
        if not paths or self.commit(sha) is None:
            return {}
        entries = self._entries(sha)
        wanted = [path for path in dict.fromkeys(paths) if path in entries and entries[path][0] in _REGULAR_MODES]
        output = self._git("cat-file", "--batch", stdin="".join(f"{entries[path][1]}\n" for path in wanted).encode())
        found: dict[str, bytes] = {}
        position = 0
        for path in wanted:
            end = output.index(b"\n", position)
            header = output[position:end].split()
            if len(header) != 3:  # noqa: PLR2004 - git says "id type size", or "id missing"
                position = end + 1
                continue
            size = int(header[2])
            found[path] = output[end + 1 : end + 1 + size]
            position = end + size + 2
        return found

    def is_ancestor(self, ancestor: str, descendant: str) -> bool:
        """Whether `ancestor` is reachable from `descendant`."""
        if self.commit(ancestor) is None or self.commit(descendant) is None:
            return False
        return self._run("merge-base", "--is-ancestor", ancestor, descendant).code == 0

    def default_branch(self) -> BranchTip | None:
        """Return the default branch as this clone knows it: its remote's, where it was cloned, else what its own HEAD names.

        What somebody has checked out in a clone says nothing, so HEAD counts only where no remote is tracked. A clone
        that tracks a remote without knowing its default branch has none.
        """
        cloned = any(name.startswith(_REMOTES) for name in self._local.refs)
        ref = self._local.same_as(f"{_ORIGIN}HEAD") if cloned else self._local.head
        if ref == f"{_ORIGIN}HEAD" or not ref.startswith(_ORIGIN if cloned else HEADS):
            return None
        sha = self._local.refs.get(ref)
        if sha is None or self.commit(sha) is None:
            return None
        return BranchTip(name=ref.removeprefix(_REMOTES if cloned else HEADS), sha=sha)

    def _entries(self, sha: str) -> dict[str, tuple[bytes, str]]:
        entries: dict[str, tuple[bytes, str]] = {}
        for line in self._git("ls-tree", "-r", "-z", "--full-tree", sha).split(b"\0"):
            facts, tab, path = line.partition(b"\t")
            if tab:
                mode, _, blob = facts.split()
                entries[path.decode("utf-8", "surrogateescape")] = (mode, blob.decode())
        return entries

    def _object(self, sha: str, kind: str) -> bytes | None:
        if len(sha) not in {40, 64} or not all(character in "0123456789abcdef" for character in sha):
            return None
        result = self._run("cat-file", kind, sha)
        if result.code != 0:
            return None
        digest = hashlib.new("sha1" if len(sha) == 40 else "sha256", usedforsecurity=False)  # noqa: PLR2004 - git's two
        digest.update(f"{kind} {len(result.stdout)}\0".encode() + result.stdout)
        return result.stdout if digest.hexdigest() == sha else None

    def _git(self, *arguments: str, stdin: bytes = b"") -> bytes:
        result = self._run(*arguments, stdin=stdin)
        if result.code != 0:
            raise CallerError(
                f"git {arguments[0]} failed in {self._local.path}.", field="repo", remedy="Run git fsck there."
            )
        return result.stdout

    def _run(self, *arguments: str, stdin: bytes = b"") -> Output:
        with faces.reading(self._local) as face:
            return self._commands.run_blocking(*arguments, git_dir=face, stdin=stdin, accept=_ANY)
