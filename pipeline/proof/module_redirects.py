"""Manifests of Go, Rust and Python that lead a dependency which was there to another place.

Problem: one line of a manifest (`replace`, `[patch]`, a path) puts other code under a name that tests import. Choice: what
was required at the tests commit, by any manifest of the repository, may not be led elsewhere; new names may lie where they
like, and the repository's own modules may be named by their folders.
"""

import posixpath
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.ports import ChangedFile
from pipeline.proof.path_globs import matches_any
from pipeline.proof.toml_text import parsed_toml, table_of

Told = Iterator[tuple[str, str]]

_GO_BLOCK = re.compile(
    r"(?ms)^[ \t]*(?P<verb>require|replace|use|module)[ \t]*(?:\((?P<many>.*?)^[ \t]*\)|(?P<one>[^\n(]+))"
)
_CARGO_TABLES = ("dependencies", "dev-dependencies", "build-dependencies")
_PYTHON_MANIFESTS = (
    "pyproject.toml",
    "requirements*.txt",
    "requirements/*.txt",
    "constraints*.txt",
    "*requirements.txt",
)
_REQUIREMENT = re.compile(r"^\s*(?P<name>[A-Za-z0-9][\w.-]*)\s*(?:\[[^\]]*\])?\s*(?:@\s*(?P<place>\S+))?")
_LOCAL = re.compile(r"^\s*(?:-e|--editable)?[ =]*(?P<place>(?:\./|\.\./|file:)\S+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifests:
    """Texts of a repository's manifests: all of the kinds that a change touches before, the touched ones after."""

    before: Mapping[str, str]
    after: Mapping[str, str]
    paths: Collection[str]

    def named(self, *names: str) -> tuple[dict[str, str], dict[str, str]]:
        """Return those with these file names, before and after."""
        before, after = (
            {path: text for path, text in texts.items() if path.rpartition("/")[2] in names}
            for texts in (self.before, self.after)
        )
        return before, after


def is_python_manifest(name: str) -> bool:
    """Whether a file of this name names Python's dependencies."""
    return matches_any(name, _PYTHON_MANIFESTS)


# Go


def go(manifests: Manifests, changed: Sequence[ChangedFile]) -> Told:
    """Yield new replacements of required modules, modules that take their names, and changes of what is vendored."""
    before, after = manifests.named("go.mod", "go.work")
    own = {name for text in before.values() for name in _go(text, "module")}
    required = {name for text in before.values() for name in _go(text, "require")} - own
    for path, text in after.items():
        was = set(_go_replacements(before.get(path, "")))
        for name, place in _go_replacements(text):
            if (name, place) not in was and name in required:
                yield path, f"{path} replaces {name}, which was required before, by {place}."
        for name in _go(text, "module"):
            if name in required:
                yield path, f"{path} is a module with the name of {name}, which was required before."
    yield from _vendored(manifests, changed)


def _go(text: str, verb: str) -> Iterator[str]:
    for line in _go_lines(text, verb):
        yield line.split()[0].strip('"`')


def _go_lines(text: str, verb: str) -> Iterator[str]:
    for block in _GO_BLOCK.finditer(text):
        lines = (block["many"] or block["one"]).splitlines() if block["verb"] == verb else []
        yield from (line for raw in lines if (line := raw.partition("//")[0].strip()))


def _go_replacements(text: str) -> Iterator[tuple[str, str]]:
    for line in _go_lines(text, "replace"):
        name, arrow, place = line.partition("=>")
        if arrow and name.strip() and place.strip():
            yield name.split()[0].strip('"`'), place.strip()


def _vendored(manifests: Manifests, changed: Sequence[ChangedFile]) -> Told:
    """Go takes what lies in `vendor` beside a go.mod before what is required; a new module there is no replacement."""
    tops = {_beside(path, "vendor") for path in manifests.paths if path.rpartition("/")[2] == "go.mod"}
    known = {path for path in manifests.paths if any(path.startswith(f"{top}/") for top in tops)}
    folders = {path.rpartition("/")[0] for path in known}
    for file in changed:
        top = next((top for top in tops if file.path.startswith(f"{top}/")), None)
        if top is None or (f"{top}/modules.txt" in known and file.path == f"{top}/modules.txt"):
            continue
        if f"{top}/modules.txt" not in known or file.path.rpartition("/")[0] in folders:
            yield file.path, f"{file.path} lies in {top}, which Go reads before what is required."


# Rust


def rust(manifests: Manifests) -> Told:
    """Yield new patches and replacements, and required crates that now come from a path, a repository or another crate."""
    before, after = manifests.named("Cargo.toml")
    documents = {path: parsed_toml(text) for path, text in before.items()}
    own = {name for one in documents.values() if isinstance(name := table_of(one, "package").get("name"), str)}
    required = {name for one in documents.values() for name, _ in _crates(one)} - own
    for path, text in after.items():
        was, now = documents.get(path, {}), parsed_toml(text)
        for name, place in _patches(now):
            if (name, place) not in set(_patches(was)):
                yield path, f"{path} puts {place} in the place of the crate {name}."
        known = dict(_crates(was))
        for name, value in _crates(now):
            place = _elsewhere(value)
            if name in required and place and place != _elsewhere(known.get(name)):
                yield path, f"{path}: the crate {name}, which was required before, now comes from {place}."


def _patches(document: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    tables = [table for table in table_of(document, "patch").values() if isinstance(table, dict)]
    for table in (*tables, table_of(document, "replace")):
        for name, value in table.items():
            yield name, _elsewhere(value) or str(value)


def _crates(document: Mapping[str, Any]) -> Iterator[tuple[str, object]]:
    targets = [table for table in table_of(document, "target").values() if isinstance(table, dict)]
    for table in (document, *targets, table_of(document, "workspace")):
        for key in _CARGO_TABLES:
            yield from table_of(table, key).items()


def _elsewhere(value: object) -> str:
    if not isinstance(value, dict):
        return ""
    return next((f"{key} {value[key]}" for key in ("path", "git", "package", "registry") if value.get(key)), "")


# Python


def python(manifests: Manifests, runners: Collection[str]) -> Told:
    """Yield required packages that now come from a path or an address, and local ones with a runner's name."""
    before = {path: text for path, text in manifests.before.items() if is_python_manifest(path.rpartition("/")[2])}
    required = {name for path, text in before.items() for name, _ in _python_places(path, text)}
    taken = (required | {_normal(name) for name in runners}) - set(_python_names(before))
    for path, text in manifests.after.items():
        if not is_python_manifest(path.rpartition("/")[2]):
            continue
        was = dict(_python_places(path, before.get(path, "")))
        for name, place in _python_places(path, text):
            if place and name in taken and place != was.get(name):
                yield path, f"{path}: {name}, which the tests may rely on, now comes from {place}."


def _python_names(texts: Mapping[str, str]) -> Iterator[str]:
    for path, text in texts.items():
        if path.endswith("pyproject.toml"):
            document = parsed_toml(text)
            for name in (
                table_of(document, "project").get("name"),
                table_of(table_of(document, "tool"), "poetry").get("name"),
            ):
                yield from (_normal(one) for one in (name,) if isinstance(one, str))


def _python_places(path: str, text: str) -> Iterator[tuple[str, str]]:
    """Yield what a manifest asks for with where it comes from; empty for an index."""
    if not path.endswith("pyproject.toml"):
        yield from _requirements(text.splitlines())
        return
    document = parsed_toml(text)
    project, tool = table_of(document, "project"), table_of(document, "tool")
    listed = [project.get("dependencies"), *table_of(project, "optional-dependencies").values()]
    listed += table_of(document, "dependency-groups").values()
    for group in listed:
        yield from _requirements([one for one in group if isinstance(one, str)] if isinstance(group, list) else [])
    poetry = table_of(tool, "poetry")
    groups = [poetry, *(group for group in table_of(poetry, "group").values() if isinstance(group, dict))]
    tables = [table_of(group, key) for group in groups for key in ("dependencies", "dev-dependencies")]
    for table in (*tables, table_of(table_of(tool, "uv"), "sources")):
        for name, value in table.items():
            said = value if isinstance(value, dict) else {}
            yield _normal(name), next((str(said[key]) for key in ("path", "git", "url", "file") if said.get(key)), "")


def _requirements(lines: Sequence[str]) -> Iterator[tuple[str, str]]:
    for line in lines:
        local = _LOCAL.match(line)
        if local:
            place = local["place"].partition("#")[0]
            yield _normal(posixpath.basename(place.rstrip("/"))), place
            continue
        found = _REQUIREMENT.match(line)
        if found:
            yield _normal(found["name"]), found["place"] or ""


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _beside(path: str, name: str) -> str:
    folder = path.rpartition("/")[0]
    return f"{folder}/{name}" if folder else name
