"""What a repository is made of, decided from the files of its base commit.

Problem: a pipeline that asks a model how to run the tests cannot prove anything with them. Choice: fixed rules over file
names and a few manifests; what a person configured wins; where the rules find nothing they refuse and name the setting.
Pure: the same files give the same answer, and nothing is executed.
"""

import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fnmatch import translate
from functools import lru_cache
from pathlib import PurePosixPath
from typing import TypeAlias

from pipeline.errors import CallerError
from pipeline.ports import Language, Stack
from pipeline.repositories.likely_commands import likely_command
from pipeline.repositories.pytest_files import stated_test_files
from pipeline.repositories.python_roots import imported_roots, stated_roots
from pipeline.repositories.runner_choice import runner_of

Read: TypeAlias = Callable[[str], bytes | None]
"""A file's bytes at the commit; None when it does not exist."""

_TOOL_FILES = (".tool-versions", "mise.toml", ".mise.toml")
_MANIFESTS = {
    Language.PYTHON: (
        "pyproject.toml",
        "setup.cfg",
        "setup.py",
        "*requirements*.txt",
        "requirements/*.txt",
        "constraints*.txt",
        *("tox.ini", "tox.toml", "noxfile.py", "hatch.toml", "Pipfile", ".python-version"),
        *_TOOL_FILES,
        *("uv.lock", "poetry.lock", "pdm.lock", "Pipfile.lock", "pylock.toml"),
        *("environment.yml", "environment.yaml", "environment-dev.yml", "conda.yml", "conda.yaml"),
    ),
    Language.NODE: (
        *("package.json", "*/package.json", "package-lock.json", "npm-shrinkwrap.json", ".npmrc"),
        *("pnpm-lock.yaml", "pnpm-workspace.yaml", ".pnpmfile.cjs", "yarn.lock", ".yarnrc.yml", ".yarnrc"),
        *(".nvmrc", ".node-version", *_TOOL_FILES),
        *("bun.lock", "bun.lockb", "bunfig.toml", "patches/*", ".yarn/patches/*", ".yarn/plugins/*"),
    ),
    Language.GO: ("go.mod", "*/go.mod", "go.sum", "*/go.sum", "go.work", "go.work.sum"),
    Language.RUST: (
        "Cargo.toml",
        "*/Cargo.toml",
        "Cargo.lock",
        "rust-toolchain",
        "rust-toolchain.toml",
        ".cargo/config.toml",
    ),
    Language.JAVA: (
        *("pom.xml", "*/pom.xml", "build.gradle*", "*/build.gradle*", "settings.gradle*", "gradle.properties"),
        *("gradle/*.toml", "gradle/wrapper/*", "gradle.lockfile", ".mvn/*"),
    ),
    Language.C: (),
}
_COMPILED_INTO_PYTHON = (
    "*.c",
    "*.cc",
    "*.cpp",
    "*.cxx",
    "*.h",
    "*.hpp",
    "*.pyx",
    "*.pxd",
    "*.pxi",
    "*.rs",
    "Cargo.*",
    "meson.build",
    "CMakeLists.txt",
)
_COMPILES = re.compile(
    rb"\b(Extension|ext_modules|cffi_modules|rust_extensions|cythonize|maturin|mesonpy|scikit_build_core)\b"
)
_ROOT_MANIFESTS = {
    Language.PYTHON: (
        *(
            "pyproject.toml",
            "setup.cfg",
            "setup.py",
            "requirements*.txt",
            "tox.ini",
            "pytest.ini",
            "noxfile.py",
            "Pipfile",
        ),
    ),
    Language.NODE: ("package.json",),
    Language.GO: ("go.mod", "go.work"),
    Language.RUST: ("Cargo.toml",),
    Language.JAVA: ("pom.xml", "build.gradle", "build.gradle.kts", "settings.gradle", "settings.gradle.kts"),
    Language.C: (),
}
_EXTENSIONS = {
    Language.PYTHON: (".py",),
    Language.NODE: (".js", ".mjs", ".cjs", ".ts", ".tsx", ".jsx", ".mts"),
    Language.GO: (".go",),
    Language.RUST: (".rs",),
    Language.JAVA: (".java", ".kt"),
    Language.C: (".c", ".h", ".cc", ".cpp", ".cxx", ".hh", ".hpp"),
}
_TESTS = {
    Language.PYTHON: ("test_*.py", "*_test.py", "tests.py", "tests/*.py", "conftest.py"),
    Language.NODE: ("*.test.*", "*.spec.*", "__tests__/*", "test/*.?s", "tests/*.?s", "test/*.m?s"),
    Language.GO: ("*_test.go",),
    Language.RUST: ("tests/*.rs", "tests.rs", "*_test.rs", "*_tests.rs"),
    Language.JAVA: ("src/test/*",),
    Language.C: ("test_*.c*", "*_test.c*", "*_tests.c*", "test/*", "tests/*", "t/*"),
}
_LONE_TESTS = "test.py"
_FOREIGN = frozenset(
    {"node_modules", "vendor", "third_party", ".venv", "venv", "site-packages", "dist", "build", "target"}
)
_COMMANDS = (
    (r"(python3? -m )?(pytest|py\.test)\b", Language.PYTHON, "pytest"),
    (r"python3? -m unittest\b", Language.PYTHON, "unittest"),
    (r"(python3?|tox|nox|hatch|poetry|uv|pdm)\b", Language.PYTHON, "command"),
    (r"node (.* )?--test\b", Language.NODE, "node_test"),
    (r"(npx )?jest\b", Language.NODE, "jest"),
    (r"(npx )?vitest\b", Language.NODE, "vitest"),
    (r"(npx )?mocha\b", Language.NODE, "mocha"),
    (r"(npx )?ava\b", Language.NODE, "ava"),
    (r"bun test\b", Language.NODE, "bun_test"),
    (r"(npm|pnpm|yarn|bun) (run )?test$", Language.NODE, "npm_script"),
    (r"(npm|npx|node|yarn|pnpm|bun)\b", Language.NODE, "command"),
    (r"go test\b", Language.GO, "go_test"),
    (r"cargo test\b", Language.RUST, "cargo_test"),
    (r"(mvn|\./mvnw)\b", Language.JAVA, "maven"),
    (r"(gradle|\./gradlew)\b", Language.JAVA, "gradle"),
)
_SHELL = re.compile(r"[;&|<>$`\n]")


@dataclass(frozen=True, slots=True)
class Candidate:
    """How a folder could be tested in one language, and how much speaks for it."""

    language: Language
    runner: str
    command: str
    score: int
    stated: bool = True
    """False: the command is a guess, since no manifest says how the tests are run."""


def detect(files: Sequence[str], read: Read, *, test_command: str | None) -> Stack:
    """Return the stack of a commit. Raises `CallerError(field="test_command")` when no test command can be derived."""
    own = own_files(files)
    candidates = [found for language in Language if (found := candidate(language, own, read)) is not None]
    best = max(candidates, key=lambda candidate: candidate.score, default=None)
    if test_command is not None and test_command.strip():
        best = _asked_for(test_command.strip(), candidates, own)
    elif best is None or not (best.stated or _has_tests(best.language, own)):
        _refuse_a_guess(best, own, read)
    if best is None:
        raise CallerError(
            "No test command found: none of the known manifests or test files exist.",
            field="test_command",
            remedy="Set the repository's test_command, for example `make test`.",
        )
    return stack_of(best, own, read)


def _refuse_a_guess(best: Candidate | None, own: Sequence[str], read: Read) -> None:
    """Raise where nothing says how a repository is tested, but its files look like those of an ecosystem with other words."""
    likely = likely_command(own, read)
    if likely is None or (best is not None and not likely.ecosystem):
        return
    known = "none of the known manifests or test files exist"
    if best is not None:
        known = f"no manifest says how the tests are run, and there is no test of {best.language.value}"
    like = f" Its files are those of {likely.ecosystem}." if likely.ecosystem else ""
    raise CallerError(
        f"No test command found: {known}.{like}",
        field="test_command",
        remedy=f"Set the repository's test_command, probably `{likely.command}`; what it needs has to be on this machine.",
    )


def _has_tests(language: Language, files: Sequence[str]) -> bool:
    return any(is_test_of(language, path) for path in files)


def own_files(files: Sequence[str]) -> list[str]:
    """Return the paths without those in folders for what others wrote or a build made."""
    return [path for path in files if _FOREIGN.isdisjoint(path.split("/")[:-1])]


def stack_of(found: Candidate, own: Sequence[str], read: Read) -> Stack:
    """Return the stack of a folder that is tested so; `own` are its files."""
    return Stack(
        language=found.language,
        runner=found.runner,
        test_command=found.command,
        manifests=_manifests(found.language, own, read),
        source_roots=source_roots(found.language, own, read),
        test_patterns=tuple(form for name in _test_names(found.language, own, read) for form in (name, f"*/{name}")),
    )


def patterns_below(folder: str, patterns: Sequence[str]) -> tuple[str, ...]:
    """Return globs for a folder of the repository that mean what `patterns` mean for its root, however they are matched."""
    forms = (form for name in patterns for form in (name, *(() if "/" in name else (f"**/{name}",))))
    return tuple(dict.fromkeys(f"{folder}/{form}" for form in forms))


def is_root_manifest(language: Language, name: str) -> bool:
    """Whether a file of this name makes its folder a project of the language."""
    return _any_match(name, _ROOT_MANIFESTS[language])


def is_test_of(language: Language, path: str) -> bool:
    """Whether a path looks like a test of the language."""
    return path.endswith(_EXTENSIONS[language]) and _any_match(path, _TESTS[language])


def _test_names(language: Language, files: Sequence[str], read: Read) -> tuple[str, ...]:
    """Return how tests are called: a `test.py` is one only where nothing else is, since many hold what somebody tried once."""
    if language is not Language.PYTHON:
        return _TESTS[language]
    names = (*_TESTS[language], *stated_test_files(files, read))
    return names if any(_any_match(path, names) for path in files) else (*names, _LONE_TESTS)


def has_code(language: Language, files: Sequence[str]) -> bool:
    """Whether any of the files is source of the language."""
    return any(path.endswith(_EXTENSIONS[language]) for path in files)


def manifests_of(language: Language, files: Sequence[str]) -> tuple[str, ...]:
    """Return the paths whose names say that they decide the environment."""
    return tuple(path for path in sorted(files) if _any_match(path, _MANIFESTS[language]))


def manifest_hash(stack: Stack, read: Read) -> str:
    """Return a SHA-256 over what decides the dependency environment: language, paths and contents of manifests."""
    digest = hashlib.sha256(stack.language.encode())
    for path in stack.manifests:
        content = read(path)
        digest.update(f"\0{path}\0{-1 if content is None else len(content)}\0".encode())
        digest.update(content or b"")
    return digest.hexdigest()


def is_test_file(stack: Stack, path: str) -> bool:
    """Whether a path counts as a test file; a pattern matches at the root or below any directory."""
    return _any_match(path, stack.test_patterns)


def module_names(stack: Stack, files: Sequence[str]) -> frozenset[str]:
    """Return the modules that this repository itself provides, as its language names them in error messages.

    Python and Java: dotted names with every parent. Others: paths below a source root, with and without extension.
    """
    names: set[str] = set()
    for path in files:
        if not path.endswith(_EXTENSIONS[stack.language]) or is_test_file(stack, path):
            continue
        root = next((root for root in stack.source_roots if root == "." or path.startswith(root + "/")), None)
        if root is not None:
            names.update(_names_of(stack.language, PurePosixPath(path).relative_to(root)))
    return frozenset(names)


def source_roots(language: Language, files: Sequence[str], read: Read) -> tuple[str, ...]:
    """Return the directories from which this repository's modules are imported, most specific first."""
    if language is Language.JAVA:
        tops = ("src/main/java", "src/main/kotlin")
        found = sorted({path[: at + len(top)] for top in tops for path in files if (at := path.find(top + "/")) >= 0})
        return tuple(found) or (".",)
    if language is not Language.PYTHON:
        return (".",)
    code = [path for path in files if path.endswith(".py") and not _any_match(path, _TESTS[Language.PYTHON])]
    roots = [*stated_roots(files, read), "src"]
    found = [root for root in dict.fromkeys(roots) if any(path.startswith(root + "/") for path in code)]
    tests = [path for path in files if is_test_of(Language.PYTHON, path)]
    found += imported_roots(code, tests, found, manifests_of(Language.PYTHON, files), read)
    elsewhere = [path for path in code if not any(path.startswith(root + "/") for root in found)]
    at_root = any("/" not in path and path not in ("setup.py", "noxfile.py") for path in elsewhere)
    packages = {path.split("/")[0] for path in elsewhere if path.count("/") == 1 and path.endswith("/__init__.py")}
    return (*found, ".") if at_root or packages or not found else tuple(found)


def _manifests(language: Language, files: Sequence[str], read: Read) -> tuple[str, ...]:
    """Return what decides the environment: for Python, whose packages are installed, also what is compiled into them."""
    patterns = _MANIFESTS[language]
    if language is Language.PYTHON and any(
        _COMPILES.search(read(path) or b"") for path in ("setup.py", "pyproject.toml", "setup.cfg") if path in files
    ):
        patterns = (*patterns, *_COMPILED_INTO_PYTHON)
    return tuple(path for path in sorted(files) if _any_match(path, patterns))


def candidate(language: Language, files: Sequence[str], read: Read) -> Candidate | None:
    """Return how a folder with these files could be tested in a language; None when nothing speaks for it."""
    manifests = [path for path in files if "/" not in path and _any_match(path, _ROOT_MANIFESTS[language])]
    code = [path for path in files if path.endswith(_EXTENSIONS[language])]
    names = _test_names(language, files, read)
    tests = [path for path in code if _any_match(path, names)]
    if not manifests and not (language in (Language.PYTHON, Language.NODE) and tests):
        return None
    mentioning = [path for path in files if _any_match(path, _MANIFESTS[language]) or path == "tox.ini"]
    runner, command, configured = runner_of(language, tests=tests, files=files, manifests=mentioning, read=read)
    share = round(10 * len(code) / (len(files) or 1))
    score = 4 * bool(manifests) + 6 * bool(tests) + 6 * configured + share
    return Candidate(language, runner, command, score, configured) if code or configured else None


def _asked_for(command: str, candidates: Sequence[Candidate], files: Sequence[str]) -> Candidate:
    for pattern, language, runner in _COMMANDS:
        if re.match(pattern, command):
            own = next((one.runner for one in candidates if one.command == command), runner)
            return Candidate(language, "command" if _SHELL.search(command) else own, command, 0)
    if candidates:
        return Candidate(max(candidates, key=lambda found: found.score).language, "command", command, 0)
    most = max(Language, key=lambda language: sum(path.endswith(_EXTENSIONS[language]) for path in files))
    return Candidate(most, "command", command, 0)


def _names_of(language: Language, inside: PurePosixPath) -> set[str]:
    bare = inside.with_suffix("")
    if language not in (Language.PYTHON, Language.JAVA):
        return {str(inside), str(bare), *(str(parent) for parent in bare.parents if str(parent) != ".")}
    parts = bare.parts[:-1] if bare.name == "__init__" else bare.parts
    if not all(part.isidentifier() for part in parts):
        return set()
    return {".".join(parts[:length]) for length in range(1, len(parts) + 1)}


def _any_match(path: str, patterns: Sequence[str]) -> bool:
    return _compiled(tuple(patterns)).match(path) is not None


@lru_cache(maxsize=256)
def _compiled(patterns: tuple[str, ...]) -> re.Pattern[str]:
    """Return one expression for all: repositories have tens of thousands of paths, each of which is asked about often."""
    return re.compile(f"(?s:.*/)?(?:{'|'.join(map(translate, patterns))})" if patterns else "(?!)")
