"""Runs a command as an ordinary user who can reach the interpreter and the sources, wherever these lie.

Problem: on many machines the interpreter lies below root's home, which nobody else can enter, so what must hold for an ordinary
user was never run as one. Choice: a mount namespace of its own, in which each closed directory above something that is needed
is covered by an empty one that shows only what is needed, read-only and at its own place. Invariant: nothing outside the
namespace changes, and nothing else of a closed directory becomes visible.
"""

import os
import shlex
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

NOBODY = 65_534
SOURCES = Path(__file__).parents[1]


def unavailable() -> str | None:
    """Return why there can be no such namespace here; None when there can."""
    missing = [name for name in ("unshare", "setpriv", "mount") if shutil.which(name) is None]
    if missing:
        return f"{', '.join(missing)} is not installed (util-linux)"
    tried = _unshared("mount -t tmpfs tmpfs /mnt")
    return None if tried.returncode == 0 else f"no mount namespace can be made: {tried.stderr.strip()}"


def run_as_nobody(
    argv: Sequence[str], *, environment: Mapping[str, str], cwd: Path
) -> "subprocess.CompletedProcess[str]":
    """Run a command of this interpreter as `nobody` and return what it printed."""
    assignments = [f"{name}={value}" for name, value in environment.items()]
    command = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "env", "-i", *assignments, *argv]
    lines = [*_reaching(_needed()), f"cd {shlex.quote(str(cwd))}", f"exec {shlex.join(command)}"]
    return _unshared("\n".join(lines))


def run_tests_as_nobody(directory: Path, *selection: str) -> "subprocess.CompletedProcess[str]":
    """Run tests as `nobody`, whose home and temporary files lie in a directory that this makes; see `-r` for what it prints."""
    home = directory / "nobody"
    home.mkdir()
    os.chown(home, NOBODY, NOBODY)
    return run_as_nobody(
        [sys.executable, "-B", "-m", "pytest", "-q", "-rs", "--tb=short", f"--basetemp={home}/pytest", *selection],
        environment={"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": str(home), "TMPDIR": str(home), "LANG": "C.UTF-8"},
        cwd=SOURCES,
    )


@contextmanager
def public_directory() -> Iterator[Path]:
    """Make a directory that every user can enter; pytest's own are closed to others."""
    directory = Path(tempfile.mkdtemp(prefix="changeline-test-"))
    directory.chmod(0o755)
    try:
        yield directory
    finally:
        shutil.rmtree(directory)


def _needed() -> list[Path]:
    """Return every directory that a Python process of ours reads."""
    places = {SOURCES, Path(sys.prefix), Path(sys.base_prefix), Path(sys.executable).parent}
    places |= {Path(entry) for entry in sys.path if entry and Path(entry).is_dir()}
    return sorted({found for place in places for found in (place, place.resolve())})


def _reaching(needed: Iterable[Path]) -> list[str]:
    """Return the shell lines that let everybody reach these places."""
    closed: dict[Path, list[Path]] = {}
    for place in needed:
        top = next((parent for parent in (*reversed(place.parents), place) if not _open_to_all(parent)), None)
        if top is not None and not any(place.is_relative_to(kept) for kept in closed.setdefault(top, [])):
            closed[top].append(place)
    lines = ["set -e", "aside=$(mktemp -d)", "mount -t tmpfs tmpfs $aside"]
    for top, places in closed.items():
        for number, place in enumerate(places):
            lines += [f"mkdir $aside/{number}", f"mount --bind {shlex.quote(str(place))} $aside/{number}"]
        lines.append(f"mount -t tmpfs -o mode=755 tmpfs {shlex.quote(str(top))}")
        for number, place in enumerate(places):
            quoted = shlex.quote(str(place))
            lines += [f"mkdir -p {quoted}", f"mount --bind $aside/{number} {quoted}"]
            lines += [f"mount -o remount,bind,ro {quoted}", f"umount $aside/{number}", f"rmdir $aside/{number}"]
    return [*lines, "umount $aside", "rmdir $aside"]


def _open_to_all(directory: Path) -> bool:
    mode = directory.stat().st_mode
    return bool(mode & stat.S_IXOTH and mode & stat.S_IROTH)


def _unshared(script: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        ["unshare", "--mount", "--propagation", "private", "sh", "-c", script],
        capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL,
    )  # fmt: skip
