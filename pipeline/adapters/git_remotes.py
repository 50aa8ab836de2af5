"""What a remote is, what may be asked of it, and what its answers mean.

Problem: a remote is a string from a person. It can hold a password, name a program to run, or be a repository on which
no release could ever land; and git reports all of that in prose. Choice: addresses are judged before git sees them,
remotes are looked at once when they are registered, and git's words are translated in this module only. Invariant: no
address with a secret in it is ever stored, run or printed.
"""

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import unquote, urlsplit

from pipeline import shortage
from pipeline.adapters.git import GitCommands, Output
from pipeline.adapters.git_local import LocalRemote
from pipeline.adapters.local_repository import LocalRepository, shallow
from pipeline.change_request import PauseReason
from pipeline.errors import CallerError, ChangelineError, Conflict, PersonNeeded, TransientError
from pipeline.ports import RemoteFacts

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


def left_out_as_shallow(output: Output) -> bool:
    """Whether a fetch left branches out because their history is cut; git calls that a success."""
    return bool(_SHALLOW.search(output.complaint))


def reading_failure(remote: str, output: Output) -> ChangelineError:
    """Say who must act when the remote could not be read."""
    detail = output.complaint
    if (short := shortage.told_by(detail)) is not None:
        return short
    if left_out_as_shallow(output):
        return shallow()
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

    def error(self) -> ChangelineError:
        """Say who must act."""
        facts: dict[str, str | list[str] | int | None] = {"remote": self.remote, "ref": self.ref}
        if self.lease_lost:
            return Conflict(
                "The remote branch moved.", field="expected", remedy="Fetch, rebase and test again.", **facts
            )
        if self.reason:
            message = f"The remote refuses the push: {self.reason}."
            return PersonNeeded(PauseReason.DELIVERY_FAILED, message, detail=self.output.complaint, **facts)
        return reading_failure(self.remote, self.output)


async def inspect_remote(commands: GitCommands, remote: str, *, base_branch: str | None = None) -> RemoteFacts:
    """Look at a remote before it is registered. Each problem is a `CallerError` with its field and a remedy.

    Without `base_branch` the remote's default branch is taken. Shallow sources and uncommitted changes are seen only in
    repositories on this machine.
    """
    check_remote(remote)
    path = local_path(remote)
    if path is not None:
        return await _inspect_local(LocalRemote(path, commands), remote, base_branch)
    return _facts(remote, await _listed(commands, remote), base_branch, warnings=())


async def _inspect_local(local: LocalRemote, remote: str, base_branch: str | None) -> RemoteFacts:
    found = await local.look()
    head = {"HEAD": f"ref: {found.head}"} if found.head.startswith("refs/") else {}
    facts = _facts(remote, {**head, **found.refs}, base_branch, warnings=())
    return replace(facts, warnings=await _local_warnings(local, found))


def _facts(
    remote: str, listed: Mapping[str, str], base_branch: str | None, *, warnings: tuple[str, ...]
) -> RemoteFacts:
    branches = {ref[11:]: commit for ref, commit in listed.items() if ref.startswith("refs/heads/")}
    if not branches:
        raise CallerError(
            "The repository has no commits on any branch.", field=_FIELD, remedy="Push a first commit.", remote=remote
        )
    default = listed.get("HEAD", "").removeprefix("ref: refs/heads/")
    default_branch = default if default in branches else None
    base = _base_branch(base_branch, default_branch, branches)
    return RemoteFacts(
        remote=remote,
        base_branch=base,
        base_commit=branches[base],
        default_branch=default_branch,
        branches=tuple(sorted(branches)),
        warnings=warnings,
    )


async def _listed(commands: GitCommands, remote: str) -> dict[str, str]:
    """Return commits by ref; for HEAD what it points to, where the remote says so."""
    asked = ["--symref", "--", remote, "HEAD", "refs/heads/*"]
    output = await commands.run("ls-remote", *asked, accept=range(256))
    if output.code:
        raise CallerError(
            "There is no readable git repository at this address.",
            field=_FIELD,
            remedy="Check the address, the network and this account's access to it; name the repository's top directory.",
            remote=remote,
            detail=output.complaint,
        )
    listed: dict[str, str] = {}
    for line in output.text.splitlines():
        value, _, ref = line.partition("\t")
        listed.setdefault(ref, value)
    return listed


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


async def _local_warnings(local: LocalRemote, found: LocalRepository) -> tuple[str, ...]:
    warnings = []
    if not found.ours:
        warnings.append("The repository belongs to another user: it can be read, but pushes into it will be refused.")
    if found.hooks:
        warnings.append(f"Its hooks ({', '.join(found.hooks[:_LISTED_MAX])}) are not run by Changeline.")
    main = next((one for one in found.checkouts if one.git_dir == found.common), None)
    changed = await local.uncommitted(found, main) if main is not None else []
    if changed and main is not None:
        files = "1 file has" if len(changed) == 1 else f"{len(changed)} files have"
        warnings.append(f"{files} uncommitted changes in {shlex.quote(str(main.path))}; only what is committed counts.")
    return tuple(warnings)
