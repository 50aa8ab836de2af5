"""As whom a sandboxed process runs, and what of a tree is that user's.

Problem: when the pipeline is root, a user namespace that maps its payload to root gives it root's files, root's entries
in `/proc` and no process limit. Choice: an ordinary user enters a user namespace and stays itself outside; root drops
to a user of its own per worktree, from a range that belongs to nobody, and gives it the tree first, for reading alone
as well: what git writes as root is closed to everybody else. A tree that was written as such a user's stays theirs.
Invariant: a payload is never the host's root, and only what lies in the tree changes hands. A file that is also linked from outside, perhaps from the git cache, stays whose it is.
"""

import contextlib
import os
import secrets
import shutil
import stat
import zlib
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.adapters.sandbox.tree_usage import BLOCK, Usage
from pipeline.machine import tree_walk

_NOBODYS_FIRST, _NOBODYS_COUNT = 0x70000000, 1 << 24
_SMALL_FIRST, _SMALL_COUNT = 61_200, 4_000
_SHIFTED_RANGE = 1 << 16
_HOST = "sandbox"
"""What a machine calls itself has an address, also without a network."""
_INSIDE = 1000
_TO_WRITE_AS_ANOTHER = 1 << 0 | 1 << 1 | 1 << 6 | 1 << 7 | 1 << 8
"""CAP_CHOWN, CAP_DAC_OVERRIDE, CAP_SETGID, CAP_SETUID, CAP_SETPCAP."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """The user inside, bubblewrap's arguments for it, and the wrapper that drops to it."""

    uid: int
    arguments: tuple[str, ...]
    wrapper: tuple[str, ...] = ()

    def files(self, account: str) -> dict[Path, bytes]:
        """Return the account files that belong to it; `account` is what it is called."""
        return {
            Path("/etc/passwd"): (
                "root:x:0:0:root:/nonexistent:/usr/sbin/nologin\n"
                f"{account}:x:{self.uid}:{self.uid}:{account}:/home/{account}:/bin/sh\n"
            ).encode(),
            Path("/etc/group"): f"root:x:0:\n{account}:x:{self.uid}:\n".encode(),
            Path("/etc/hosts"): f"127.0.0.1 localhost {_HOST}\n::1 localhost\n".encode(),
            Path("/etc/nsswitch.conf"): b"passwd: files\ngroup: files\nhosts: files\n",
        }


def identity_for(tree: Path) -> Identity:
    """Choose the user for commands in `tree`: the one whose it is, or else one that its path alone decides."""
    namespaces = (
        "--unshare-pid",
        "--unshare-net",
        "--unshare-ipc",
        "--unshare-uts",
        "--unshare-cgroup-try",
        "--hostname",
        _HOST,
    )
    if os.geteuid() != 0:
        inside = ("--unshare-user", "--uid", str(_INSIDE), "--gid", str(_INSIDE), "--cap-drop", "ALL")
        return Identity(uid=_INSIDE, arguments=(*namespaces, *inside))
    first, count = _range()
    owner = _owner(tree)
    if owner is None or not first <= owner < first + count:
        owner = first + zlib.crc32(os.fsencode(tree)) % count
    uid = owner
    # bubblewrap enters directories and setpriv drops with these; setpriv then takes them all away
    capabilities = ("CAP_SETUID", "CAP_SETGID", "CAP_SETPCAP", "CAP_DAC_READ_SEARCH")
    kept = tuple(part for name in capabilities for part in ("--cap-add", name))
    drop = ("--reuid", str(uid), "--regid", str(uid), "--clear-groups", "--no-new-privs")
    empty = ("--inh-caps=-all", "--ambient-caps=-all", "--bounding-set=-all")
    return Identity(
        uid=uid,
        arguments=(*namespaces, "--cap-drop", "ALL", *kept),
        wrapper=(shutil.which("setpriv") or "setpriv", *drop, *empty, "--"),
    )


def user_of_a_new_tree() -> int | None:
    """Return a user for a tree that is about to be written, to be its owner; None where this process cannot write as one."""
    if os.geteuid() != 0 or _capabilities() & _TO_WRITE_AS_ANOTHER != _TO_WRITE_AS_ANOTHER:
        return None
    first, count = _range()
    return first + secrets.randbelow(count)


def give(tree: Path, identity: Identity, *, to_read: bool = False) -> Usage | None:
    """Make a directory and everything in it belong to the payload, following no link. Changes owners for root only.

    `to_read` also opens, for their owner, files and directories that their modes close. Blocks. What is right already
    costs one look at it. Returns what the tree takes, where all of it was looked at.
    """
    if os.geteuid() != 0 and not to_read:
        return None
    gift = _Gift(owner=identity.uid if os.geteuid() == 0 else None, to_read=to_read)
    gift.make(tree)
    return gift.usage if os.geteuid() == 0 else None


@dataclass(slots=True)
class _Gift:
    """One walk over a tree that somebody may be changing meanwhile."""

    owner: int | None
    """None leaves owners alone."""
    to_read: bool
    links: dict[tuple[int, int], int] = field(default_factory=dict)
    """Of each foreign file with several links: how many of them were not met in this tree."""
    device: int = 0
    blocks: int = 0
    entries: int = 0
    counted: set[int] = field(default_factory=set)

    @property
    def usage(self) -> Usage:
        """What was met, counted as `tree_usage` does."""
        return Usage(self.blocks * BLOCK, self.entries)

    def make(self, tree: Path) -> None:
        """Give the tree, then the files all of whose links turned out to lie in it."""
        above = os.open(tree.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            status = os.stat(tree.name, dir_fd=above, follow_symlinks=False)
            self.device = status.st_dev
            self._take(above, tree.name, status)
            self.entries = 0
        finally:
            os.close(above)
        if not stat.S_ISDIR(status.st_mode):
            return
        tree_walk.each_entry(tree, self._take)
        if any(left == 0 for left in self.links.values()):
            tree_walk.each_entry(tree, self._take_inner_link)

    def _take(self, fd: int, name: str, status: os.stat_result) -> None:
        self._count(status)
        if status.st_uid == self.owner and not self.to_read:
            return
        if self._is_shared(status):
            place = (status.st_dev, status.st_ino)
            self.links[place] = self.links.get(place, status.st_nlink) - 1
        else:
            self._hand_over(fd, name, status)

    def _count(self, status: os.stat_result) -> None:
        if status.st_dev != self.device:
            return
        self.entries += 1
        if status.st_nlink > 1 and not stat.S_ISDIR(status.st_mode):
            if status.st_ino in self.counted:
                return
            self.counted.add(status.st_ino)
        self.blocks += status.st_blocks

    def _take_inner_link(self, fd: int, name: str, status: os.stat_result) -> None:
        if self._is_shared(status) and self.links.get((status.st_dev, status.st_ino)) == 0:
            self._hand_over(fd, name, status)

    def _is_shared(self, status: os.stat_result) -> bool:
        several = not stat.S_ISDIR(status.st_mode) and status.st_nlink > 1
        return several and (self._is_foreign(status) or self._is_closed(status))

    def _is_foreign(self, status: os.stat_result) -> bool:
        return self.owner is not None and status.st_uid != self.owner

    def _is_closed(self, status: os.stat_result) -> bool:
        return self.to_read and bool(_lacking(status.st_mode))

    def _hand_over(self, fd: int, name: str, status: os.stat_result) -> None:
        if self.owner is not None and self._is_foreign(status):
            os.chown(name, self.owner, self.owner, dir_fd=fd, follow_symlinks=False)
        if self._is_closed(status):
            _open_up(fd, name, status)


def _lacking(mode: int) -> int:
    """Return the permissions that the owner lacks to look into it; symlinks, devices and the like need none."""
    needed = {stat.S_IFREG: stat.S_IRUSR, stat.S_IFDIR: stat.S_IRUSR | stat.S_IXUSR}.get(stat.S_IFMT(mode), 0)
    return needed & ~mode


def _open_up(fd: int, name: str, seen: os.stat_result) -> None:
    """Add what the owner lacks to exactly the file that was seen, whatever bears its name by now."""
    held = os.open(name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=fd)
    try:
        now = os.fstat(held)
        if os.path.samestat(now, seen):
            with contextlib.suppress(PermissionError):  # somebody else's: the command meets it as it is
                Path(f"/proc/self/fd/{held}").chmod(stat.S_IMODE(now.st_mode) | _lacking(now.st_mode))
    finally:
        os.close(held)


def _capabilities() -> int:
    status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
    return next((int(line.split()[1], 16) for line in status.splitlines() if line.startswith("CapEff:")), 0)


def _owner(tree: Path) -> int | None:
    try:
        return tree.lstat().st_uid
    except FileNotFoundError:
        return None


def _range() -> tuple[int, int]:
    """Return first and count of the user ids to choose from; a container often has few of its own."""
    mapped = max(int(line.split()[2]) for line in Path("/proc/self/uid_map").read_text().splitlines())
    return (_SMALL_FIRST, _SMALL_COUNT) if mapped <= _SHIFTED_RANGE else (_NOBODYS_FIRST, _NOBODYS_COUNT)
