"""New files that stand before the runner, the language's library, an installed package or the repository's own code.

Problem: who may not touch the tests adds a module with a name that they import, where it is found first: a `pytest.py` at
the root writes the report itself. Choice: a name counts where it lies. For each language it is known where imports begin and
which names are taken; what a change adds there under such a name is a `Tampering`. Invariants: what the tests commit had
there is never one, nor is a name of its own, nor any name within a package.
"""

import re
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from pathlib import PurePosixPath

from pipeline.ports import ChangedFile, Language
from pipeline.proof import module_redirects, node_shadows
from pipeline.proof.component_sources import SourcePlace
from pipeline.proof.owners import ROOT, contains, owner_of
from pipeline.proof.path_globs import matches_any
from pipeline.proof.protected_tests import Tampering, TamperingKind, is_test_file

MANIFESTS_MAX = 200
_RUNNERS = frozenset({
    "pytest", "_pytest", "pluggy", "iniconfig", "xdist", "execnet", "pytest_cov", "pytest_asyncio", "pytest_mock",
    "pytest_timeout", "anyio", "coverage", "hypothesis", "_hypothesis_pytestplugin", "unittest", "unittest2", "nose", "nose2",
    "mock", "trial", "testtools",
})  # fmt: skip
"""Python's runners and what they load by themselves."""
_HARMLESS = frozenset({"__main__", "antigravity", "idlelib", "lib2to3", "test", "this", "turtledemo"})
_COMPILED = (".so", ".pyd", ".pyc")
_NOT_PRODUCT = frozenset({
    "conftest", "setup", "noxfile", "tasks", "manage", "test", "tests", "doc", "docs", "example", "examples", "scripts",
    "tools", "benchmarks", "src", "lib",
})  # fmt: skip
_LOADED = ("conftest.py", "test_*.py", "*_test.py", "*_tests.py", "tests.py")
_POINTS = re.compile(r"(?m)^\[(?:pytest11|nose\.plugins[\w.]*|distutils\.commands|console_scripts)\]")
_JAVA_PACKAGE = re.compile(r"(?m)^\s*package\s+([\w.`]+)")
_JAVA_SUFFIXES = (".java", ".kt", ".groovy", ".scala")
_JAVA_TAKEN = (
    "java", "javax", "jdk", "sun", "com.sun", "kotlin", "scala", "groovy", "org.junit", "junit", "org.testng",
    "org.assertj", "org.hamcrest", "org.mockito", "net.bytebuddy", "org.opentest4j", "org.apiguardian",
    "org.spockframework", "spock", "io.kotest", "io.mockk", "org.scalatest", "org.apache.maven.surefire", "com.google.common.truth",
)  # fmt: skip
_JAVA_HOOKS = (
    "**/META-INF/services/org.junit.*", "**/META-INF/services/org.testng.*", "**/META-INF/services/org.mockito.*",
    "**/META-INF/services/org.spockframework.*", "**/META-INF/services/org.assertj.*", "**/META-INF/services/io.kotest.*",
    "**/META-INF/services/org.codehaus.groovy.*", "**/META-INF/services/com.sun.*", "**/META-INF/services/java.lang.*",
    "**/mockito-extensions/**",
    "META-INF/services/org.junit.*", "META-INF/services/org.testng.*", "META-INF/services/org.mockito.*",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Ground:
    """A change from the tests commit to a head, and where it lies. All paths are the repository's."""

    changed: Sequence[ChangedFile]
    paths: Collection[str]
    """Of the tests commit."""
    places: Sequence[SourcePlace]
    patterns: Collection[str] = ()
    """What counts as a test file beside the usual names."""
    import_roots: Collection[str] = ()
    """Folders that configuration and environment name as beginnings of Python's imports, beside the source roots."""
    installed: Collection[str] = ()
    """Modules of the environment, dotted where only a part of a namespace is."""
    before: Mapping[str, str] | None = None
    """Texts at the tests commit of what `texts_before` names."""
    after: Mapping[str, str] | None = None
    """Texts at the head of what `texts_after` names."""

    @cached_property
    def added(self) -> list[ChangedFile]:
        """What the head has and the tests commit has not."""
        known = set(self.paths)
        return [file for file in self.changed if not file.status.startswith("D") and file.path not in known]

    @cached_property
    def head_paths(self) -> frozenset[str]:
        """All paths of the head."""
        gone = {file.path for file in self.changed if file.status.startswith("D")}
        gone |= {file.old_path for file in self.changed if file.old_path and file.status.startswith("R")}
        return frozenset((set(self.paths) - gone) | {file.path for file in self.added})

    def speaks(self, language: Language) -> bool:
        """Whether a component is in a language, or none says which one."""
        return any(place.language in {language, Language.C} for place in self.places)


def texts_before(changed: Sequence[ChangedFile], paths: Collection[str]) -> list[str]:
    """Return the files of the tests commit whose texts `shadows` compares: all manifests of the kinds that changed."""
    kinds = {"package.json" if "__mocks__/" in file.path else _kind(file.path) for file in changed} - {""}
    found = sorted((path for path in paths if _kind(path) in kinds), key=lambda path: (path.count("/"), path))
    touched = {path for file in changed for path in (file.path, file.old_path) if path}
    return [*found[:MANIFESTS_MAX], *(path for path in found[MANIFESTS_MAX:] if path in touched)]


def texts_after(changed: Sequence[ChangedFile]) -> list[str]:
    """Return the files of the head whose texts `shadows` reads."""
    return [
        file.path
        for file in changed
        if not file.status.startswith("D")
        and (_kind(file.path) or file.path.endswith((*_JAVA_SUFFIXES, "entry_points.txt")))
    ]


def shadows(ground: Ground) -> list[Tampering]:
    """Return what the change puts before something that its tests rely on, one finding per file; empty means nothing."""
    before, after = ground.before or {}, ground.after or {}
    manifests = module_redirects.Manifests(before=before, after=after, paths=ground.paths)
    told = chain(
        _python(ground),
        _java(ground),
        node_shadows.shadows(
            added=[file.path for file in ground.added], changed=ground.changed, paths=ground.paths,
            head_paths=ground.head_paths, before=before, after=after, patterns=ground.patterns,
        ),
        module_redirects.go(manifests, ground.changed),
        module_redirects.rust(manifests),
        module_redirects.python(manifests, _RUNNERS),
    )  # fmt: skip
    found: dict[str, str] = {}
    for path, message in told:
        found.setdefault(path, message)
    return [
        Tampering(kind=TamperingKind.SHADOW, path=path, message=f"{message} Take it out of the change.")
        for path, message in sorted(found.items())
    ]


def _kind(path: str) -> str:
    """Return which manifests are read together; empty for what is none."""
    name = path.rpartition("/")[2]
    if name in {"go.mod", "go.work"}:
        return "go"
    if name in {"package.json", "pnpm-workspace.yaml"} or node_shadows.is_path_map(name):
        return "package.json"
    if module_redirects.is_python_manifest(name):
        return "pyproject.toml"
    return name if name == "Cargo.toml" else ""


# Python


def _python(ground: Ground) -> Iterator[tuple[str, str]]:
    if not (ground.speaks(Language.PYTHON) or any(path.endswith(".py") for path in ground.paths)):
        return
    roots = _PythonRoots(ground)
    for file in ground.added:
        if file.path.endswith(".pyc"):
            yield file.path, f"{file.path} is compiled code, which Python may load in the place of a source."
            continue
        if PurePosixPath(file.path).parent.name.endswith((".dist-info", ".egg-info")) and _POINTS.search(
            (ground.after or {}).get(file.path, "")
        ):
            yield file.path, f"{file.path} registers itself as an installed package that the test runner loads."
            continue
        for root in roots.around(file.path):
            what = roots.taken(root, file)
            if what:
                yield file.path, f"{file.path} is found before {what}, since imports begin at {_folder(root)}."
                break


class _PythonRoots:
    """Where imports of a repository begin, and which names are taken there."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self._packages = {_parent(path) for path in ground.paths if path.rpartition("/")[2] == "__init__.py"}
        self._modules = _modules_by_folder(ground.paths)
        sources = {source for place in ground.places for source in (place.root, *place.source_roots)}
        self._sources = {ROOT, *sources, *({"src"} - self._packages), *ground.import_roots}
        self._installed = frozenset(ground.installed)
        self.roots = self._sources | self._beside_tests()

    def around(self, path: str) -> list[str]:
        """Return the import roots that a path lies below, the innermost first."""
        return sorted((root for root in self.roots if contains(root, path)), key=len, reverse=True)

    def taken(self, root: str, file: ChangedFile) -> str:
        """Say what a new file is found before when imports begin at `root`; empty where it is found before nothing."""
        name = _module_name(file.path if root == ROOT else file.path.removeprefix(f"{root}/"), file.mode)
        top = name.partition(".")[0]
        if name == top and name in self._modules.get(root, ()):
            return self._beside(name, root, file.path)
        if name in _RUNNERS:
            return f"the test runner's own module {name}"
        if root in self._packages and root not in self._ground.import_roots:
            return ""
        if name in sys.stdlib_module_names - _HARMLESS:
            return f"Python's own module {name}"
        if name in self._installed and top not in _NOT_PRODUCT:
            return f"the installed package {name}"
        where = self._own(name, root, file.path)
        return f"the repository's own {name} in {_folder(where)}" if where else ""

    def _beside(self, name: str, root: str, path: str) -> str:
        """Say which module stays where a new package or compiled module of its name now comes first; a module that became one is gone."""
        source = f"{name}.py" if root == ROOT else f"{root}/{name}.py"
        comes_first = path.endswith(("/__init__.py", *_COMPILED))
        return (
            f"the repository's own {source}, which stays" if comes_first and source in self._ground.head_paths else ""
        )

    def _own(self, name: str, root: str, path: str) -> str:
        """Return where the repository has a package of this name that the same tests see, and still has it."""
        if not name or name in _NOT_PRODUCT or is_test_file(f"{name}.py", self._ground.patterns):
            return ""
        seen = owner_of(path, self._ground.places)
        near = {ROOT, *self._ground.import_roots, *((seen.root, *seen.source_roots) if seen else ())}
        for other in sorted(near - {root}):
            if name not in self._modules.get(other, ()):
                continue
            start = "" if other == ROOT else f"{other}/"
            if {f"{start}{name}.py", f"{start}{name}/__init__.py"} & self._ground.head_paths:
                return other
        return ""

    def _beside_tests(self) -> set[str]:
        """Return the folders that a runner puts first for the tests and conftests that it loads."""
        ground = self._ground
        every = [*ground.paths, *(file.path for file in ground.added)]
        loaded = (*_LOADED, *ground.patterns)
        folders = {_parent(path) for path in every if path.endswith(".py") and matches_any(path, loaded)}
        packages = self._packages | {
            _parent(file.path) for file in ground.added if file.path.rpartition("/")[2] == "__init__.py"
        }
        found = set()
        for folder in folders:
            # A new `__init__.py` moves the beginning up; the old one counts as well.
            found |= {_above(folder, self._packages), _above(folder, packages)}
        return found


def _above(folder: str, packages: Collection[str]) -> str:
    while folder in packages and folder != ROOT:
        folder = _parent(folder)
    return folder


def _modules_by_folder(paths: Collection[str]) -> dict[str, set[str]]:
    """Return the modules and regular packages that lie directly in each folder."""
    found: dict[str, set[str]] = {}
    for path in paths:
        folder, _, name = path.rpartition("/")
        if name == "__init__.py":
            folder, _, name = folder.rpartition("/")
        elif not name.endswith((".py", *_COMPILED)):
            continue
        found.setdefault(folder or ROOT, set()).add(name.partition(".")[0])
    return found


def _module_name(inside: str, mode: str) -> str:
    """Return the dotted name of a file below an import root; of a package its `__init__` alone, of others nothing."""
    pure = PurePosixPath(inside)
    if pure.name == "__init__.py":
        parts = pure.parts[:-1]
    elif pure.suffix in {".py", *_COMPILED}:
        parts = (*pure.parts[:-1], pure.name.partition(".")[0])
    elif not pure.suffix and mode in {"120000", "160000"}:
        parts = pure.parts
    else:
        return ""
    return ".".join(parts)


# Java


def _java(ground: Ground) -> Iterator[tuple[str, str]]:
    if not ground.speaks(Language.JAVA):
        return
    known = {_parent(path) for path in ground.paths if path.endswith(_JAVA_SUFFIXES)}
    for file in ground.added:
        if matches_any(file.path, _JAVA_HOOKS):
            yield file.path, f"{file.path} registers itself with the test library, which loads it into every run."
        elif file.path.endswith(_JAVA_SUFFIXES) and _parent(file.path) not in known:
            package = _java_package((ground.after or {}).get(file.path, ""))
            taken = next((one for one in _JAVA_TAKEN if package == one or package.startswith(f"{one}.")), None)
            if taken:
                yield (
                    file.path,
                    f"{file.path} is in the package {package}, which belongs to the JDK or to a test library.",
                )


def _java_package(text: str) -> str:
    plain = re.sub(r"(?s)/\*.*?\*/|//[^\n]*", "", text)
    found = _JAVA_PACKAGE.search(plain)
    return found[1].replace("`", "") if found else ""


def _parent(path: str) -> str:
    return path.rpartition("/")[0] or ROOT


def _folder(root: str) -> str:
    return "the root of the repository" if root == ROOT else f"{root}/"
