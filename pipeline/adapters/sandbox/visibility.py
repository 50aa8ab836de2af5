"""What a sandboxed process sees of the machine, as arguments for bubblewrap.

Problem: a view that starts from `/` and hides things forgets one, and a read-only bind does not stop a connection to a
Unix socket in it. Choice: start from nothing and name what is visible: system directories, the few files of `/etc` that
programs need, and the command's own paths. Paths the operator keeps for Changeline (data directory, git cache, socket
directories) are covered again should a visible directory contain them, under whatever name. Invariant: no mount point
or source below a path that tools can write goes through a symbolic link, because a tool may have planted it.
"""

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.errors import InvariantBroken
from pipeline.ports import SandboxCommand

HOMES = Path("/home")
SEARCH_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

_SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/nix/store", "/gnu/store")
_ETC = (
    "alternatives",
    "ca-certificates",
    "ca-certificates.conf",
    "crypto-policies",
    "debian_version",
    "ld.so.cache",
    "ld.so.conf",
    "ld.so.conf.d",
    "locale.alias",
    "localtime",
    "maven/logging",
    "maven/m2.conf",
    "mime.types",
    "os-release",
    "pki/tls",
    "pki/ca-trust",
    "protocols",
    "services",
    "ssl/certs",
    "ssl/openssl.cnf",
    "timezone",
)
_TOP = (Path("/etc"), Path("/run"), Path("/run/changeline"), Path("/var"), HOMES)
_SCRATCH = (Path("/dev/shm"), Path("/tmp"), Path("/var/tmp"))  # noqa: S108 - inside
_ETC_PATTERNS = ("java-*", "python3*")


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """Everything that decides the mounts of one run. `files` are small texts shown read-only, by path inside."""

    read_only: tuple[Path, ...]
    hidden: tuple[Path, ...]
    scratch_max_bytes: int
    files: Mapping[Path, int]
    """Path inside to an open descriptor with the content."""
    sockets: Mapping[Path, Path] = field(default_factory=dict)
    """Path inside to a Unix socket of the host, made for this run."""
    tree: Path | None = None
    """The tree that stands at the command's `tree_at` too."""


def scratch(command: SandboxCommand) -> tuple[Path, ...]:
    """Return the file systems in memory that every command gets."""
    return (*_SCRATCH, home(command))


def home(command: SandboxCommand) -> Path:
    """Return the home of the user inside."""
    return HOMES / command.account


def environment(command: SandboxCommand) -> dict[str, str]:
    """Return the fixed minimum plus what the command asks for."""
    minimum = {
        "PATH": SEARCH_PATH,
        "HOME": str(home(command)),
        "LANG": "C.UTF-8",
        "TMPDIR": "/tmp",  # noqa: S108 - private to the sandbox
        "USER": command.account,
        "PWD": str(command.cwd),
    }
    return {**minimum, **command.environment}


def arguments(command: SandboxCommand, view: View) -> list[str]:
    """Return bubblewrap's mount arguments. Raises `InvariantBroken` for paths that must never be shown."""
    _check(command, view)
    in_memory = ("--perms", "1777", "--size", str(view.scratch_max_bytes), "--tmpfs")
    covers = list(_covers(command, view))
    caches = ((path, (*in_memory, str(path))) for path in command.scratch)
    mounts = sorted((*covers, *_mounts(command, view), *caches), key=lambda mount: len(mount[0].parts))
    return [
        *_directories(_TOP),
        *_system(),
        *("--proc", "/proc", "--dev", "/dev"),
        *(part for path in scratch(command) for part in (*in_memory, str(path))),
        *(
            part
            for path, fd in view.files.items()
            for part in ("--perms", "0444", "--ro-bind-data", str(fd), str(path))
        ),
        *(part for inside, host in view.sockets.items() for part in ("--ro-bind", str(host), str(inside))),
        *(part for path, mount in mounts for part in (*_directories(reversed(path.parents[:-1])), *mount)),
        *(part for path, place in _kept(command, view) for part in ("--ro-bind", str(path), str(place))),
        *(part for path, mount in covers if "--tmpfs" in mount for part in ("--remount-ro", str(path))),
        *("--remount-ro", "/dev", "--remount-ro", "/", "--chdir", str(command.cwd)),
    ]


def looked_at(command: SandboxCommand) -> tuple[Path, ...]:
    """Return the tree that a command without writable paths works in; toolchains beside it are nobody's to give."""
    system = [Path(name) for name in _SYSTEM]
    return tuple(
        path
        for path in command.read_only
        if _within(command.cwd, path) and not any(_within(path, shown) for shown in system)
    )


def _directories(paths: Iterable[Path]) -> Iterator[str]:
    """Name parents, outermost first: bubblewrap would create them closed to the payload's user."""
    for path in paths:
        yield from ("--perms", "0755", "--dir", str(path))


def _system() -> Iterator[str]:
    for name in _SYSTEM:
        path = Path(name)
        if path.is_symlink():
            yield from ("--symlink", str(path.readlink()), name)
        elif path.is_dir():
            yield from ("--ro-bind", name, name)
    etc = Path("/etc")
    for path in (*(etc / name for name in _ETC), *(match for pattern in _ETC_PATTERNS for match in etc.glob(pattern))):
        if path.exists():
            yield from (*_directories((path.parent,)), "--ro-bind", str(path), str(path))


def _covers(command: SandboxCommand, view: View) -> Iterator[tuple[Path, tuple[str, ...]]]:
    """Yield what stands over our own paths wherever a visible directory shows them, by whatever name it got there."""
    shown = {path: path for path in (*map(Path, _SYSTEM), *view.read_only, *command.read_only)} | dict(command.mounts)
    for hidden in view.hidden:
        real = Path(os.path.realpath(hidden))
        if not real.exists():
            continue
        for inside, source in shown.items():
            top = Path(os.path.realpath(source))
            if _within(real, top):
                place = inside / real.relative_to(top)
                over = ("--perms", "0755", "--tmpfs") if real.is_dir() else ("--ro-bind", os.devnull)
                yield place, (*over, str(place))


def _mounts(command: SandboxCommand, view: View) -> Iterator[tuple[Path, tuple[str, ...]]]:
    """Yield mounts by destination; sorted by depth, a deeper one always stands over a shallower one."""
    for path in (*view.read_only, *command.read_only):
        yield path, ("--ro-bind", str(path), str(path))
    for destination, source in command.mounts.items():
        yield destination, ("--ro-bind", str(source), str(destination))
    for path in command.writable:
        yield path, ("--bind", str(path), str(path))
    if view.tree is not None and command.tree_at is not None:
        how = "--bind" if view.tree in command.writable else "--ro-bind"
        yield command.tree_at, (how, str(view.tree), str(command.tree_at))


def _kept(command: SandboxCommand, view: View) -> Iterator[tuple[Path, Path]]:
    """Yield each file with every place at which its tree appears."""
    for path in command.kept:
        yield path, path
        if view.tree is not None and command.tree_at is not None and view.tree in path.parents:
            yield path, command.tree_at / path.relative_to(view.tree)


def _check(command: SandboxCommand, view: View) -> None:
    shown = (*command.writable, *command.read_only, *command.mounts.values(), *view.read_only)
    fixed = () if command.tree_at is None else (command.tree_at,)
    for path in (*shown, *command.mounts, *fixed):
        if not path.is_absolute() or ".." in path.parts or len(path.parts) == 1:
            raise InvariantBroken("A sandbox shows absolute paths below the root only.", path=str(path))
    for path in command.scratch:
        if ".." in path.parts or not any(mount in path.parents for mount in command.mounts):
            raise InvariantBroken("Scratch space lies within a mounted directory.", path=str(path))
    real_shown = {os.path.realpath(path) for path in shown}
    real_writable = [Path(os.path.realpath(path)) for path in command.writable]
    for path in view.hidden:
        real = os.path.realpath(path)
        if real in real_shown or any(_within(Path(real), writable) for writable in real_writable):
            raise InvariantBroken("A directory of the pipeline itself is never shown to a tool.", path=str(path))
    for path in (*shown, *command.mounts):
        planted = path in command.writable or any(_within(path, parent) for parent in command.writable)
        if planted and os.path.realpath(path) != _straight(path, view.hidden):
            raise InvariantBroken("A path that a tool can change leads through a symbolic link.", path=str(path))


def _straight(path: Path, own: tuple[Path, ...]) -> str:
    """Return where a path leads if no tool has bent it: links on the way to our own directory are the operator's."""
    above = next((place for place in own if _within(path, place)), None)
    return str(path) if above is None else str(Path(os.path.realpath(above)) / path.relative_to(above))


def _within(path: Path, parent: Path) -> bool:
    return path == parent or parent in path.parents
