"""What Python manifests say: projects, their names and versions, which Python they want, their own requirements.

Pure functions over manifest texts, none of which is executed: `setup.py` is parsed, and only literals in its call of
`setup` count. Which of the requirements are installed is decided in `dependency_sources`; the tools that wrote the manifests
are asked where reading is not enough.
"""

import ast
import configparser
import posixpath
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, TypeAlias

Manifest: TypeAlias = Callable[[str], bytes | None]

ROOT = "."
_ELSEWHERE = frozenset(
    [
        "test",
        "tests",
        "testing",
        "example",
        "examples",
        "doc",
        "docs",
        "fixtures",
        "data",
        "benchmarks",
        "templates",
        "template",
        "vendor",
        "third_party",
    ]
)
"""Folders whose projects are material, not part of the repository's own."""
_PROJECTS_MAX = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """The repository as a distribution; None for what is not stated statically."""

    name: str | None = None
    version: str | None = None
    entry_points: Mapping[str, Mapping[str, str]] | None = None


def inside(folder: str, name: str) -> str:
    """Return the path of a file of a project's folder."""
    return name if folder == ROOT else f"{folder}/{name}"


def project_folders(read: Manifest, paths: Sequence[str], *, top: str = ROOT) -> tuple[str, ...]:
    """Return the folders that can be installed: `top` alone where it can, else those below it that can."""
    found = dict.fromkeys(str(PurePosixPath(path).parent) for path in paths if _names_a_project(read, path))
    if top in found:
        return (top,)
    within = {folder: folder if top == ROOT else folder.removeprefix(f"{top}/") for folder in found}
    below = [folder for folder in found if top == ROOT or folder.startswith(f"{top}/")]
    own = [one for one in below if not _ELSEWHERE & set(within[one].split("/")) and "/." not in f"/{within[one]}"]
    return tuple(own[:_PROJECTS_MAX])


def project(read: Manifest, folder: str = ROOT) -> Project:
    """Return a project's own name, version and entry points, as far as they are literals."""
    pyproject = read_toml(read(inside(folder, "pyproject.toml")))
    own = table(pyproject, "project")
    poetry = table(table(pyproject, "tool"), "poetry")
    metadata = read_ini(read(inside(folder, "setup.cfg"))).get("metadata", {})
    call = _setup_call(read(inside(folder, "setup.py")))
    sources = (own, poetry, metadata, call)
    name = next((str(source["name"]) for source in sources if isinstance(source.get("name"), str)), None)
    version = next((str(source["version"]) for source in sources if isinstance(source.get("version"), str)), None)
    if version is not None and version.startswith(("attr:", "file:")):
        version = None
    groups = {**table(own, "entry-points"), "console_scripts": table(own, "scripts")}
    return Project(
        name=name, version=version, entry_points={group: dict(items) for group, items in groups.items() if items}
    )


def python_wishes(read: Manifest, folders: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield what projects say about the Python they need: the place, and the words there."""
    for folder in folders or (ROOT,):
        pyproject = read_toml(read(inside(folder, "pyproject.toml")))
        poetry = table(table(table(pyproject, "tool"), "poetry"), "dependencies").get("python")
        options = read_ini(read(inside(folder, "setup.cfg"))).get("options", {})
        call = _setup_call(read(inside(folder, "setup.py")))
        requires = table(read_toml(read(inside(folder, "Pipfile"))), "requires")
        for place, said in (
            ("pyproject.toml", table(pyproject, "project").get("requires-python")),
            ("pyproject.toml", poetry),
            ("setup.cfg", options.get("python_requires")),
            ("setup.py", call.get("python_requires")),
            ("Pipfile", requires.get("python_full_version") or requires.get("python_version")),
        ):
            if isinstance(said, str) and said.strip():
                yield inside(folder, place), said.strip()


def build_backend(read: Manifest, folder: str) -> str:
    """Return the name of a project's build backend; `setuptools.build_meta` where none is stated."""
    system = table(read_toml(read(inside(folder, "pyproject.toml"))), "build-system")
    return str(system.get("build-backend") or "setuptools.build_meta")


def build_requirements(read: Manifest, folder: str) -> list[str]:
    """Return what building needs from an index."""
    system = table(read_toml(read(inside(folder, "pyproject.toml"))), "build-system")
    return texts(system.get("requires")) if "requires" in system else ["setuptools"]


def extras(read: Manifest, folder: str) -> list[str]:
    """Return the names of a project's extras, as they are written."""
    own = table(table(read_toml(read(inside(folder, "pyproject.toml"))), "project"), "optional-dependencies")
    cfg = read_ini(read(inside(folder, "setup.cfg"))).get("options.extras_require", {})
    call = table(_setup_call(read(inside(folder, "setup.py"))), "extras_require")
    dynamic = table(table(_setuptools(read, folder), "dynamic"), "optional-dependencies")
    return [*own, *cfg, *call, *dynamic]


def poetry_neighbours(read: Manifest, folder: str, group: str = "main") -> list[str]:
    """Return the places within the repository that one of poetry's groups names by path, as arguments of an installer."""
    own = table(table(read_toml(read(inside(folder, "pyproject.toml"))), "tool"), "poetry")
    listed = table(table(table(own, "group"), group), "dependencies")
    if group in {"main", "dev"}:
        listed |= table(own, "dependencies" if group == "main" else "dev-dependencies")
    said = (one["path"] for one in listed.values() if isinstance(one, dict) and isinstance(one.get("path"), str))
    return [line for path in said if (line := neighbour(folder, path)) is not None]


def neighbour(folder: str, path: str) -> str | None:
    """Return the line that installs what a project names by a path; None for itself and for what lies elsewhere."""
    place = posixpath.normpath(posixpath.join(folder, path))
    if path.startswith(("/", "-", "~")) or place.startswith("..") or place == posixpath.normpath(folder):
        return None
    return f"./{path}" if path.endswith((".whl", ".zip", ".gz")) else f"-e ./{path.removeprefix('./')}"


def tests_require(read: Manifest, folder: str) -> tuple[str, list[str]] | None:
    """Return the older list of what tests need, with the file that holds it."""
    declared = read_ini(read(inside(folder, "setup.cfg"))).get("options", {}).get("tests_require", "")
    lines = [line.strip() for line in declared.splitlines() if line.strip() and not declared.startswith("file:")]
    if lines:
        return "setup.cfg", lines
    call = _setup_call(read(inside(folder, "setup.py"))).get("tests_require")
    lines = [call] if isinstance(call, str) else texts(call)
    return ("setup.py", lines) if lines else None


def _setuptools(read: Manifest, folder: str) -> dict[str, Any]:
    return table(table(read_toml(read(inside(folder, "pyproject.toml"))), "tool"), "setuptools")


def is_static(read: Manifest, folder: str) -> bool:
    """Whether `pyproject.toml` itself lists the requirements, so that nothing has to be built to learn them."""
    own = table(read_toml(read(inside(folder, "pyproject.toml"))), "project")
    return "name" in own and "dependencies" not in texts(own.get("dynamic"))


def lists_dependencies(read: Manifest, folder: str) -> bool:
    """Whether `pyproject.toml` lists any dependency of the project itself."""
    own = table(read_toml(read(inside(folder, "pyproject.toml"))), "project")
    return bool(own.get("dependencies"))


def literal_requirements(read: Manifest, folder: str, wanted: Sequence[str]) -> list[str]:
    """Return the requirements in `setup.cfg` and `setup.py` as far as they are literals, with those of the wanted extras."""
    sections, call = read_ini(read(inside(folder, "setup.cfg"))), _setup_call(read(inside(folder, "setup.py")))
    options, cfg_extras = sections.get("options", {}), sections.get("options.extras_require", {})
    listed = [options.get("install_requires", ""), *(cfg_extras.get(name, "") for name in wanted)]
    lines = [line for text in listed if not text.startswith("file:") for line in text.splitlines()]
    call_extras = table(call, "extras_require")
    for name in wanted:
        lines += texts(call_extras.get(name))
    lines += [*texts(call.get("install_requires")), *texts(call.get("tests_require"))]
    stripped = (re.sub(r"(^|\s)#.*", "", line).strip() for line in lines)
    return list(dict.fromkeys(line for line in stripped if line and not line.startswith("-")))


def read_toml(content: bytes | None) -> dict[str, Any]:
    """Read TOML; what cannot be read is empty."""
    try:
        return tomllib.loads((content or b"").decode("utf-8-sig"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError):
        return {}


def read_ini(content: bytes | None) -> dict[str, dict[str, str]]:
    """Read an INI file; what cannot be read is empty."""
    parser = configparser.RawConfigParser(strict=False)
    try:
        parser.read_string((content or b"").decode("utf-8-sig"))
    except (configparser.Error, UnicodeDecodeError):
        return {}
    return {section: dict(parser.items(section)) for section in parser.sections()}


def table(parent: Mapping[str, Any], key: str) -> dict[str, Any]:
    """Return a nested table of an untrusted manifest; anything else counts as empty."""
    found = parent.get(key)
    return found if isinstance(found, dict) else {}


def texts(value: object) -> list[str]:
    """Return the strings of an untrusted list; anything else counts as empty."""
    return [item for item in value if isinstance(item, str)] if isinstance(value, (list, tuple)) else []


def _names_a_project(read: Manifest, path: str) -> bool:
    match PurePosixPath(path).name:
        case "setup.py":
            return True
        case "setup.cfg":
            return "name" in read_ini(read(path)).get("metadata", {})
        case "pyproject.toml":
            content = read_toml(read(path))
            poetry = table(table(content, "tool"), "poetry")
            packaged = "name" in poetry and poetry.get("package-mode") is not False
            return "name" in table(content, "project") or "build-system" in content or packaged
    return False


def _setup_call(content: bytes | None) -> dict[str, Any]:
    """Return the arguments of `setup(…)`, as far as they are literals or names that the file's own lines give a literal."""
    try:
        module = ast.parse(content or b"")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return {}
    calls = (node for node in ast.walk(module) if isinstance(node, ast.Call))
    call = next((node for node in calls if ast.unparse(node.func).split(".")[-1] == "setup"), None)
    if call is None:
        return {}
    names = _named_literals(module.body)
    found: dict[str, Any] = {}
    for keyword in call.keywords:
        value = _literal(keyword.value, names)
        if keyword.arg is not None:
            found[keyword.arg] = value
        elif isinstance(value, dict):
            found |= value
    return found


def _named_literals(lines: Sequence[ast.stmt]) -> dict[str, object]:
    """Return what the lines of a file give to names, as far as it can be read."""
    names: dict[str, object] = {}
    for line in lines:
        match line:
            case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name), value=ast.expr()):
                names[name] = _literal(line.value, names) if line.value is not None else None
            case ast.Assign(targets=[ast.Subscript(value=ast.Name(id=name), slice=ast.Constant(value=str(key)))]):
                if isinstance(table_ := names.get(name), dict):
                    table_[key] = _literal(line.value, names)
            case ast.AugAssign(target=ast.Name(id=name), op=ast.Add(), value=value):
                names[name] = _sum(names.get(name), _literal(value, names))
            case _:
                pass
    return names


def _literal(node: ast.expr, names: Mapping[str, object]) -> object:
    """Return a literal's value; what cannot be read is None, within lists and tables too, whose keys are kept."""
    found: object = None
    match node:
        case ast.Constant():
            found = node.value
        case ast.Name(id=name):
            found = names.get(name)
        case ast.List(elts=parts) | ast.Tuple(elts=parts) | ast.Set(elts=parts):
            found = [value for part in parts if (value := _literal(part, names)) is not None]
        case ast.Dict(keys=keys, values=values):
            pairs = zip(keys, values, strict=True)
            named = ((key.value, value) for key, value in pairs if isinstance(key, ast.Constant))
            found = {key: _literal(value, names) for key, value in named if isinstance(key, str)}
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            found = _sum(_literal(left, names), _literal(right, names))
        case ast.Call(func=ast.Name(id="dict"), args=[], keywords=keywords):
            found = {one.arg: _literal(one.value, names) for one in keywords if one.arg is not None}
    return found


def _sum(left: object, right: object) -> object:
    if isinstance(left, list) and isinstance(right, list):
        return [*left, *right]
    return left + right if isinstance(left, str) and isinstance(right, str) else None
