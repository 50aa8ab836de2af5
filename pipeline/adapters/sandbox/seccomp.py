"""The system-call filter of sandboxed processes, assembled by hand.

Problem: a network namespace does not isolate AF_VSOCK, and a process without privileges can still create a user
namespace and reach kernel code that was written for root. Choice: a short deny list, the same for every command, as a
classic BPF program that bubblewrap loads right before the payload starts. It forbids new namespaces, mounts, keyrings,
BPF, io_uring, kernel modules, huge pages and every socket family but Unix, IPv4, IPv6 and netlink. Where the kernel does
not count a command's memory as a whole, memory that no table of processes shows is refused too: memfds, and System V
segments and sets of semaphores of more than a few pages. Everything else stays allowed: compilers and test runners must work. Invariant: what
the filter refuses fails with an errno that programs know how to live with; nothing is killed by it.
"""

import errno
import platform
import struct
from collections.abc import Iterator
from dataclasses import dataclass

_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_NUMBER, _ARCHITECTURE = 0, 4
_ALLOW, _ERRNO = 0x7FFF0000, 0x00050000
_NEW_NAMESPACES = 0x7E020000
_SOCKET_FAMILIES = (1, 2, 10, 16)
# open_tree move_mount fsopen fsconfig fsmount fspick mount_setattr open_tree_attr
_MOUNT_API = (428, 429, 430, 431, 432, 433, 442, 467)
_IO_URING = (425, 426, 427)
_CLONE3, _MEMFD_SECRET = 435, 447
_MAP_HUGETLB, _MFD_HUGETLB = 0x40000, 0x4
_SEGMENT_MAX_BYTES = 64 * 1024
"""Of System V shared memory: the kernel allows 4,096 of them, which together are 256 MiB that nobody counts."""
_SEMAPHORES_MAX = 250
"""In a System V set: the kernel allows 32,000 sets, which together are half a GiB."""


@dataclass(frozen=True, slots=True)
class _Machine:
    audit: int
    clone: int
    socket: int
    socketpair: int
    mmap: int
    memfd_create: int
    shmget: int
    semget: int
    denied: tuple[int, ...]
    foreign_abi_from: int | None = None


_MACHINES = {
    "x86_64": _Machine(
        audit=0xC000003E,
        clone=56,
        socket=41,
        socketpair=53,
        mmap=9,
        memfd_create=319,
        shmget=29,
        semget=64,
        # unshare setns mount umount2 pivot_root keyctl add_key request_key bpf perf_event_open userfaultfd
        # kexec_load kexec_file_load init_module finit_module delete_module open_by_handle_at swapon reboot quotactl
        denied=(272, 308, 165, 166, 155, 250, 248, 249, 321, 298, 323, 246, 320, 175, 313, 176, 304, 167, 169, 179),
        foreign_abi_from=0x40000000,
    ),
    "aarch64": _Machine(
        audit=0xC00000B7,
        clone=220,
        socket=198,
        socketpair=199,
        mmap=222,
        memfd_create=279,
        shmget=194,
        semget=190,
        denied=(97, 268, 40, 39, 41, 219, 217, 218, 280, 241, 282, 104, 294, 105, 273, 106, 265, 224, 142, 60),
    ),
}


def program(machine: str | None = None, *, memory_counted: bool = False) -> bytes | None:
    """Return the filter for a machine as `platform.machine()` names it (default: this one); None where none is known.

    `memory_counted` says that a cgroup counts the command's memory, so that nothing has to be refused for its sake.
    """
    known = _MACHINES.get(machine or platform.machine())
    return None if known is None else b"".join(_assemble(known, memory_counted=memory_counted))


def _assemble(machine: _Machine, *, memory_counted: bool) -> list[bytes]:
    foreign = [] if machine.foreign_abi_from is None else [_step(_AT_LEAST, machine.foreign_abi_from, 0, 1), _no_call()]
    uncounted = (
        (*_if_any_bit(machine.memfd_create, 1, _MFD_HUGETLB, errno.EINVAL),)
        if memory_counted
        else (
            *_deny(machine.memfd_create, errno.ENOSYS),
            *_if_above(machine.shmget, 1, _SEGMENT_MAX_BYTES, errno.EINVAL),
            *_if_above(machine.semget, 1, _SEMAPHORES_MAX, errno.EINVAL),
        )
    )
    return [
        _step(_LOAD, _ARCHITECTURE),
        _step(_EQUAL, machine.audit, 1, 0),
        _no_call(),
        _step(_LOAD, _NUMBER),
        *foreign,
        *_deny(_CLONE3, errno.ENOSYS),  # glibc then falls back to clone, whose flags a filter can read
        *_deny(_MEMFD_SECRET, errno.ENOSYS),
        *(step for number in (*machine.denied, *_MOUNT_API, *_IO_URING) for step in _deny(number, errno.EPERM)),
        *_if_any_bit(machine.clone, 0, _NEW_NAMESPACES, errno.EPERM),
        *_if_any_bit(machine.mmap, 3, _MAP_HUGETLB, errno.ENOMEM),  # another pool, which no limit of ours counts
        *uncounted,
        *_unless_among(machine.socket, 0, _SOCKET_FAMILIES, errno.EAFNOSUPPORT),
        *_unless_among(machine.socketpair, 0, _SOCKET_FAMILIES, errno.EAFNOSUPPORT),
        _step(_RETURN, _ALLOW),
    ]


def _deny(number: int, error: int) -> tuple[bytes, bytes]:
    return _step(_EQUAL, number, 0, 1), _refuse(error)


def _if_any_bit(number: int, argument: int, mask: int, error: int) -> Iterator[bytes]:
    """Refuse a call with any of these bits in an argument."""
    return _examined(number, [_low(argument), _step(_ANY_BIT, mask, 0, 1), _refuse(error)])


def _if_above(number: int, argument: int, most: int, error: int) -> Iterator[bytes]:
    """Refuse a call with a larger argument, of 64 bits."""
    return _examined(
        number,
        [
            _step(_LOAD, 20 + 8 * argument),
            _step(_EQUAL, 0, 0, 2),
            _low(argument),
            _step(_AT_LEAST, most + 1, 0, 1),
            _refuse(error),
        ],
    )


def _unless_among(number: int, argument: int, allowed: tuple[int, ...], error: int) -> Iterator[bytes]:
    """Refuse a call unless an argument has one of these values."""
    checks = [_step(_EQUAL, value, len(allowed) - at, 0) for at, value in enumerate(allowed)]
    return _examined(number, [_low(argument), *checks, _refuse(error)])


def _examined(number: int, steps: list[bytes]) -> Iterator[bytes]:
    """Skip `steps` for other calls, and load the call's number again for what follows."""
    yield _step(_EQUAL, number, 0, len(steps) + 1)
    yield from steps
    yield _step(_LOAD, _NUMBER)


def _low(argument: int) -> bytes:
    """Load the low half of an argument; both machines are little-endian."""
    return _step(_LOAD, 16 + 8 * argument)


def _no_call() -> bytes:
    return _refuse(errno.ENOSYS)


def _refuse(error: int) -> bytes:
    return _step(_RETURN, _ERRNO | error)


def _step(code: int, operand: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("=HBBI", code, if_true, if_false, operand)
