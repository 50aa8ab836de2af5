"""As whom a sandboxed process runs.

Problem: when the pipeline is root, a user namespace that maps its payload to root gives it root's files, root's entries
in `/proc` and no process limit. Choice: an ordinary user enters a user namespace and stays itself outside; root drops
to a user of its own per worktree, from a range that belongs to nobody, and gives it the writable paths first.
Invariant: a payload is never the host's root. Files with several hard links stay whose they are: one of the links may
lie in the git cache.
"""

import os
import shutil
import stat
import zlib
from dataclasses import dataclass
from pathlib import Path

from pipeline.tree_walk import directories

_NOBODYS_FIRST, _NOBODYS_COUNT = 0x70000000, 1 << 24
_SMALL_FIRST, _SMALL_COUNT = 61_200, 4_000
_SHIFTED_RANGE = 1 << 16
_INSIDE = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """The user inside, bubblewrap's arguments for it, and the wrapper that drops to it."""

    uid: int
    arguments: tuple[str, ...]
    wrapper: tuple[str, ...] = ()

    def files(self) -> dict[Path, bytes]:
        """Return the account files that belong to it."""
        return {
            Path("/etc/passwd"): (
                "root:x:0:0:root:/nonexistent:/usr/sbin/nologin\n"
                f"changeline:x:{self.uid}:{self.uid}:changeline:/home/changeline:/bin/sh\n"
            ).encode(),
            Path("/etc/group"): f"root:x:0:\nchangeline:x:{self.uid}:\n".encode(),
            Path("/etc/hosts"): b"127.0.0.1 localhost sandbox\n::1 localhost\n",
            Path("/etc/nsswitch.conf"): b"passwd: files\ngroup: files\nhosts: files\n",
        }


def identity_for(tree: Path) -> Identity:
    """Choose the user for commands in `tree`; the same tree always gets the same one."""
    namespaces = ("--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try")
    if os.geteuid() != 0:
        inside = ("--unshare-user", "--uid", str(_INSIDE), "--gid", str(_INSIDE), "--cap-drop", "ALL")
        return Identity(uid=_INSIDE, arguments=(*namespaces, *inside))
    first, count = _range()
    uid = first + zlib.crc32(os.fsencode(tree)) % count
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


def give(tree: Path, identity: Identity) -> None:
    """Make a directory and everything in it belong to the payload, following no link. Needed, and done, for root only."""
    if os.geteuid() != 0:
        return
    owner = identity.uid
    for directory in directories(tree):
        os.fchown(directory.descriptor, owner, owner)
        for entry in directory.entries:
            status = entry.stat(follow_symlinks=False)
            shared = not stat.S_ISDIR(status.st_mode) and status.st_nlink > 1
            if status.st_uid != owner and not shared:
                os.chown(entry.name, owner, owner, dir_fd=directory.descriptor, follow_symlinks=False)


def _range() -> tuple[int, int]:
    """Return first and count of the user ids to choose from; a container often has few of its own."""
    mapped = max(int(line.split()[2]) for line in Path("/proc/self/uid_map").read_text().splitlines())
    return (_SMALL_FIRST, _SMALL_COUNT) if mapped <= _SHIFTED_RANGE else (_NOBODYS_FIRST, _NOBODYS_COUNT)
