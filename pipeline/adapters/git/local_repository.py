"""A repository on this machine that somebody else can write, read as plain files and never opened by git.

Problem: a git directory tells git what to run and where else to look: configuration, hooks, alternates, replace refs,
grafts, promisor remotes, links to other places. Choice: what we need of it (where its objects lie, its refs, which branch
is checked out where) is read here by hand: regular files and real directories only, no link followed, each size bounded.
What would need more trust than that is refused with a remedy. Invariant: nothing that this module reads is obeyed; it
returns typed facts. Everything here blocks: call it in a thread.
"""

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from pipeline.adapters.git import local_refs
from pipeline.adapters.git.plain_files import content, entries, exists, is_directory, is_file, owners_of_links
from pipeline.adapters.git.runner import Account, GitCommands
from pipeline.errors import CallerError

_FIELD = "remote"
_POINTER_MAX_BYTES = 8 * 1024
_CONFIGURATION_MAX_BYTES = 1024**2
_CUT_MAX_BYTES = 64 * 1024
_COMMIT = re.compile(r"[0-9a-f]{40}")
_ORIGIN = "remote.origin.url"
_CLONE = "Clone it and register the clone."
_SHARED = {
    "group": "group",
    "true": "group",
    "1": "group",
    "all": "all",
    "world": "all",
    "everybody": "all",
    "2": "all",
}
_OCTAL = re.compile(r"0?[67][0-7]{2}")
_ABOUT_FILES = {
    "core.filemode": "core.fileMode",
    "core.symlinks": "core.symlinks",
    "core.ignorecase": "core.ignoreCase",
}
_LINE_ENDINGS = {
    "core.autocrlf": ("core.autocrlf", {"true": "true", "yes": "true", "on": "true", "1": "true", "input": "input"}),
    "core.eol": ("core.eol", {"lf": "lf", "crlf": "crlf", "native": "native"}),
}
_PARTS = {"objects": is_directory, "refs": is_directory, "HEAD": is_file, "config": is_file, "index": is_file}
_OBJECTS = dict.fromkeys(("pack", *(f"{number:02x}" for number in range(256))))
_GUARDS = frozenset({"pre-receive", "update", "proc-receive", "reference-transaction"})
"""Hooks by which a repository judges a push into it (githooks(5)); a client's hooks have no say there."""
_HOOK_EVENT = re.compile(r"hook\..+\.event", re.DOTALL)
_FALSE = frozenset({"false", "no", "off", "0", ""})


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkout:
    """A work tree of the repository. `branch` is the full ref that it has checked out; None when detached.

    Symbolic refs count as what they lead to.
    """

    path: Path
    git_dir: Path
    branch: str | None
    rebased: str | None = None
    """The full ref that a rebase under way will set when it ends or is aborted."""
    present: bool = True
    """Whether it is where the repository says; it may have been moved, deleted, or be on a disk that is away."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalRepository:
    """What was read of a repository on this machine."""

    path: Path
    """As it was named."""
    common: Path
    """The directory that holds objects and refs."""
    head: str
    """A full ref or a SHA; empty when it is neither."""
    refs: Mapping[str, str]
    """What each ref points to, odd names included; `local_refs.NOTHING` where that is no object."""
    checkouts: tuple[Checkout, ...]
    hooks: tuple[str, ...]
    """Names of programs that git would run as hooks; we do not."""
    filters: frozenset[str]
    """Names of the filters that it is told to make files of a checkout with; not run either."""
    owner: int
    account: Account | None
    """Whose rights our processes take when they work on it; None for those that we have."""
    lacking: frozenset[str] = frozenset()
    """Objects that refs point to and that are not there, as far as somebody has looked."""
    cut: tuple[str, ...] = ()
    """Of a shallow clone the oldest commits that it has."""
    cloned_from: str = ""
    """The address that its configuration names as its origin; empty where it names none."""
    settings: Mapping[str, str] = field(default_factory=dict)
    """Facts about the file system and permissions, each a word from a closed set, or a mode."""

    @property
    def guards(self) -> tuple[str, ...]:
        """Those of its hooks that may refuse a push."""
        return tuple(name for name in self.hooks if name in _GUARDS)

    @property
    def ours(self) -> bool:
        """Whether we may write into it with the rights that we use."""
        return self.account is not None or self.owner == os.geteuid()

    def same_as(self, ref: str) -> str:
        """Return the ref that moves when this one does: of a symbolic one, what it leads to."""
        return local_refs.same_as(self.common, ref)


def read_local(path: Path, commands: GitCommands, *, also_shallow: bool = False) -> LocalRepository:
    """Read the repository at `path`: a bare one, the top of a checkout, or a linked work tree.

    `also_shallow` is said by who knows how to get the history that a shallow clone lacks. Raises `CallerError` when there is
    none, when this account may not read it, or when it cannot be used safely.
    """
    try:
        local = _read(path, commands)
    except PermissionError as error:
        raise CallerError(
            "This account may not read the repository.", field=_FIELD,
            remedy="Let the account that runs Changeline read it, or register a clone of it.",
        ) from error  # fmt: skip
    if local.cut and not also_shallow:
        raise shallow()
    return local


def _read(path: Path, commands: GitCommands) -> LocalRepository:
    common = _common(_located(path, commands))
    configuration = _configuration(common, commands)
    _refuse_formats(common, configuration)
    _refuse_borrowing(common)
    return LocalRepository(
        path=path,
        common=common,
        head=local_refs.head(common),
        refs=local_refs.read(common),
        checkouts=tuple(_checkouts(common, configuration)),
        hooks=_hooks(common, configuration),
        filters=frozenset(_filters(configuration)),
        owner=common.stat().st_uid,
        account=_account(common),
        cut=_cut(common),
        cloned_from=configuration.get(_ORIGIN, ""),
        settings=_settings(configuration),
    )


def _cut(common: Path) -> tuple[str, ...]:
    if not exists(common / "shallow"):
        return ()
    text = content(common / "shallow", _CUT_MAX_BYTES)
    names = text.decode("ascii", "replace").split() if text is not None else [""]
    if not all(_COMMIT.fullmatch(name) for name in names):
        raise shallow("Where its history is cut is told by no small file of commits.")
    return tuple(sorted(set(names)))


def _located(path: Path, commands: GitCommands) -> Path:
    """Return the git directory for a path, in the order in which git looks for it."""
    for named in (path, Path(f"{path}.git")):
        directory = Path(os.path.realpath(named))
        _refuse_lent(named, directory)
        inside = directory / ".git"
        if inside.is_symlink():
            raise _refused("Its .git is a symbolic link.", "Register the repository that it leads to, or a clone.")
        if is_file(inside):
            return _pointed_to(inside, commands)
        for candidate in (inside, directory):
            if exists(candidate / "HEAD") and exists(candidate / "objects"):
                return candidate
    if path.is_file():
        raise CallerError(
            "This is a file, not a repository that can be pushed to.", field=_FIELD, remedy="Clone it first."
        )
    raise CallerError(
        "There is no readable git repository at this address.", field=_FIELD,
        remedy="Check the path and this account's access to it; name the repository's top directory.",
    )  # fmt: skip


def _refuse_lent(named: Path, directory: Path) -> None:
    """Refuse a link by which one user names what another one owns: our rights are not that user's."""
    if directory.is_dir() and owners_of_links(named) - {0, os.geteuid(), directory.stat().st_uid}:
        raise _refused(
            "A symbolic link on its way belongs to another user than the repository.",
            "Register the path that it leads to.",
        )


def _pointed_to(pointer: Path, commands: GitCommands) -> Path:
    """Follow a `.git` file, but only to a directory that names this work tree itself (a linked one, a submodule)."""
    target = _path_in(pointer, "gitdir: ")
    if target is not None and is_directory(target):
        if exists(target / "gitdir"):
            named = _path_in(target / "gitdir")
        else:
            named = _worktree(target, _configuration(target, commands))
        if named in {pointer, pointer.parent}:
            return target
    raise CallerError(
        "The repository's .git names another directory that does not name it back.", field=_FIELD,
        remedy="Register the repository that it names, or run `git worktree repair` there.",
    )  # fmt: skip


def _worktree(git_dir: Path, configuration: Mapping[str, str]) -> Path | None:
    named = configuration.get("core.worktree")
    return Path(os.path.realpath(git_dir / named)) if named else None


def _common(git_dir: Path) -> Path:
    """Return the directory with objects and refs, after refusing what cannot be read as plain data."""
    common = _path_in(git_dir / "commondir") if exists(git_dir / "commondir") else git_dir
    if common is None or (common != git_dir and git_dir.parent != common / "worktrees"):
        raise _refused("Its `commondir` names a directory that it does not belong to.", "Register that repository.")
    for directory in (common, git_dir):
        for name, kind in _PARTS.items():
            if exists(directory / name) and not kind(directory / name):
                raise _refused(f"Its `{name}` is a link or a special file.", _CLONE)
    return common


def _refuse_borrowing(common: Path) -> None:
    if any(exists(common / "objects" / "info" / name) for name in ("alternates", "http-alternates")):
        raise _refused(
            "It borrows objects from another repository (objects/info/alternates).",
            "Run `git repack -a -d && rm .git/objects/info/alternates` in it, or register a full clone.",
        )
    for directory in object_directories(common):
        for entry in entries(directory):
            if not entry.is_file(follow_symlinks=False):
                raise _refused("There is a link or a special file among its objects.", _CLONE)
            if entry.name.endswith(".promisor"):
                raise _partial()


def checkout_at(path: Path, git_dir: Path, common: Path) -> Checkout:
    """Look at what a work tree has checked out now."""
    branch = local_refs.branch(git_dir)
    return Checkout(
        path=path, git_dir=git_dir, branch=None if branch is None else local_refs.same_as(common, branch),
        rebased=local_refs.rebased(git_dir),
    )  # fmt: skip


def object_directories(common: Path) -> Iterator[Path]:
    """Return the directories that hold objects and nothing else: the packs, then the loose ones."""
    objects = common / "objects"
    there = {entry.name: entry for entry in entries(objects) if entry.name in _OBJECTS}
    for name in _OBJECTS if there else ():
        if name in there:
            if not there[name].is_dir(follow_symlinks=False):
                raise _refused("There is a link or a special file among its objects.", _CLONE)
            yield objects / name


def _refuse_formats(common: Path, configuration: Mapping[str, str]) -> None:
    if configuration.get("extensions.objectformat", "sha1").lower() != "sha1":
        raise _refused("Its object format is not SHA-1.", "Repositories with SHA-256 are not supported yet.")
    if configuration.get("extensions.refstorage", "files").lower() != "files" or exists(common / "reftable"):
        raise _refused("It keeps its refs in a reftable.", "Run `git refs migrate --ref-format=files` in it.")
    if "extensions.partialclone" in configuration:
        raise _partial()


def shallow(why: str = "") -> CallerError:
    """Say that a repository's history is cut; `why` says in sentences why it cannot be had from elsewhere."""
    return CallerError(
        f"The repository is a shallow clone, and its history is needed. {why}".strip(),
        field=_FIELD,
        remedy="Run `git fetch --unshallow` in it, or register the repository it was cloned from.",
    )


def _partial() -> CallerError:
    return _refused(
        "It is a partial clone: objects are missing that git would fetch from elsewhere.",
        "Register the repository it was cloned from, or a full clone.",
    )


def _refused(why: str, remedy: str) -> CallerError:
    return CallerError(f"This repository cannot be used. {why}", field=_FIELD, remedy=remedy)


def _configuration(git_dir: Path, commands: GitCommands) -> dict[str, str]:
    """Return what the configuration file says, as data. The last value of a key counts; events of a hook add up, in words."""
    if not exists(git_dir / "config"):
        return {}
    text = content(git_dir / "config", _CONFIGURATION_MAX_BYTES)
    if text is None:
        raise _refused("Its configuration is not a small regular file.", _CLONE)
    said = commands.settings_in(text)
    if said is None:
        raise _refused("Its configuration cannot be read.", "Run `git config --list` in it and mend what git says.")
    settings: dict[str, str] = {}
    for key, value in said:
        before = f"{settings.get(key, '')} " if _HOOK_EVENT.fullmatch(key) else ""
        settings[key] = f"{before}{'true' if value is None else value}"
    return settings


def _settings(configuration: Mapping[str, str]) -> dict[str, str]:
    """Keep what describes the place where the repository lies; nothing that names a program or a path."""
    kept = {
        name: "false" if configuration[key].lower() in _FALSE else "true"
        for key, name in _ABOUT_FILES.items()
        if key in configuration
    }
    for key, (name, words) in _LINE_ENDINGS.items():
        if (word := words.get(configuration.get(key, "").lower())) is not None:
            kept[name] = word
    written = configuration.get("core.sharedrepository", "").lower()
    shared = written if _OCTAL.fullmatch(written) else _SHARED.get(written)
    return {**kept, "core.sharedRepository": shared} if shared else kept


def _checkouts(common: Path, configuration: Mapping[str, str]) -> Iterator[Checkout]:
    if configuration.get("core.bare", "false").lower() in _FALSE:
        main = common.parent if common.name == ".git" else _worktree(common, configuration)
        if main is not None and (common.name == ".git" or _path_in(main / ".git", "gitdir: ") == common):
            yield checkout_at(main, common, common)
    linked = common / "worktrees"
    for git_dir in sorted(Path(entry.path) for entry in entries(linked)) if is_directory(linked) else ():
        pointer = _path_in(git_dir / "gitdir") if is_directory(git_dir) else None
        if pointer is not None and pointer.name == ".git":
            found = checkout_at(pointer.parent, git_dir, common)
            yield replace(found, present=_path_in(pointer, "gitdir: ") == git_dir)


def _hooks(common: Path, configuration: Mapping[str, str]) -> tuple[str, ...]:
    events = {event for key, value in configuration.items() if _HOOK_EVENT.fullmatch(key) for event in value.split()}
    return tuple(sorted({*_programs_in(common, configuration.get("core.hookspath")), *events}))


def _programs_in(common: Path, named: str | None) -> list[str]:
    """List the hooks of the directory that git would take them from; none where it is no place at all, for git as for us."""
    top = common.parent if common.name == ".git" else common
    try:
        directory = top / Path(named).expanduser() if named else common / "hooks"
        files = [entry for entry in (entries(directory) if is_directory(directory) else ()) if entry.is_file()]
    except (OSError, RuntimeError):  # too long a name, a home of nobody, a directory that is closed
        return []
    return [file.name for file in files if not file.name.endswith(".sample") and os.access(file.path, os.X_OK)]


def _filters(configuration: Mapping[str, str]) -> Iterator[str]:
    for key in configuration:
        if key.startswith("filter.") and key.endswith((".smudge", ".process")):
            yield key.removeprefix("filter.").rpartition(".")[0]


def _account(common: Path) -> Account | None:
    """Return the owner, for root to become; None for our own, and where the owner could not come to the directory."""
    owner = common.stat()
    account = Account(uid=owner.st_uid, gid=owner.st_gid)
    return account if os.geteuid() == 0 and owner.st_uid != 0 and reaches(account, common.parent) else None


def reaches(account: Account, directory: Path) -> bool:
    """Whether an ordinary user can pass through a directory, by what belongs to the user or is open to all."""
    ways = [way.stat() for way in (directory, *directory.parents)]
    return all(way.st_mode & (0o001 if way.st_uid != account.uid else 0o100) for way in ways)


def _path_in(file: Path, prefix: str = "") -> Path | None:
    """Return the path that a one-line file names, relative ones from where the file lies; None when it names none."""
    text = content(file, _POINTER_MAX_BYTES)
    line = os.fsdecode(text).rstrip("\r\n") if text else ""
    if not line.startswith(prefix) or len(line) == len(prefix) or "\n" in line or "\0" in line:
        return None
    return Path(os.path.realpath(file.parent / line.removeprefix(prefix)))
