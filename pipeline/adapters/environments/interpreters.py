"""Which Python a repository is run with: one of this machine that satisfies what the repository asks for.

Problem: code for another Python does not even parse, and the interpreter that runs Changeline is one of many. Choice: what
the manifests ask for is read, never run; the own interpreter comes first, then what PATH, pyenv and uv have. Invariant: an
interpreter that lies in a home is shown to a sandbox as its own directory alone, and shims are never started.
"""

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path, PurePosixPath
from typing import TypeAlias

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import InvalidVersion, Version

from pipeline.adapters.environments.python_manifests import ROOT, Manifest, inside, python_wishes
from pipeline.adapters.environments.tool_versions import tool_versions
from pipeline.adapters.environments.toolchains import own_python

_NAME = re.compile(r"python3\.\d+")
_PIN = re.compile(r"(?:cpython-|python-?)?(\d+(?:\.\d+){0,2})")
_TIMEOUT_S = 10.0
_ASKED = "import sys; print('%d.%d.%d' % sys.version_info[:3])"


@dataclass(frozen=True, slots=True, kw_only=True)
class Interpreter:
    """A CPython of this machine."""

    executable: Path
    version: str
    """`3.12.1`."""

    @property
    def minor(self) -> str:
        """Return `3.12`, as tools name their environments."""
        return ".".join(self.version.split(".")[:2])


Interpreters: TypeAlias = Callable[[], Sequence[Interpreter]]
"""The interpreters of this machine beside our own, asked for only when ours will not do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedPython:
    """What a repository asks for. Every requirement holds; of a requirement's alternatives one."""

    required: tuple[tuple[SpecifierSet, ...], ...] = ()
    pinned: tuple[str, ...] = ()
    """Versions of `.python-version` or a version manager's file, any of them; taken where they are, and where nothing else is said, demanded."""
    said: str = ""
    """In the repository's words, with the place."""

    def allows(self, found: Interpreter) -> bool:
        """Whether the requirements hold."""
        return all(any(found.version in one for one in alternatives) for alternatives in self.required)

    def pins(self, found: Interpreter) -> bool:
        """Whether it is one of the pinned versions."""
        return any(f"{found.version}.".startswith(f"{pin}.") for pin in self.pinned)


def own_interpreter() -> Interpreter:
    """Return the one that runs Changeline."""
    return Interpreter(executable=own_python(), version=".".join(map(str, sys.version_info[:3])))


def wanted_python(read: Manifest, folders: Sequence[str], *, top: str = ROOT) -> WantedPython:
    """Return what the manifests of these folders, and the `.python-version` of `top` or above, ask for."""
    required, said = [], []
    for place, text in python_wishes(read, folders or (top,)):
        alternatives = tuple(spec for part in re.split(r"\|\|?", text) if (spec := _specifiers(part)) is not None)
        if alternatives:
            required.append(alternatives)
            said.append(f"{text} ({place})")
    places = (inside(folder, ".python-version") for folder in folders_above(top))
    pin = next((content for place in places if (content := read(place)) is not None), b"")
    lines = pin.decode(errors="replace").split()
    pinned = tuple(found[1] for line in lines if (found := _PIN.fullmatch(line)))
    if pinned:
        said.append(f"{' or '.join(pinned)} (.python-version)")
    for file, text in (
        () if pinned else (one for at in folders_above(top) for one in tool_versions(read, at, ("python",)))
    ):
        if (named := _PIN.fullmatch(text)) is not None:
            # Version managers name one patch; any of its series is what is meant.
            pinned = (".".join(named[1].split(".")[:2]),)
            said.append(f"{pinned[0]} ({file})")
            break
    return WantedPython(required=tuple(required), pinned=pinned, said=", ".join(said))


def folders_above(folder: str) -> list[str]:
    """Return a folder of a repository and those around it, up to the root."""
    return [str(one) for one in (PurePosixPath(folder), *PurePosixPath(folder).parents)]


def chosen(wanted: WantedPython, others: Interpreters) -> Interpreter | None:
    """Return the interpreter to use: a pinned one, else our own, else the newest that is allowed; None when there is none."""
    own = own_interpreter()
    if wanted.allows(own) and (not wanted.pinned or wanted.pins(own)):
        return own
    allowed = [found for found in (own, *others()) if wanted.allows(found)]
    pinned = [found for found in allowed if wanted.pins(found)]
    if pinned or not wanted.pinned or not wanted.required:
        return max(pinned or ([] if wanted.pinned else allowed), key=_age, default=None)
    return own if own in allowed else max(allowed, key=_age, default=None)


@cache
def interpreters_of_this_machine() -> tuple[Interpreter, ...]:
    """Find every CPython 3 on PATH and where pyenv and uv keep theirs. Blocks, once per process."""
    found: dict[Path, Interpreter] = {}
    for place in _places():
        real = place.resolve()
        if real not in found and (version := _version(place)) is not None:
            found[real] = Interpreter(executable=place, version=version)
    return tuple(found.values())


def _places() -> Iterator[Path]:
    home = Path(os.path.expanduser("~"))  # noqa: PTH111 - Path.home() raises for a user without one
    searched = [Path(folder) for folder in os.get_exec_path() if not folder.endswith("/shims")]
    kept = (home / ".pyenv" / "versions", home / ".local" / "share" / "uv" / "python")
    for folder in (*searched, *(inner / "bin" for top in kept for inner in sorted(top.glob("*")))):
        if (folder.parent / "pyvenv.cfg").exists():
            continue
        for place in sorted(folder.glob("python3.*")):
            if _NAME.fullmatch(place.name) and os.access(place, os.X_OK):
                yield place


def _version(executable: Path) -> str | None:
    try:
        answer = subprocess.run(
            (str(executable), "-I", "-S", "-c", _ASKED),
            cwd="/", capture_output=True, text=True, timeout=_TIMEOUT_S, check=False,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return None
    return answer.stdout.strip() if answer.returncode == 0 and _PIN.fullmatch(answer.stdout.strip()) else None


def _specifiers(text: str) -> SpecifierSet | None:
    """Read PEP 440 specifiers, and poetry's `^3.10` and `~3.10`."""
    try:
        return SpecifierSet(",".join(filter(None, map(_plain, re.split(r",|\s+(?=[<>=!~^])", text.strip())))))
    except InvalidSpecifier:
        return None


def _plain(part: str) -> str:
    part = part.strip().strip(",")
    if part == "*":
        return ""
    tilde = part.startswith("~") and not part.startswith("~=")
    if part.startswith("^") or tilde:
        bare = part[1:].strip()
        try:
            release = Version(bare).release
        except InvalidVersion:
            return part
        upper = f"{release[0]}.{release[1] + 1}" if tilde and len(release) > 1 else str(release[0] + 1)
        return f">={bare},<{upper}"
    if part[:1].isdigit():
        return f"=={part}" if "*" in part or part.count(".") > 1 else f"=={part}.*"
    return re.sub(r"\s+", "", part)


def _age(found: Interpreter) -> tuple[int, ...]:
    return Version(found.version).release
