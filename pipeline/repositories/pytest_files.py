"""Which files pytest's own configuration calls tests.

Problem: a repository may call its tests `check_*.py`, and what is no test to us is neither protected nor handed in as one.
Choice: `python_files` of the places that pytest reads, in its order. Pure; a pattern that would make every file a test is left
out, since it only means something together with the folders that are searched.
"""

import configparser
import re
import tomllib
from collections.abc import Callable, Sequence
from fnmatch import fnmatchcase
from typing import Any, TypeAlias

Read: TypeAlias = Callable[[str], bytes | None]

_PLACES = (
    ("pytest.toml", ("pytest",)),
    (".pytest.toml", ("pytest",)),
    ("pytest.ini", ("pytest",)),
    (".pytest.ini", ("pytest",)),
    ("pyproject.toml", ("tool", "pytest")),
    ("pyproject.toml", ("tool", "pytest", "ini_options")),
    ("tox.ini", ("pytest",)),
    ("setup.cfg", ("tool:pytest",)),
)
_PLAIN = re.compile(r"[\w*?.\[\]-]{1,100}")
_ORDINARY = ("core.py", "__init__.py", "setup.py")


def stated_test_files(files: Sequence[str], read: Read) -> tuple[str, ...]:
    """Return the patterns of names that the configuration in a folder gives; empty where it gives none."""
    for path, at in _PLACES:
        if path in files and (found := _said(path, at, read(path) or b"")):
            plain = (one for one in found if _PLAIN.fullmatch(one))
            return tuple(one for one in plain if not any(fnmatchcase(name, one) for name in _ORDINARY))
    return ()


def _said(path: str, at: Sequence[str], content: bytes) -> list[str]:
    try:
        said: Any = _of_toml(at, content.decode()) if path.endswith(".toml") else _of_ini(at, content.decode())
    except (tomllib.TOMLDecodeError, configparser.Error, UnicodeDecodeError, RecursionError):
        return []
    words = said.split() if isinstance(said, str) else said
    return [one for one in words if isinstance(one, str)] if isinstance(words, list) else []


def _of_toml(at: Sequence[str], text: str) -> Any:
    found: Any = tomllib.loads(text)
    for key in at:
        found = found.get(key) if isinstance(found, dict) else None
    return found.get("python_files") if isinstance(found, dict) else None


def _of_ini(at: Sequence[str], text: str) -> str:
    parser = configparser.RawConfigParser(strict=False)
    parser.read_string(text)
    return parser.get(at[0], "python_files", fallback="")
