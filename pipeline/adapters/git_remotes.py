"""What a remote is, what may be asked of it, and what its answers mean.

Problem: a remote is a string from a person. It can hold a password, name a program to run, or be a repository on which
no release could ever land; and git reports all of that in prose. Choice: addresses are judged before git sees them,
remotes are looked at once when they are registered, and git's words are translated in this module only. Invariant: no
address with a secret in it is ever stored, run or printed.
"""

import os
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from pipeline import shortage
from pipeline.adapters import remote_refs
from pipeline.adapters.git import GitCommands, Output
from pipeline.change_request import PauseReason
from pipeline.errors import CallerError, ChangelineError, Conflict, PersonNeeded, TransientError
from pipeline.ports import RemoteFacts
from pipeline.ref_names import shown

_FIELD = "remote"
_SCHEMES = frozenset({"https", "http", "ssh", "git", "file"})
_SCP_LIKE = re.compile(r"[A-Za-z0-9_.][\w.@-]*:(?!:)[^\0]+")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_LISTED_MAX = 20
_REFUSED_US = re.compile(
    r"could not read (Username|Password)|Authentication failed|Permission denied \(|Host key verification failed"
    r"|HTTP Basic: Access denied|returned error: 40[13]",
    re.IGNORECASE,
)
_SHALLOW = re.compile(r"shallow update not allowed|shallow roots are not allowed")
_LEASE_LOST = re.compile(
    r"stale info|fetch first|non-fast-forward|already exists|incorrect old value|failed to update ref|cannot lock ref"
)
_DIRTY = re.compile(r"has unstaged changes|has staged changes|not clean|Could not update working tree")
_FOREIGN = re.compile(r"dubious ownership")


def check_remote(remote: str) -> None:
    """Raise `CallerError` unless `remote` is an absolute path or a URL that holds no secret and runs no program."""
    if not remote or remote.startswith("-") or _CONTROL.search(remote):
        raise CallerError("This is not the address of a git repository.", field=_FIELD, remedy=_ADDRESSES)
    if remote.startswith("/"):
        return
    if "://" not in remote:
        if not _SCP_LIKE.fullmatch(remote):
            raise CallerError("A local repository is named by its absolute path.", field=_FIELD, remedy=_ADDRESSES)
        return
    parts = urlsplit(remote)
    if parts.scheme not in _SCHEMES:
        raise CallerError(f"Git remotes by {parts.scheme[:20]!r} are not allowed.", field=_FIELD, remedy=_ADDRESSES)
    if parts.password is not None or (parts.username is not None and parts.scheme != "ssh"):
        raise CallerError(
            "The address holds a user name or a password, and addresses are stored and shown.",
            field=_FIELD,
            remedy="Remove it from the address; use SSH with an agent or key instead.",
        )


_ADDRESSES = "Use an absolute path, https://host/path, ssh://user@host/path or user@host:path."


def local_path(remote: str) -> Path | None:
    """Return the path of a repository on this machine; None for anything reached over a network."""
    if remote.startswith("/"):
        return Path(remote)
    parts = urlsplit(remote)
    return Path(unquote(parts.path)) if parts.scheme == "file" else None


def reading_options(remote: str) -> list[str]:
    """Return what lets us read a local repository of another user, which runs nothing of theirs."""
    return ["--upload-pack=git -c safe.directory='*' upload-pack"] if local_path(remote) else []


def writing_options(remote: str) -> list[str]:
    """Return what moves a clean local checkout along with its branch. Never trusts repositories of other users: a
    push would run their hooks as us, and leave them files that they cannot write.
    """
    serve = "git -c receive.denyCurrentBranch=updateInstead -c receive.autogc=false receive-pack"
    return [f"--receive-pack={serve}"] if local_path(remote) else []


def left_out_as_shallow(output: Output) -> bool:
    """Whether a fetch left branches out because their history is cut; git calls that a success."""
    return bool(_SHALLOW.search(output.complaint))


def reading_failure(remote: str, output: Output) -> ChangelineError:
    """Say who must act when the remote could not be read."""
    detail = output.complaint
    if (short := shortage.told_by(detail)) is not None:
        return short
    if left_out_as_shallow(output):
        return _shallow(remote)
    if _REFUSED_US.search(detail):
        return PersonNeeded(
            PauseReason.REMOTE_UNREACHABLE,
            "The git remote refuses access. Give this machine's account a key for it, then resume.",
            remote=remote,
            detail=detail,
        )
    return TransientError(
        "The git remote does not answer. Check the address, the network and the remote itself, then resume.",
        remote=remote, detail=detail,
    )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedPush:
    """A push that did not land, as git told it. `reason` holds the remote's words for this ref."""

    remote: str
    ref: str
    reason: str
    output: Output

    @classmethod
    def read(cls, remote: str, ref: str, output: Output) -> "RefusedPush":
        """Take the status line for the ref from the output of `git push --porcelain`."""
        lines = (line.split("\t") for line in output.text.splitlines() if line.startswith("!\t"))
        return cls(remote=remote, ref=ref, reason=" ".join(line[-1] for line in lines), output=output)

    @property
    def lease_lost(self) -> bool:
        """Whether the remote's ref was not what the push expected."""
        return bool(_LEASE_LOST.search(self.reason))

    @property
    def already_absent(self) -> bool:
        """Whether a ref that was to be deleted does not exist."""
        return "remote ref does not exist" in self.output.complaint

    async def error(self, commands: GitCommands) -> ChangelineError:
        """Say who must act."""
        facts: dict[str, str | list[str] | int | None] = {"remote": self.remote, "ref": self.ref}
        if self.lease_lost:
            return Conflict(
                "The remote branch moved.", field="expected", remedy="Fetch, rebase and test again.", **facts
            )
        if _DIRTY.search(self.reason):
            return await self._dirty(commands)
        if _FOREIGN.search(self.output.complaint):
            message = "The repository belongs to another user; pushing would run their hooks as this account."
            remedy = "Run Changeline as that user, or use a repository that this account owns."
            return PersonNeeded(PauseReason.DELIVERY_FAILED, f"{message} {remedy}", remedy=remedy, **facts)
        if self.reason:
            message = f"The remote refuses the push: {self.reason}."
            return PersonNeeded(PauseReason.DELIVERY_FAILED, message, detail=self.output.complaint, **facts)
        return reading_failure(self.remote, self.output)

    async def _dirty(self, commands: GitCommands) -> PersonNeeded:
        path = local_path(self.remote) or Path(self.remote)
        git_dir = path / ".git"
        worktrees = await commands.run("worktree", "list", "--porcelain", git_dir=git_dir)
        for block in worktrees.text.split("\n\n"):
            if f"branch {self.ref}" in block.splitlines():
                path = Path(block.splitlines()[0].removeprefix("worktree "))
        changed = await _uncommitted(commands, path)
        remedy = f"Commit or stash the changes in {path} (or check out another branch there), then resume."
        return PersonNeeded(
            PauseReason.TARGET_CHECKOUT_DIRTY,
            f"{self.ref.removeprefix('refs/heads/')} is checked out in {path} with uncommitted changes. {remedy}",
            path=str(path),
            ref=self.ref,
            remedy=remedy,
            files=changed[:_LISTED_MAX],
            count=len(changed),
        )


async def inspect_remote(commands: GitCommands, remote: str, *, base_branch: str | None = None) -> RemoteFacts:
    """Look at a remote before it is registered. Each problem is a `CallerError` with its field and a remedy.

    Without `base_branch` the remote's default branch is taken. Shallow sources and uncommitted changes are seen only in
    repositories on this machine.
    """
    check_remote(remote)
    listed = await _listed(commands, remote)
    found = remote_refs.branches(listed)
    branches = found.usable
    if not branches and found.odd:
        raise remote_refs.too_odd(found.odd)
    if not branches:
        raise CallerError(
            "The repository has no commits on any branch.", field=_FIELD, remedy="Push a first commit.", remote=remote
        )
    default = listed.get("HEAD", "").removeprefix("ref: refs/heads/")
    default_branch = default if default in branches else None
    if (why := found.odd.get(base_branch or default)) is not None:
        raise _odd_base(base_branch or default, why, branches)
    base = _base_branch(base_branch, default_branch, branches)
    return RemoteFacts(
        remote=remote,
        base_branch=base,
        base_commit=branches[base],
        default_branch=default_branch,
        branches=tuple(sorted(branches)),
        warnings=(*await _local_warnings(commands, remote), *found.warnings()),
    )


async def _listed(commands: GitCommands, remote: str) -> dict[str, str]:
    """Return commits by ref; for HEAD what it points to, where the remote says so."""
    asked = ["--symref", *reading_options(remote), "--", remote, "HEAD", "refs/heads/*"]
    output = await commands.run("ls-remote", *asked, accept=range(256))
    if output.code:
        raise CallerError(
            "There is no readable git repository at this address.",
            field=_FIELD,
            remedy="Check the address, the network and this account's access to it; name the repository's top directory.",
            remote=remote,
            detail=output.complaint,
        )
    return remote_refs.listing(output.text)


def _odd_base(name: str, why: str, branches: Mapping[str, str]) -> CallerError:
    existing = sorted(branches)[:_LISTED_MAX]
    remedy = f"Name one of: {', '.join(existing)}." if existing else "Rename it."
    return CallerError(f"The branch `{shown(name)}` {why}.", field="base_branch", remedy=remedy, branches=existing)


def _base_branch(wanted: str | None, default: str | None, branches: Mapping[str, str]) -> str:
    existing = sorted(branches)
    chosen = wanted or default or (existing[0] if len(existing) == 1 else None)
    if chosen is not None and chosen in branches:
        return chosen
    shown = ", ".join(existing[:_LISTED_MAX])
    problem = f"There is no branch {wanted!r}." if wanted else "The repository names no default branch."
    raise CallerError(
        problem, field="base_branch", remedy=f"Name one of: {shown}.", branches=existing[:_LISTED_MAX], default=default
    )


async def _local_warnings(commands: GitCommands, remote: str) -> tuple[str, ...]:
    path = local_path(remote)
    if path is None:
        return ()
    git_dir = _git_dir(path)
    if git_dir is None:
        raise CallerError(
            "This is a file, not a repository that can be pushed to.", field=_FIELD, remedy="Clone it first."
        )
    shallow = await commands.run("rev-parse", "--is-shallow-repository", git_dir=git_dir)
    if shallow.text == "true":
        raise _shallow(remote)
    if git_dir.stat().st_uid != os.geteuid():
        return ("The repository belongs to another user: it can be read, but pushes into it will be refused.",)
    changed = await _uncommitted(commands, path) if git_dir.name == ".git" else []
    if not changed:
        return ()
    files = "1 file has" if len(changed) == 1 else f"{len(changed)} files have"
    return (f"{files} uncommitted changes in {shlex.quote(str(path))}; only what is committed counts.",)


def _git_dir(path: Path) -> Path | None:
    """Return what git itself would take for the repository at `path`; None for a bundle file."""
    candidates = [path / ".git", path, Path(f"{path}.git") / ".git", Path(f"{path}.git")]
    return next(
        (found for found in candidates if (found / "HEAD").exists() or (found.name == ".git" and found.is_file())), None
    )


async def _uncommitted(commands: GitCommands, path: Path) -> list[str]:
    """List changed files of a person's own checkout."""
    wanted = ["--porcelain", "-z", "--no-renames", "--ignore-submodules=all"]
    status = await commands.run("status", *wanted, git_dir=path / ".git", work_tree=path)
    return [line[3:].encode("utf-8", "surrogateescape").decode("utf-8", "replace") for line in status.fields]


def _shallow(remote: str) -> CallerError:
    return CallerError(
        "The repository is a shallow clone, and its history is needed.",
        field=_FIELD,
        remedy="Run `git fetch --unshallow` in it, or register the repository it was cloned from.",
        remote=remote,
    )
