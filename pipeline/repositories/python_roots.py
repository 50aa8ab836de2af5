"""From which directories a Python repository's modules are imported, as its manifests say.

Problem: packages lie where the build back end, or pytest, was told, and each has its own words for that. Choice: the tables of
the usual back ends, pytest's `pythonpath` and the literals of `setup.py` are read, in every folder with a manifest. Pure; a
place outside the repository, or the root itself, is never named.
"""

import configparser
import posixpath
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any, TypeAlias

Read: TypeAlias = Callable[[str], bytes | None]

_MATERIAL = frozenset(
    ["test", "tests", "example", "examples", "doc", "docs", "fixtures", "data", "benchmarks", "templates"]
)
"""Folders whose manifests are not the repository's own."""
_MANIFESTS_MAX = 40
_SETUP_WHERE = re.compile(
    r"""package_dir\s*=\s*\{\s*["']["']\s*:\s*["']([\w./-]+)["']|find_(?:namespace_)?packages\(\s*(?:where\s*=\s*)?["']([\w./-]+)["']"""
)


def stated_roots(files: Sequence[str], read: Read) -> Iterator[str]:
    """Yield where manifests of any folder say that packages lie, as far as they say it without being run."""
    named = (PurePosixPath(path) for path in files if path.rpartition("/")[2] in _SAYS_WHERE)
    own = sorted((path for path in named if not _MATERIAL & set(path.parts)), key=lambda path: len(path.parts))
    for path in own[:_MANIFESTS_MAX]:
        for root in _SAYS_WHERE[path.name](read(str(path))):
            place = posixpath.normpath(path.parent / root)
            if not place.startswith("..") and place != ".":
                yield place


def _pyproject_roots(content: bytes | None) -> Iterator[str]:
    pyproject = _toml(content)
    tool = _table(pyproject, "tool")
    setuptools, poetry = _table(tool, "setuptools"), _table(tool, "poetry")
    yield from _texts(_table(_table(setuptools, "packages"), "find").get("where"))
    yield from _parents(_table(setuptools, "package-dir"))
    packages = poetry.get("packages")
    for package in packages if isinstance(packages, list) else ():
        if isinstance(package, dict) and isinstance(package.get("from"), str):
            yield package["from"]
    wheel = _table(_table(_table(_table(tool, "hatch"), "build"), "targets"), "wheel")
    for build in (_table(_table(tool, "hatch"), "build"), wheel):
        yield from (str(PurePosixPath(package).parent) for package in _texts(build.get("packages")))
        yield from _texts(build.get("sources"))
        yield from _table(build, "sources")
    yield from _texts(
        [_table(_table(tool, "pdm"), "build").get("package-dir"), _table(tool, "maturin").get("python-source")]
    )
    yield from _texts([_table(_table(tool, "uv"), "build-backend").get("module-root")])
    pytest = _table(tool, "pytest")
    for options in (pytest, _table(pytest, "ini_options")):
        said = options.get("pythonpath")
        yield from said.split() if isinstance(said, str) else _texts(said)
    if "project" in pyproject or "build-system" in pyproject:
        yield from ("src", ".")


def _ini_roots(content: bytes | None) -> Iterator[str]:
    parser = configparser.RawConfigParser(strict=False)
    try:
        parser.read_string((content or b"").decode())
    except (configparser.Error, UnicodeDecodeError):
        return
    for section, key in (("pytest", "pythonpath"), ("tool:pytest", "pythonpath"), ("options.packages.find", "where")):
        yield from parser.get(section, key, fallback="").split()
    lines = parser.get("options", "package_dir", fallback="").splitlines()
    yield from _parents(dict(line.split("=", 1) for line in lines if "=" in line))


def _setup_roots(content: bytes | None) -> Iterator[str]:
    """Yield literals of `package_dir={"": "lib"}` and `find_packages("lib")`; the file is not run."""
    text = (content or b"").decode(errors="replace")
    for found in _SETUP_WHERE.finditer(text):
        yield found[1] or found[2]
    yield "."


def _parents(places: Mapping[str, object]) -> Iterator[str]:
    """Turn `{"": "lib", "acme": "code/acme"}` into the directories that imports start from."""
    for name, place in places.items():
        if isinstance(place, str) and place.strip():
            package, where = name.strip().split(".") if name.strip() else [], PurePosixPath(place.strip())
            if list(where.parts[len(where.parts) - len(package) :]) == package:
                yield str(PurePosixPath(*where.parts[: len(where.parts) - len(package)]))


def _table(parent: Mapping[str, Any], key: str) -> dict[str, Any]:
    found = parent.get(key)
    return found if isinstance(found, dict) else {}


def _texts(value: object) -> list[str]:
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def _toml(content: bytes | None) -> dict[str, Any]:
    try:
        return tomllib.loads((content or b"").decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError):
        return {}


_SAYS_WHERE: dict[str, Callable[[bytes | None], Iterator[str]]] = {
    "pyproject.toml": _pyproject_roots,
    "setup.cfg": _ini_roots,
    "setup.py": _setup_roots,
    "pytest.ini": _ini_roots,
    "tox.ini": _ini_roots,
}
