"""What may be asked of a remote, and what its answers mean.

Problem: a remote can be a repository on which no release could ever land, and git reports that in prose, its own and the
far side's. Choice: remotes are looked at once when they are registered, what git says is sorted by kind, and errors are
worded here. Invariant: what a remote says appears in no error, but for a refused push, where a person needs the reason; there
it is cut, printable and marked as untrusted.
"""

import re
import shlex
from collections.abc import Container, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from pipeline.adapters.git import failures, remote_refs, shallow_sources
from pipeline.adapters.git.local_refusals import push_refusal
from pipeline.adapters.git.local_remotes import LocalRemote
from pipeline.adapters.git.local_repository import LocalRepository, shallow
from pipeline.adapters.git.network import Remote
from pipeline.adapters.git.runner import Output
from pipeline.change_request import BRANCHES, PauseReason
from pipeline.errors import CallerError, ChangelineError, Conflict, PersonNeeded, TransientError
from pipeline.machine import shortage
from pipeline.ports import RemoteFacts
from pipeline.repositories.commit_rules import remedy_for_refusal
from pipeline.repositories.ref_names import shown
from pipeline.repositories.remote_address import local_path_of

_FIELD = "remote"
_LISTED_MAX = 20
_WORDS_MAX = 300
_SHALLOW = re.compile(r"shallow update not allowed|shallow roots are not allowed")
_NOT_BELOW = re.compile(r"not our ref|does not allow request for unadvertised object")
_LEASE_LOST = re.compile(
    r"stale info|fetch first|non-fast-forward|already exists|incorrect old value|failed to update ref|cannot lock ref"
)


def local_path(remote: str) -> Path | None:
    """Return the path of a repository on this machine; None for anything reached over a network."""
    path = local_path_of(remote)
    return None if path is None else Path(path)


def left_out_as_shallow(output: Output) -> bool:
    """Whether a fetch left branches out because their history is cut; git calls that a success."""
    return bool(_SHALLOW.search(output.complaint))


def for_a_person(remote: str, refused: CallerError) -> PersonNeeded:
    """Say to whom a change request belongs that is under way what would be a refusal at the door."""
    message = f"{refused.message} {refused.remedy or ''}".strip()
    return PersonNeeded(PauseReason.REMOTE_UNREACHABLE, message, remote=remote, remedy=refused.remedy)


def reading_failure(remote: str, output: Output) -> ChangelineError:
    """Say who must act when the remote could not be read."""
    if (short := shortage.told_by(failures.own_words(output), quoted=local_path(remote) is not None)) is not None:
        return short
    if left_out_as_shallow(output):
        return for_a_person(remote, shallow())
    failures.log(remote, output)
    kind = failures.kind_of(output) or failures.Kind.OTHER
    said = failures.WORDINGS[kind]
    message = f"{said.problem} {said.remedy}, then resume."
    if said.person:
        return PersonNeeded(PauseReason.REMOTE_UNREACHABLE, message, remote=remote, kind=kind.value)
    return TransientError(message, remote=remote, kind=kind.value)


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
            # The approver decides by the reason, which is the remote's own text.
            message = f"The remote refuses the push. It says (untrusted): “{_printable(self.reason)}”."
            said = _printable(failures.far_words(self.output))
            if remedy := remedy_for_refusal(f"{self.reason}\n{said}"):
                message, facts = f"{message} {remedy}", {**facts, "remedy": remedy}
            return PersonNeeded(PauseReason.DELIVERY_FAILED, message, untrusted_answer=said, **facts)
        return reading_failure(self.remote, self.output)


async def inspect_remote(to: Remote, *, base_branch: str | None = None) -> RemoteFacts:
    """Look at a remote before it is registered. Each problem is a `CallerError` with its field and a remedy.

    Without `base_branch` the remote's default branch is taken. Shallow sources and uncommitted changes are seen only in
    repositories on this machine.
    """
    if (local := await to.local_look()) is not None:
        return await _inspect_local(local, to, base_branch)
    return _facts(to.text, await _listed(to), base_branch)


async def _inspect_local(local: LocalRemote, to: Remote, base_branch: str | None) -> RemoteFacts:
    found = await local.look()
    told = await _below(to, found)
    head = {"HEAD": f"ref: {found.head}"} if found.head.startswith("refs/") else {}
    facts = _facts(to.text, {**head, **found.refs}, base_branch, lacking=found.lacking)
    return replace(facts, warnings=(*told, *await _local_warnings(local, found), *facts.warnings))


async def _below(to: Remote, found: LocalRepository) -> tuple[str, ...]:
    """Say where the history comes from that a shallow clone lacks. Raises `CallerError` where it cannot be had."""
    if not found.cut:
        return ()
    there = await shallow_sources.origin(to, found)
    try:
        if (near := await there.local_look()) is not None:
            await near.look()
        elif (asked := await there.look("ls-remote", refs=("HEAD",))).code:
            failures.log(there.text, asked)
            raise shallow(failures.WORDINGS[failures.kind_of(asked) or failures.Kind.OTHER].problem)
    except CallerError as refused:
        raise refused if refused.message.startswith(shallow().message) else shallow(refused.message) from refused
    return (f"It is a shallow clone. The history that it lacks is fetched from its origin, {there.text}.",)


def reading_below_failure(remote: str, there: str, output: Output) -> ChangelineError | None:
    """Say who must act when the history that a shallow clone lacks could not be fetched; None where it was."""
    if left_out_as_shallow(output) or (output.code and _NOT_BELOW.search(output.complaint)):
        failures.log(there, output)
        return for_a_person(remote, shallow("Its origin does not give it either."))
    return reading_failure(there, output) if output.code else None


def _facts(
    remote: str, listed: Mapping[str, str], base_branch: str | None, *, lacking: Container[str] = ()
) -> RemoteFacts:
    found = remote_refs.branches(listed, lacking=lacking)
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
        warnings=(*_blocked(branches), *found.warnings()),
    )


def _blocked(branches: Container[str]) -> tuple[str, ...]:
    if BRANCHES not in branches:
        return ()
    told = f"It has a branch `{BRANCHES}`, beside which git cannot keep the branches `{BRANCHES}/…` of change requests."
    return (f"{told} Rename or delete it before you submit one.",)


async def _listed(to: Remote) -> dict[str, str]:
    """Return commits by ref; for HEAD what it points to, where the remote says so."""
    output = await to.look("ls-remote", "--symref", refs=("HEAD", "refs/heads/*"))
    if output.code:
        failures.log(to.text, output)
        kind = failures.kind_of(output) or failures.Kind.OTHER
        said = failures.WORDINGS[kind]
        why = "" if kind is failures.Kind.NOT_FOUND else f" {said.problem}"
        raise CallerError(
            f"There is no readable git repository at this address.{why}", field=_FIELD,
            remedy=f"{said.remedy}.", remote=to.text, kind=kind.value,
        )  # fmt: skip
    return remote_refs.listing(output.text)


_USUAL = ("main", "master", "trunk", "develop", "default")


def _odd_base(name: str, why: str, branches: Mapping[str, str]) -> CallerError:
    existing = sorted(branches)[:_LISTED_MAX]
    remedy = f"Name one of: {', '.join(existing)}." if existing else "Rename it."
    return CallerError(f"The branch `{shown(name)}` {why}.", field="base_branch", remedy=remedy, branches=existing)


def _base_branch(wanted: str | None, default: str | None, branches: Mapping[str, str]) -> str:
    # What is usually the default comes first, so that it is not lost among hundreds.
    existing = sorted(branches, key=lambda name: (_USUAL.index(name) if name in _USUAL else len(_USUAL), name))
    chosen = wanted or default or (existing[0] if len(existing) == 1 else None)
    if chosen is not None and chosen in branches:
        return chosen
    shown = ", ".join(existing[:_LISTED_MAX])
    problem = f"There is no branch {wanted!r}." if wanted else "The repository names no default branch."
    raise CallerError(
        problem, field="base_branch", remedy=f"Name one of: {shown}.", branches=existing[:_LISTED_MAX], default=default
    )


def _printable(words: str) -> str:
    return " ".join("".join(mark if mark.isprintable() else " " for mark in words).split())[:_WORDS_MAX]


async def _local_warnings(local: LocalRemote, found: LocalRepository) -> tuple[str, ...]:
    warnings = []
    if (refused := push_refusal(found)) is not None:
        warnings.append(f"It can be read, but nothing is pushed into it. {refused.message}")
    if others := [name for name in found.hooks if name not in found.guards]:
        warnings.append(f"Its hooks ({', '.join(others[:_LISTED_MAX])}) are not run by Changeline.")
    if found.filters:
        named = ", ".join(sorted(found.filters)[:_LISTED_MAX])
        warnings.append(
            f"Its filters ({named}) are not run either: files that they make are left as they are committed."
        )
    main = next((one for one in found.checkouts if one.git_dir == found.common), None)
    changed = await local.uncommitted(found, main) if main is not None else []
    if changed and main is not None:
        files = "1 file has" if len(changed) == 1 else f"{len(changed)} files have"
        warnings.append(f"{files} uncommitted changes in {shlex.quote(str(main.path))}; only what is committed counts.")
    return tuple(warnings)
