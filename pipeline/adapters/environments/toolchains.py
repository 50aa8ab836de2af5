"""Where language toolchains live, so that a sandbox can show them read-only.

Problem: toolchains installed under a home (pyenv, nvm, rustup, asdf) are started through shims that cannot work inside
a sandbox, and binding a home or `~/.cargo` shows credentials. Choice: ask the tool itself, once, outside the sandbox
and in `/`, where it really lives; show that directory and nothing above it. Invariant: never a home, a shared
directory such as `~/.local`, or an ancestor of one.
"""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from pipeline.ports import Language

_TIMEOUT_S = 30.0
_VERSION_S = 10.0
_SYSTEM = (
    Path("/usr"),
    Path("/bin"),
    Path("/sbin"),
    Path("/lib"),
    Path("/lib64"),
    Path("/nix/store"),
    Path("/gnu/store"),
)
_PROGRAMS = {
    Language.NODE: ("node",),
    Language.GO: ("go",),
    Language.RUST: ("cargo", "cargo-nextest"),
    Language.JAVA: ("java", "mvn", "gradle"),
    Language.C: ("sh", "make", "cmake", "cc", "gcc", "clang"),
}
_QUESTIONS = {
    "python": ("-I", "-c", "import sys; print(sys.base_prefix)"),
    "node": ("-p", "require('path').dirname(require('path').dirname(process.execPath))"),
    "go": ("env", "GOROOT"),
    "rustc": ("--print", "sysroot"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Toolchain:
    """What a sandbox needs to run a language: directories for PATH and directories to show."""

    path: tuple[Path, ...]
    read_only: tuple[Path, ...]


def own_python() -> Path:
    """Return the interpreter below ours: the base of a virtual environment, whose directory can be shown as it is."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    return Path(sys.base_prefix).resolve() / "bin" / version


def find_toolchain(language: Language) -> Toolchain | None:
    """Return the toolchain on the operator's PATH; Python's is our own. None when there is none. Blocks."""
    if language is Language.PYTHON:
        return toolchain_of(own_python())
    names = [shutil.which(name) for name in _PROGRAMS[language]]
    if names[0] is None:
        return None
    return toolchain_of(*(Path(name) for name in names if name is not None))


def toolchain_of(*found: Path) -> Toolchain:
    """Return what a sandbox needs to run these programs. Blocks."""
    return Toolchain(
        path=tuple(dict.fromkeys(_home_of(executable) / "bin" for executable in found)),
        read_only=tuple(dict.fromkeys(path for executable in found for path in toolchain_paths(executable))),
    )


@cache
def said_of_its_version(name: str, places: tuple[Path, ...], *question: str) -> str:
    """Return what a toolchain's program answers to the question for its version; empty where it does not. Blocks."""
    program = shutil.which(name, path=":".join(map(str, places)))
    if program is None:
        return ""
    try:
        answer = subprocess.run(
            (program, *question), cwd="/", capture_output=True, text=True, timeout=_VERSION_S, check=False
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return answer.stdout


def toolchain_paths(executable: Path) -> tuple[Path, ...]:
    """Return the directories to show read-only so that a python, node, go, cargo, java, mvn or gradle works. Blocks.

    Nothing for one that lives in the system's own directories.
    """
    home = _home_of(executable)
    shown = [home] if _showable(home) else [executable.resolve()]
    return tuple(path for path in shown if not any(path.is_relative_to(system) for system in _SYSTEM))


@cache
def _home_of(executable: Path) -> Path:
    kind = next((name for name in _QUESTIONS if executable.name.startswith(name)), None)
    asked = executable
    if executable.name == "cargo":
        kind, asked = "rustc", executable.with_name("rustc")
    if kind is not None and asked.exists():
        answer = subprocess.run(
            (str(asked), *_QUESTIONS[kind]), cwd="/", capture_output=True, text=True, timeout=_TIMEOUT_S, check=False
        )
        if answer.returncode == 0 and answer.stdout.strip():
            return Path(answer.stdout.strip()).resolve()
    return executable.resolve().parent.parent


def _showable(directory: Path) -> bool:
    home = Path(os.path.expanduser("~")).resolve()  # noqa: PTH111 - Path.home() raises for a user without one
    shared = (home, home / ".local", home / ".cargo", home / ".config", Path("/opt"), Path("/home"), Path("/"))
    return not any(path == directory or path.is_relative_to(directory) for path in shared)
