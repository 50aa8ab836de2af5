"""The system-call filter of sandboxed processes, assembled by hand.

Problem: a network namespace does not isolate AF_VSOCK, and a process without privileges can still create a user
namespace and reach kernel code that was written for root. Choice: a short deny list, the same for every command, as a
classic BPF program that bubblewrap loads right before the payload starts. It forbids new namespaces, mounts, keyrings,
BPF, io_uring, kernel modules and every socket family but Unix, IPv4, IPv6 and netlink. Everything else stays allowed:
compilers and test runners must work. Invariant: what the filter refuses fails with an errno; nothing is killed by it.
"""

import errno
import platform
import struct
from dataclasses import dataclass

_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_NUMBER, _ARCHITECTURE, _FIRST_ARGUMENT = 0, 4, 16
_ALLOW, _ERRNO = 0x7FFF0000, 0x00050000
_NEW_NAMESPACES = 0x7E020000
_SOCKET_FAMILIES = (1, 2, 10, 16)
_MOUNT_API = (428, 429, 430, 431, 432, 433, 442)
_IO_URING = (425, 426, 427)
_CLONE3 = 435


@dataclass(frozen=True, slots=True)
class _Machine:
    audit: int
    clone: int
    socket: int
    denied: tuple[int, ...]
    foreign_abi_from: int | None = None


_MACHINES = {
    "x86_64": _Machine(
        audit=0xC000003E,
        clone=56,
        socket=41,
        # unshare setns mount umount2 pivot_root keyctl add_key request_key bpf perf_event_open userfaultfd
        # kexec_load kexec_file_load init_module finit_module delete_module open_by_handle_at swapon reboot quotactl
        denied=(272, 308, 165, 166, 155, 250, 248, 249, 321, 298, 323, 246, 320, 175, 313, 176, 304, 167, 169, 179),
        foreign_abi_from=0x40000000,
    ),
    "aarch64": _Machine(
        audit=0xC00000B7,
        clone=220,
        socket=198,
        denied=(97, 268, 40, 39, 41, 219, 217, 218, 280, 241, 282, 104, 294, 105, 273, 106, 265, 224, 142, 60),
    ),
}


def program(machine: str | None = None) -> bytes | None:
    """Return the filter for a machine as `platform.machine()` names it (default: this one); None where none is known."""
    known = _MACHINES.get(machine or platform.machine())
    return None if known is None else b"".join(_assemble(known))


def _assemble(machine: _Machine) -> list[bytes]:
    foreign = [] if machine.foreign_abi_from is None else [_step(_AT_LEAST, machine.foreign_abi_from, 0, 1), _no_call()]
    return [
        _step(_LOAD, _ARCHITECTURE),
        _step(_EQUAL, machine.audit, 1, 0),
        _no_call(),
        _step(_LOAD, _NUMBER),
        *foreign,
        *_deny(_CLONE3, errno.ENOSYS),  # glibc then falls back to clone, whose flags a filter can read
        *(step for number in (*machine.denied, *_MOUNT_API, *_IO_URING) for step in _deny(number, errno.EPERM)),
        _step(_EQUAL, machine.clone, 0, 4),
        _step(_LOAD, _FIRST_ARGUMENT),
        _step(_ANY_BIT, _NEW_NAMESPACES, 0, 1),
        _refuse(errno.EPERM),
        _step(_LOAD, _NUMBER),
        _step(_EQUAL, machine.socket, 0, 2 + len(_SOCKET_FAMILIES)),
        _step(_LOAD, _FIRST_ARGUMENT),
        *(_step(_EQUAL, family, len(_SOCKET_FAMILIES) - at, 0) for at, family in enumerate(_SOCKET_FAMILIES)),
        _refuse(errno.EAFNOSUPPORT),
        _step(_RETURN, _ALLOW),
    ]


def _deny(number: int, error: int) -> tuple[bytes, bytes]:
    return _step(_EQUAL, number, 0, 1), _refuse(error)


def _no_call() -> bytes:
    return _refuse(errno.ENOSYS)


def _refuse(error: int) -> bytes:
    return _step(_RETURN, _ERRNO | error)


def _step(code: int, operand: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("=HBBI", code, if_true, if_false, operand)
