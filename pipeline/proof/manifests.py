"""Which dependencies a manifest names, so that a diff can say which ones are new.

Reads names only, never versions; lock files are manifests too, but their many names are not listed, because what counts
is what the change asked for. A manifest that cannot be parsed names nothing, and its change is still reported.
"""

import re
import tomllib
from collections.abc import Callable, Iterable
from typing import Any

from pipeline.proof.json_text import parsed_object
from pipeline.proof.path_globs import matches_any

MANIFESTS = (
    "package.json", "package-lock.json", "npm-shrinkwrap.json", "yarn.lock", "pnpm-lock.yaml",
    "pnpm-workspace.yaml", ".yarnrc.yml", "bun.lock", "bun.lockb", "requirements*.txt",
    "requirements/*.txt", "constraints*.txt", "pyproject.toml", "poetry.lock", "uv.lock", "Pipfile*", "setup.py", "setup.cfg",
    "Cargo.toml", "Cargo.lock", "go.mod", "go.sum", "Gemfile*", "pom.xml", "build.gradle*", "settings.gradle*",
    "composer.json", "composer.lock",
)  # fmt: skip
_REQUIREMENT = re.compile(r"^\s*(?P<name>[A-Za-z0-9][\w.-]*)\s*(?:\[[^\]]*\])?\s*(?:[=<>!~;@#]|$)")
_GO_REQUIRE = re.compile(r"(?m)^\s*(?:require\s+)?(?P<name>[\w.-]+\.[\w.-]+/\S+)\s+v\d")
_POM = re.compile(
    r"(?s)<dependency>.*?<groupId>\s*(?P<group>[^<\s]+)\s*</groupId>.*?<artifactId>\s*(?P<name>[^<\s]+)\s*</artifactId>"
)
_GRADLE = re.compile(
    r"(?m)^\s*\w*(?:[iI]mplementation|api|[cC]ompile\w*|[rR]untimeOnly|kapt|annotationProcessor)\s*\(?\s*['\"](?P<name>[^:'\"]+:[^:'\"]+)"
)
_GEM = re.compile(r"(?m)^\s*gem\s+['\"](?P<name>[\w-]+)")


def is_manifest(path: str) -> bool:
    """Whether a path names dependencies."""
    return matches_any(path, MANIFESTS)


def added_dependencies(path: str, before: str, after: str) -> list[str]:
    """Return the names that `after` has and `before` has not, sorted."""
    reader = next((read for pattern, read in _READERS.items() if matches_any(path, (pattern,))), None)
    if reader is None:
        return []
    return sorted(set(reader(after)) - set(reader(before)))


def _requirements(text: str) -> Iterable[str]:
    for line in text.splitlines():
        found = _REQUIREMENT.match(line)
        if found and not line.lstrip().startswith(("#", "-")):
            yield _normal(found.group("name"))


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _pyproject(text: str) -> Iterable[str]:
    document = _toml(text)
    project = _table(document, "project")
    listed: list[Any] = [project.get("dependencies"), *_table(project, "optional-dependencies").values()]
    listed += [*_table(document, "dependency-groups").values(), _table(document, "build-system").get("requires")]
    for group in listed:
        yield from _requirements("\n".join(entry for entry in group or () if isinstance(entry, str)))
    poetry = _table(_table(document, "tool"), "poetry")
    groups = [poetry, *(group for group in _table(poetry, "group").values() if isinstance(group, dict))]
    for group in groups:
        for key in ("dependencies", "dev-dependencies"):
            yield from (_normal(name) for name in _table(group, key) if name != "python")


def _package_json(text: str) -> Iterable[str]:
    document = parsed_object(text)
    for key in ("dependencies", "devDependencies", "peerDependencies", "optionalDependencies"):
        yield from _table(document, key)


def _cargo(text: str) -> Iterable[str]:
    document = _toml(text)
    tables = [document, *(table for table in _table(document, "target").values() if isinstance(table, dict))]
    for table in (*tables, _table(document, "workspace")):
        for key in ("dependencies", "dev-dependencies", "build-dependencies"):
            yield from _table(table, key)


def _composer(text: str) -> Iterable[str]:
    document = parsed_object(text)
    yield from (*_table(document, "require"), *_table(document, "require-dev"))


def _pom(text: str) -> Iterable[str]:
    return (f"{found.group('group')}:{found.group('name')}" for found in _POM.finditer(text))


def _names(shape: re.Pattern[str]) -> Callable[[str], Iterable[str]]:
    return lambda text: (found.group("name") for found in shape.finditer(text))


def _toml(text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return {}


def _table(document: dict[str, Any], key: str) -> dict[str, Any]:
    value = document.get(key)
    return value if isinstance(value, dict) else {}


_READERS: dict[str, Callable[[str], Iterable[str]]] = {
    "requirements*.txt": _requirements,
    "requirements/*.txt": _requirements,
    "pyproject.toml": _pyproject,
    "package.json": _package_json,
    "Cargo.toml": _cargo,
    "go.mod": _names(_GO_REQUIRE),
    "pom.xml": _pom,
    "build.gradle*": _names(_GRADLE),
    "Gemfile": _names(_GEM),
    "composer.json": _composer,
}
