"""What a Python repository declares: dependencies, test dependencies, its own name and version.

Pure functions over manifest texts, none of which is executed: `setup.py` is parsed, and only literals in its call of
`setup` count. Lines that name the repository itself or a path are left out, because the repository is not installed.
"""

import ast
import configparser
import re
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, TypeAlias

Manifest: TypeAlias = Callable[[str], bytes | None]

_TEST_GROUPS = ("test", "tests", "testing", "dev", "develop", "development")
_PLAIN_FILES = ("requirements.txt", "base.txt", "main.txt")
_TEST_FILE = re.compile(r"(^|[-_./])(test|tests|testing|dev|develop|development)(-?requirements|[-_.]|$)")
_CARET = re.compile(r"[\^~](\d+(?:\.\d+)*)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """The repository as a distribution; None for what is not stated statically."""

    name: str | None = None
    version: str | None = None
    entry_points: Mapping[str, Mapping[str, str]] | None = None


def declared(read: Manifest, paths: Sequence[str]) -> list[str]:
    """Return requirement lines for installing and testing, without duplicates, in a stable order."""
    pyproject = _toml(read("pyproject.toml"))
    lines = [*_from_pyproject(pyproject), *_from_setup_cfg(_ini(read("setup.cfg"))), *_from_setup_py(read("setup.py"))]
    own = (project(read).name or "").lower().replace("_", "-")
    kept = [line for line in lines if not _names_itself(line, own)]
    return list(dict.fromkeys([*kept, *_from_files(read, paths)]))


def constraints(read: Manifest, paths: Sequence[str]) -> list[str]:
    """Return the lines of constraints files that the requirements files among `paths` name."""
    found: list[str] = []
    for path in paths:
        if path.endswith(".txt") and "constraints" not in path:
            text = (read(path) or b"").decode(errors="replace")
            for named in re.findall(r"(?m)^\s*(?:-c|--constraint)[ =]?(\S+)", text):
                found += _file(read, PurePosixPath(_normal(PurePosixPath(path).parent / named)), frozenset())
    return list(dict.fromkeys(found))


def project(read: Manifest) -> Project:
    """Return the repository's own name, version and entry points, as far as they are literals."""
    table = _table(_toml(read("pyproject.toml")), "project")
    poetry = _table(_table(_toml(read("pyproject.toml")), "tool"), "poetry")
    metadata = _ini(read("setup.cfg")).get("metadata", {})
    call = _setup_call(read("setup.py"))
    sources = (table, poetry, metadata, call)
    name = next((str(source["name"]) for source in sources if isinstance(source.get("name"), str)), None)
    version = next((str(source["version"]) for source in sources if isinstance(source.get("version"), str)), None)
    if version is not None and version.startswith(("attr:", "file:")):
        version = None
    groups = {**_table(table, "entry-points"), "console_scripts": _table(table, "scripts")}
    return Project(
        name=name, version=version, entry_points={group: dict(items) for group, items in groups.items() if items}
    )


def _from_pyproject(content: Mapping[str, Any]) -> Iterator[str]:
    table = _table(content, "project")
    yield from _texts(table.get("dependencies"))
    for name, lines in _table(table, "optional-dependencies").items():
        if name.lower() in _TEST_GROUPS:
            yield from _texts(lines)
    groups = _table(content, "dependency-groups")
    for name in groups:
        if name.lower() in _TEST_GROUPS:
            yield from _group(groups, name, frozenset())
    poetry = _table(_table(content, "tool"), "poetry")
    yield from _poetry(_table(poetry, "dependencies"))
    yield from _poetry(_table(poetry, "dev-dependencies"))
    for name, group in _table(poetry, "group").items():
        if name.lower() in _TEST_GROUPS and isinstance(group, dict):
            yield from _poetry(_table(group, "dependencies"))


def _group(groups: Mapping[str, Any], name: str, seen: frozenset[str]) -> Iterator[str]:
    for item in groups.get(name) or ():
        if isinstance(item, str):
            yield item
        elif isinstance(item, dict) and isinstance(item.get("include-group"), str) and name not in seen:
            yield from _group(groups, item["include-group"], seen | {name})


def _poetry(table: Mapping[str, Any]) -> Iterator[str]:
    for name, wanted in table.items():
        version = wanted.get("version", "*") if isinstance(wanted, dict) else wanted
        optional = isinstance(wanted, dict) and (wanted.get("optional") or "path" in wanted or "git" in wanted)
        if name.lower() != "python" and isinstance(version, str) and not optional:
            yield f"{name}{_poetry_version(version)}"


def _poetry_version(version: str) -> str:
    if version.strip() == "*":
        return ""
    if found := _CARET.fullmatch(version.strip()):
        parts = [int(part) for part in found[1].split(".")]
        leading = next((at for at, part in enumerate(parts) if part), len(parts) - 1)
        fixed = leading if version.strip().startswith("^") else min(1, len(parts) - 1)
        upper = [*parts[:fixed], parts[fixed] + 1]
        return f">={found[1]},<{'.'.join(map(str, upper))}"
    return f"=={version}" if version[:1].isdigit() else version


def _from_setup_cfg(sections: Mapping[str, Mapping[str, str]]) -> Iterator[str]:
    options = sections.get("options", {})
    extras = sections.get("options.extras_require", {})
    listed = [options.get("install_requires", ""), options.get("tests_require", "")]
    for text in (*listed, *(text for name, text in extras.items() if name.lower() in _TEST_GROUPS)):
        if not text.startswith("file:"):
            yield from (line.strip() for line in text.splitlines() if line.strip() and not line.strip().startswith("#"))


def _from_setup_py(content: bytes | None) -> Iterator[str]:
    call = _setup_call(content)
    for key in ("install_requires", "tests_require"):
        yield from _texts(call.get(key))
    extras = call.get("extras_require")
    for name, lines in extras.items() if isinstance(extras, dict) else ():
        if str(name).lower() in _TEST_GROUPS:
            yield from _texts(lines)


def _from_files(read: Manifest, paths: Iterable[str]) -> Iterator[str]:
    for path in paths:
        name = PurePosixPath(path).name
        if path.endswith(".txt") and (name in _PLAIN_FILES or (_TEST_FILE.search(path.removesuffix(".txt")))):
            yield from _file(read, PurePosixPath(path), frozenset())


def _file(read: Manifest, path: PurePosixPath, seen: frozenset[PurePosixPath]) -> Iterator[str]:
    """Yield a requirements file's lines with its includes in place; options other than constraints are dropped."""
    text = (read(str(path)) or b"").decode(errors="replace").replace("\\\n", " ")
    for raw in text.splitlines():
        line = re.sub(r"(^|\s)#.*", "", raw).strip()
        if include := re.match(r"(-r|--requirement)[ =]?(.+)", line):
            inner = PurePosixPath(_normal(path.parent / include[2].strip()))
            if path not in seen:
                yield from _file(read, inner, seen | {path})
        elif line and not line.startswith(("-", ".", "/")) and "file:" not in line:
            yield re.sub(r"\s--hash=\S+", "", line).strip()


def _normal(path: PurePosixPath) -> str:
    parts: list[str] = []
    for part in path.parts:
        parts = parts[:-1] if part == ".." else [*parts, part]
    return "/".join(parts)


def _names_itself(line: str, own: str) -> bool:
    named = re.match(r"[A-Za-z0-9._-]+", line)
    return bool(own) and named is not None and named[0].lower().replace("_", "-") == own


def _setup_call(content: bytes | None) -> dict[str, Any]:
    try:
        module = ast.parse(content or b"")
    except (SyntaxError, ValueError):
        return {}
    for node in ast.walk(module):
        if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] == "setup":
            return {keyword.arg: _literal(keyword.value) for keyword in node.keywords if keyword.arg is not None}
    return {}


def _literal(node: ast.expr) -> object:
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError):
        return None


def _texts(value: object) -> list[str]:
    return [item for item in value if isinstance(item, str)] if isinstance(value, (list, tuple)) else []


def _table(parent: Mapping[str, Any], key: str) -> dict[str, Any]:
    found = parent.get(key)
    return found if isinstance(found, dict) else {}


def _toml(content: bytes | None) -> dict[str, Any]:
    try:
        return tomllib.loads((content or b"").decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError):
        return {}


def _ini(content: bytes | None) -> dict[str, dict[str, str]]:
    parser = configparser.RawConfigParser(strict=False)
    try:
        parser.read_string((content or b"").decode())
    except (configparser.Error, UnicodeDecodeError):
        return {}
    return {section: dict(parser.items(section)) for section in parser.sections()}
