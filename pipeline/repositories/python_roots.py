"""From which directories a Python repository's modules are imported, as its manifests say.

Problem: packages lie where the build back end, or pytest, was told, and each has its own words for that; a Makefile, a
`conftest.py` or a changed `sys.path` may be all that says it. Choice: the tables of the usual back ends, pytest's `pythonpath`
and the literals of `setup.py` are read, in every folder with a manifest; what tests import and no such place holds is looked
for in the other folders. Pure; a place outside the repository, or the root itself, is never named.
"""

import configparser
import posixpath
import re
import sys
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
_IMPORTED = re.compile(rb"(?m)^[ \t]*(?:from[ \t]+(\w+)[\w.]*[ \t]+import\b|import[ \t]+(\w+(?:[ \t]*,[ \t]*\w+)*))")
_TESTS_READ_MAX = 50


def stated_roots(files: Sequence[str], read: Read) -> Iterator[str]:
    """Yield where manifests of any folder say that packages lie, as far as they say it without being run."""
    named = (PurePosixPath(path) for path in files if path.rpartition("/")[2] in _SAYS_WHERE)
    own = sorted((path for path in named if not _MATERIAL & set(path.parts)), key=lambda path: len(path.parts))
    for path in own[:_MANIFESTS_MAX]:
        for root in _SAYS_WHERE[path.name](read(str(path))):
            place = posixpath.normpath(path.parent / root)
            if not place.startswith("..") and place != ".":
                yield place


def pytest_roots(files: Sequence[str], read: Read) -> Iterator[str]:
    """Yield the folders that pytest's own `pythonpath` puts first, of every configuration in the repository."""
    named = sorted(
        (path for path in files if path.rpartition("/")[2] in _PYTEST_SAYS), key=lambda path: path.count("/")
    )
    for path in map(PurePosixPath, named[:_MANIFESTS_MAX]):
        for root in _PYTEST_SAYS[path.name](read(str(path))):
            place = posixpath.normpath(path.parent / root)
            if not place.startswith(("..", "/")):
                yield place


def imported_roots(
    code: Sequence[str], tests: Sequence[str], known: Sequence[str], manifests: Sequence[str], read: Read
) -> list[str]:
    """Return the folders of modules that tests import and that neither the root, `known`, nor a test's own folder holds.

    Nothing is guessed of a module that lies in several folders, that a manifest requires, or whose folder is itself a
    package: `acme/redis.py` is no reason to look into `acme` for what a test means by `redis`.
    """
    texts = [read(path) or b"" for path in tests[:_TESTS_READ_MAX]]
    imported = {name for text in texts for name in _imports(text)}
    beside = {str(PurePosixPath(path).parent) for path in tests}
    at_hand = {_top(path, root) for root in (".", *known) for path in code} | {
        _top(path, folder) for folder in beside for path in (*code, *tests)
    }
    wanted = imported - at_hand - sys.stdlib_module_names - {"pytest"}
    required = b"\n".join(read(path) or b"" for path in manifests)
    wanted = {name for name in wanted if not _requires(required, name)}
    packages = {str(PurePosixPath(path).parent) for path in code if path.endswith("/__init__.py")}
    places: dict[str, set[str]] = {name: set() for name in wanted}
    for path in code:
        pure = PurePosixPath(path)
        at = next((at for at, part in enumerate(pure.parts) if at and part.removesuffix(".py") in places), 0)
        folder = "/".join(pure.parts[:at])
        if (
            at
            and folder not in packages
            and not _MATERIAL & set(pure.parts[:at])
            and not imported & set(pure.parts[:at])
        ):
            places[pure.parts[at].removesuffix(".py")].add(folder)
    return list(dict.fromkeys(next(iter(found)) for _, found in sorted(places.items()) if len(found) == 1))


def _requires(manifests: bytes, name: str) -> bool:
    """Whether a line of a manifest begins with this name, as requirements do."""
    spelled = name.replace("_", "[-_.]")
    return re.search(rf"(?mi)^[ \t\"'-]*{spelled}(?![\w.-]*[\w])".encode(), manifests) is not None


def _top(path: str, root: str) -> str:
    """Return the name by which a file below a root is imported first; empty for one that is not below it."""
    inside = path if root == "." else path.removeprefix(f"{root}/") if path.startswith(f"{root}/") else ""
    return inside.partition("/")[0].removesuffix(".py")


def _imports(source: bytes) -> Iterator[str]:
    for one, many in _IMPORTED.findall(source):
        yield from (name.strip().decode() for name in (one or many).split(b","))


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
    yield from _pyproject_pytest_roots(content)
    if "project" in pyproject or "build-system" in pyproject:
        yield from ("src", ".")


def _pyproject_pytest_roots(content: bytes | None) -> Iterator[str]:
    pytest = _table(_table(_toml(content), "tool"), "pytest")
    for options in (pytest, _table(pytest, "ini_options")):
        yield from _paths(options)


def _pytest_roots(content: bytes | None) -> Iterator[str]:
    yield from _paths(_table(_toml(content), "pytest"))


def _paths(options: Mapping[str, Any]) -> Iterator[str]:
    said = options.get("pythonpath")
    yield from said.split() if isinstance(said, str) else _texts(said)


def _ini_roots(content: bytes | None) -> Iterator[str]:
    yield from _ini_pytest_roots(content)
    parser = _ini(content)
    yield from parser.get("options.packages.find", "where", fallback="").split()
    lines = parser.get("options", "package_dir", fallback="").splitlines()
    yield from _parents(dict(line.split("=", 1) for line in lines if "=" in line))


def _ini_pytest_roots(content: bytes | None) -> Iterator[str]:
    parser = _ini(content)
    for section in ("pytest", "tool:pytest"):
        yield from parser.get(section, "pythonpath", fallback="").split()


def _ini(content: bytes | None) -> configparser.RawConfigParser:
    """Parse an ini file; one that cannot be parsed says nothing."""
    parser = configparser.RawConfigParser(strict=False)
    try:
        parser.read_string((content or b"").decode())
    except (configparser.Error, UnicodeDecodeError):
        return configparser.RawConfigParser(strict=False)
    return parser


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
    ".pytest.ini": _ini_roots,
    "pytest.toml": _pytest_roots,
    ".pytest.toml": _pytest_roots,
    "tox.ini": _ini_roots,
}
_PYTEST_SAYS: dict[str, Callable[[bytes | None], Iterator[str]]] = {
    "pyproject.toml": _pyproject_pytest_roots,
    "pytest.toml": _pytest_roots,
    ".pytest.toml": _pytest_roots,
    **dict.fromkeys(("pytest.ini", ".pytest.ini", "setup.cfg", "tox.ini"), _ini_pytest_roots),
}
