"""Git directories of our own that stand before a repository which somebody else can write.

Problem: git can only work on objects and refs through a git directory, and the one that lies there tells git what to run.
Choice: a face, made for one piece of work: our configuration, no hooks, no attributes, a HEAD that we wrote, and links to
exactly the directories that hold objects. For reading it has a copy of the refs; for writing, links to where refs and
their logs lie. Invariant: no process of ours is ever given the other directory as its git directory, so nothing in it is
obeyed. As root, the face can be read by the repository's owner, as whom the work is done.
"""

import os
import shutil
import stat
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from pipeline.adapters.git import remote_refs
from pipeline.adapters.git.local_refs import NOTHING
from pipeline.adapters.git.local_repository import Checkout, LocalRepository, object_directories, reaches
from pipeline.adapters.git.objects import is_sha
from pipeline.adapters.git.plain_files import content, exists, is_directory, is_file, leads_straight
from pipeline.adapters.git.runner import CONFIGURATION, Account
from pipeline.errors import TransientError
from pipeline.repositories.ref_names import HEADS, is_ref

_PATTERNS_MAX_BYTES = 1024**2
_PREFIX = "changeline-git-"
_ABANDONED_S = 6 * 3600
_OURS = "refs/changeline/"
_PUBLIC = ("/tmp", "/var/tmp")  # noqa: S108 - directories of random names are made there


def served(local: LocalRepository) -> dict[str, str]:
    """Return the refs that a reading face shows: usable branches and tags, and what we keep there ourselves."""
    branches = remote_refs.branches(local.refs, lacking=local.lacking).usable
    there = {name: value for name, value in local.refs.items() if value not in {NOTHING, *local.lacking}}
    ours = {name: value for name, value in there.items() if name.startswith(_OURS) and is_ref(name)}
    return {**{f"{HEADS}{name}": value for name, value in branches.items()}, **ours, **remote_refs.tags(there)}


@contextmanager
def reading(local: LocalRepository) -> Iterator[Path]:
    """Make a face for `upload-pack`: the refs as they were read, the objects as they are."""
    with _face(local, local.head) as face:
        listed = sorted(served(local).items(), key=lambda ref: os.fsencode(ref[0]))
        packed = "".join(f"{value} {name}\n" for name, value in listed)
        (face / "packed-refs").write_text(f"# pack-refs with: sorted \n{packed}", encoding="utf-8")
        (face / "refs").mkdir()
        _show(face / "packed-refs", face / "refs")
        yield face


@contextmanager
def writing(
    local: LocalRepository, checkout: Checkout | None = None, *, ref: str | None = None, at: str | None = None
) -> Iterator[Path]:
    """Make a face through which objects are added and refs are moved.

    `checkout` adds what its index may refer to, and the patterns of files that its owner does not want to see; `ref` the
    log of the ref that moves, where that is a plain file. `at` is the commit that counts as checked out.
    """
    head = at or (checkout.branch if checkout is not None and checkout.branch else local.head)
    with _face(local, head) as face:
        (face / "refs").symlink_to(local.common / "refs")
        (face / "packed-refs").symlink_to(local.common / "packed-refs")
        logged = ref is not None and is_directory(local.common / "logs")
        if logged and all(leads_straight(local.common, f"logs/{name}") for name in ("HEAD", ref)):
            (face / "logs").symlink_to(local.common / "logs")
        if checkout is not None:
            (face / "info").mkdir()
            (face / "info" / "exclude").write_bytes(
                content(local.common / "info" / "exclude", _PATTERNS_MAX_BYTES) or b""
            )
            _show(face / "info", face / "info" / "exclude")
        for shared in checkout.git_dir.glob("sharedindex.*") if checkout is not None else ():
            if is_file(shared):
                (face / shared.name).symlink_to(shared)
        if local.account is not None:
            # git takes a lock on HEAD, too; who works here is the owner, with the owner's rights
            os.chown(face, local.account.uid, local.account.gid)
        yield face


def make_room_for_packs(local: LocalRepository) -> None:
    """Make the directory for packs where there is none, given to the owner by its descriptor.

    By its name it could be another one by then: root would give away what the owner of the repository put a link to.
    """
    if exists(local.common / "objects" / "pack"):
        return
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
    with _opened(local.common / "objects", flags) as objects:
        if local.account is not None and os.fstat(objects).st_uid != local.account.uid:
            raise TransientError("The repository is changing on disk.", path=str(local.common))
        try:
            os.mkdir("pack", dir_fd=objects)
        except FileExistsError:
            return  # git made it meanwhile
        with _opened("pack", flags, dir_fd=objects) as packs:
            if local.account is not None:
                os.fchown(packs, local.account.uid, local.account.gid)


@contextmanager
def _opened(path: str | Path, flags: int, dir_fd: int | None = None) -> Iterator[int]:
    descriptor = os.open(path, flags, dir_fd=dir_fd)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


@contextmanager
def _face(local: LocalRepository, head: str) -> Iterator[Path]:
    face = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-", dir=_place(local.account)))
    try:
        if local.account is not None:
            os.chown(face, -1, local.account.gid)
            face.chmod(0o750)
        (face / "HEAD").write_text(_head(head), encoding="utf-8")
        (face / "config").write_text(_configuration(local.settings), encoding="utf-8")
        (face / "objects").mkdir()
        for directory in object_directories(local.common):
            (face / "objects" / directory.name).symlink_to(directory)
        _show(face / "HEAD", face / "config", face / "objects")
        if local.cut:  # an empty file would be a shallow repository, too
            (face / "shallow").write_text("".join(f"{commit}\n" for commit in local.cut), encoding="ascii")
            _show(face / "shallow")
        yield face
    finally:
        shutil.rmtree(face, ignore_errors=True)


def sweep() -> int:
    """Remove the faces that killed processes left; returns how many. One whose process lives is never touched."""
    swept = 0
    for place in {Path(tempfile.gettempdir()), *map(Path, _PUBLIC)}:
        for face in place.glob(f"{_PREFIX}*-*") if place.is_dir() else ():
            number = face.name.removeprefix(_PREFIX).partition("-")[0]
            if number.isdecimal() and not Path(f"/proc/{number}").exists() and _is_abandoned(face):
                shutil.rmtree(face, ignore_errors=True)
                swept += 1
    return swept


def _is_abandoned(face: Path) -> bool:
    """Whether it is ours, and older than any piece of work: a process in another namespace has a number we cannot see."""
    try:
        facts = face.lstat()
        made = (face / "config").lstat().st_uid
    except OSError:
        return False
    return stat.S_ISDIR(facts.st_mode) and made == os.geteuid() and time.time() - facts.st_mtime > _ABANDONED_S


def _place(account: Account | None) -> str | None:
    """Return where the owner can reach a face: root's own directory for temporary files may be closed to others."""
    places = [Path(tempfile.gettempdir()), *map(Path, _PUBLIC)]
    open_to = (place for place in places if place.is_dir() and account is not None and reaches(account, place))
    return next(map(str, open_to), None)


def _show(*made: Path) -> None:
    """Let the repository's owner read what we made, whatever our umask is; the face itself is closed to others."""
    for path in made:
        path.chmod(0o755 if path.is_dir() else 0o644)


def _head(head: str) -> str:
    """Write a HEAD that git takes; where it points to matters to nobody who reads through a face."""
    if is_sha(head):
        return f"{head}\n"
    return f"ref: {head if is_ref(head) else 'refs/heads/none'}\n"


def _configuration(settings: Mapping[str, str]) -> str:
    """Write our settings into the file too, because git takes them out of the environment of what serves a remote."""
    lines = ["[core]\n\trepositoryformatversion = 0\n"]
    for key, value in {**CONFIGURATION, **settings}.items():
        section, _, rest = key.partition(".")
        subsection, _, name = rest.rpartition(".")
        title = f'{section} "{subsection}"' if subsection else section
        lines.append(f'[{title}]\n\t{name} = "{value}"\n')
    return "".join(lines)
