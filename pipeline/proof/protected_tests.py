"""Which test files are protected, who touched them, and how to put them back.

Problem: a writer that cannot make the tests pass changes the tests: deletes, skips, weakens, or reconfigures the runner.
Choice: the test writer may only write test files, `change` and `preserve` apart; from then on every test file and every
piece of test configuration belongs to the pipeline. Whatever the code writer did to them is a `Tampering` with its facts
and is undone by `restored_files` before any verdict. New test files of the code writer are allowed; they prove nothing.
"""

import json
import re
import tomllib
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import PurePosixPath
from typing import Any

from pipeline.ports import ChangedFile, Language
from pipeline.proof.instrument import NOTHING, Instrument, altered
from pipeline.proof.json_text import parsed_object
from pipeline.proof.path_globs import matches_any
from pipeline.proof.symbols import is_source
from pipeline.proof.unified_diff import AddedLine

TEST_PATTERNS = (
    "test_*.py", "*_test.py", "*_tests.py", "tests.py", "*_test.go", "*Test.java", "*Tests.java", "*IT.java", "*Test.kt",
    "*.test.js", "*.test.mjs", "*.test.cjs", "*.test.ts", "*.test.mts", "*.test.jsx", "*.test.tsx",
    "*.spec.js", "*.spec.mjs", "*.spec.cjs", "*.spec.ts", "*.spec.jsx", "*.spec.tsx",
    "*_test.c", "*_test.cc", "*_test.cpp", "*_tests.cpp", "*_unittest.cc", "test_*.c", "test_*.cc", "test_*.cpp",
    "test_*.sh", "*_test.sh", "*-test.sh", "test-*.sh", "*.bats", "*.t", "*_spec.rb", "*_test.rb", "test_*.rb",
    "*Test.php", "*Spec.php", "*Test.cs", "*Tests.cs", "**/*.Tests/**", "**/*.Test/**", "*Tests.swift", "Tests/**",
    "*_test.exs", "*_test.dart", "*_spec.lua", "*_test.lua", "*Spec.scala", "*Test.scala", "*Suite.scala", "*Tests.kt",
    "*Spec.kt", "*_test.clj", "*_test.cljc", "*Spec.hs", "*_SUITE.erl", "*_tests.erl", "test_*.ml", "*_test.zig",
    "**/src/test/**", "tests/**", "test/**", "**/tests/**", "packages/*/test/**", "**/__tests__/**", "spec/**",
)  # fmt: skip
"""Test files and their support files, for any stack; a stack's own patterns are added."""
CONFIGURATION = (
    "conftest.py", "pytest.ini", ".pytest.ini", "pytest.toml", ".pytest.toml", "tox.ini", "noxfile.py",
    "sitecustomize.py", "usercustomize.py", "*.pth", "jest.config.*", "jest.setup.*", "vitest.config.*",
    "vitest.workspace.*", "vitest.setup.*", ".mocharc*", ".taprc", "ava.config.*",
    "playwright.config.*", "cypress.config.*", "setupTests.*", ".env.test*", "phpunit.xml*", ".rspec", "bunfig.toml", "jasmine.json", "karma.conf.*", ".nycrc*", "babel.config.*", ".babelrc*",
    ".changeline/**", "nextest.toml", "**/.cargo/config", "**/.cargo/config.toml", "**/.mvn/**", "junit-platform.properties",
)  # fmt: skip
"""Files whose every change can weaken the tests."""
OF_THE_REPOSITORY = (".changeline/**",)
"""What a repository says about itself, which counts as the base branch says it."""
_MAKE_TEST = re.compile(r"(?ms)^(?:test|tests|check)[\w-]*\s*:.*?(?=^\S|\Z)")
_GRADLE_TEST = re.compile(r"(?s)\b(?:test|useJUnit\w*|tasks\.withType\(Test\)|ignoreFailures)\b[^\n]*(?:\{.*?\n\})?")
_SUREFIRE = re.compile(
    r"(?s)<plugin>(?:(?!</plugin>).)*(?:surefire|failsafe).*?</plugin>|<(?:skipTests|maven\.test\.[\w.]+)>[^<]*"
)
_CTEST = re.compile(
    r"(?is)\b(?:add_test|set_tests_properties|enable_testing|gtest_\w+|catch_discover_tests|include\s*\(\s*ctest)\b[^)]*\)"
)
_DETECTION = (
    (re.compile(r"PYTEST_CURRENT_TEST|['\"]_?pytest['\"] in sys\.modules|\bimport _pytest|\bfrom _pytest\b"), "asks whether pytest runs it"),
    (re.compile(r"\bpytest_(?:runtest|collection|sessionfinish|report|pyfunc)\w*|pytest11"), "hooks into pytest"),
    (re.compile(r"sys\.modules\[['\"](?:pytest|unittest|_pytest)|\bunittest\.(?:TestCase|result|runner)\.\w+\s*="), "replaces the test framework"),
    (re.compile(r"\bos\._exit\("), "ends the process without any clean-up"),
    (re.compile(r"JEST_WORKER_ID|VITEST(?:_WORKER_ID)?\b|NODE_TEST_CONTEXT|NODE_ENV['\"\]]*\s*={2,3}\s*['\"]test"), "asks whether a test runs it"),
    (re.compile(r"\btesting\.Testing\(\)|strings\.HasSuffix\(os\.Args\[0\], ['\"]\.test"), "asks whether a test runs it"),
)  # fmt: skip


class TamperingKind(StrEnum):
    """What was done to the proof."""

    PROTECTED_TEST = "protected_test"
    TEST_CONFIGURATION = "test_configuration"
    TEST_DETECTION = "test_detection"
    NOT_A_TEST = "not_a_test"
    MIXED_FILE = "mixed_file"
    UNDECLARED_TEST = "undeclared_test"
    KEPT = "kept"
    INSTRUMENT = "instrument"
    """What the test command reaches."""
    SHADOW = "shadow"
    DECIDES_RESULTS = "decides_results"
    """Of a test writer: hooks, replaced parts of a runner, ends of the process."""
    EMPTIED_TEST = "emptied_test"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tampering:
    """One thing a writer may not do, with where."""

    kind: TamperingKind
    path: str
    message: str
    line: int | None = None


def is_test_file(path: str, patterns: Collection[str]) -> bool:
    """Whether a path is a test or supports tests. `patterns` are the stack's own."""
    return matches_any(path, patterns) or matches_any(path, TEST_PATTERNS)


def is_protected(path: str, patterns: Collection[str]) -> bool:
    """Whether a path belongs to the pipeline once the tests commit exists."""
    return is_test_file(path, patterns) or matches_any(path, CONFIGURATION)


def configures_tests(path: str) -> bool:
    """Whether a path holds settings of a test runner, alone or among others."""
    return matches_any(path, CONFIGURATION) or needs_texts(path)


def steers_tests(path: str, language: Language) -> bool:
    """Whether a path is code or test configuration, as against the data that a suite may rewrite."""
    return is_source(language, path) or matches_any(path, CONFIGURATION)


def symbol_paths(paths: Iterable[str], language: Language, patterns: Collection[str]) -> list[str]:
    """Choose the sources whose symbols decide the red witness: the language's files without the tests, sorted."""
    return sorted(path for path in paths if is_source(language, path) and not is_test_file(path, patterns))


def kept_changes(changed: Iterable[ChangedFile], kept: Collection[str]) -> list[Tampering]:
    """Return what an agent changed of the paths that the repository keeps from agents, and of what it says about itself."""
    globs = (*OF_THE_REPOSITORY, *kept)
    paths = {path for file in changed for path in (file.path, file.old_path) if path and matches_any(path, globs)}
    return [
        Tampering(
            kind=TamperingKind.KEPT,
            path=path,
            message=f"{path} is what the repository says about itself; agents may not change it."
            if matches_any(path, OF_THE_REPOSITORY)
            else f"{path} is protected by .changeline/repository.yaml; agents may not change it.",
        )
        for path in sorted(paths)
    ]


def check_test_writer(
    *,
    changed: Sequence[ChangedFile],
    change_files: Collection[str],
    preserve_files: Collection[str],
    patterns: Collection[str],
    kept: Collection[str] = (),
    instrument: Collection[str] = (),
) -> list[Tampering]:
    """Check the diff of the tests commit against what the test writer declared; empty means clean.

    `kept` are paths and globs that the repository keeps from agents, `instrument` the files that the test command reaches.
    """
    found = [
        Tampering(kind=TamperingKind.MIXED_FILE, path=path, message=f"{path} holds change and preserve tests; keep them in separate files.")
        for path in sorted(set(change_files) & set(preserve_files))
    ]  # fmt: skip
    declared = {*change_files, *preserve_files}
    touched = {file.path for file in changed if file.status != "D"}
    for path in sorted(declared - touched):
        message = f"{path} was declared as a test file but was not written."
        found.append(Tampering(kind=TamperingKind.UNDECLARED_TEST, path=path, message=message))
    for file in changed:
        if file.path not in declared and not is_protected(file.path, patterns):
            message = f"{file.path} is no test file; the test writer writes tests only."
            found.append(Tampering(kind=TamperingKind.NOT_A_TEST, path=file.path, message=message))
    touched_of_it = {path for file in changed for path in (file.path, file.old_path) if path and path in instrument}
    found += [_of_the_instrument(path, "changed") for path in sorted(touched_of_it)]
    return found + kept_changes(changed, kept)


def check_code_writer(
    *,
    changed: Sequence[ChangedFile],
    protected: Collection[str],
    patterns: Collection[str],
    before: Mapping[str, str],
    after: Mapping[str, str],
    added: Sequence[AddedLine],
    kept: Collection[str] = (),
    instrument: Instrument = NOTHING,
) -> list[Tampering]:
    """Check a diff from the tests commit to the code writer's head; empty means clean.

    Args:
        kept: Paths and globs that the repository keeps from agents.
        protected: All paths of the tests commit that `is_protected` names.
        before: Texts at the tests commit of the configuration files in `changed` (see `needs_texts`), and of what is
            `read_in_part` of the instrument.
        after: Their texts at the head.
        instrument: What the test command reaches.
    """
    found = kept_changes(changed, kept)
    found += [
        Tampering(
            kind=TamperingKind.INSTRUMENT,
            path=path,
            message=f"{path}: what the test command uses of it changed; it decides how the tests are run.",
        )
        for path in altered(instrument, before, after)
    ]
    told = {one.path for one in found}
    changed = [file for file in changed if file.path not in told]
    for file in changed:
        paths = sorted({file.path, file.old_path or file.path})
        found.extend(
            _of_the_instrument(path, _verb(file)) if path in instrument.files else _touched(file, path)
            for path in paths
            if path in protected or path in instrument.files
        )
        if file.path not in protected and matches_any(file.path, CONFIGURATION):
            message = f"{file.path} is new test configuration; only the test writer may add that."
            found.append(Tampering(kind=TamperingKind.TEST_CONFIGURATION, path=file.path, message=message))
        elif needs_texts(file.path):
            found.extend(changed_settings(file.path, before.get(file.path, ""), after.get(file.path, "")))
    return found + _detections(added, patterns)


def needs_texts(path: str) -> bool:
    """Whether `check_code_writer` compares this file's test settings rather than forbidding every change of it."""
    return PurePosixPath(path).name in _SECTIONS


def restored_files(
    *,
    protected: Mapping[str, bytes],
    head_paths: Iterable[str],
    known_paths: Collection[str],
    kept: Collection[str] = (),
) -> dict[str, bytes | None]:
    """Return what to write over a checkout of the head before a verdict; None deletes the path.

    Args:
        protected: The protected paths of the tests commit with their bytes.
        head_paths: All paths of the head.
        known_paths: All paths of the tests commit: test configuration that it does not know is removed.
        kept: Paths and globs that the repository keeps from agents: what is new there is removed.
    """
    known = set(known_paths)
    files: dict[str, bytes | None] = dict(protected)
    for path in head_paths:
        if path not in known and matches_any(path, (*CONFIGURATION, *kept)):
            files[path] = None
    return files


def _verb(file: ChangedFile) -> str:
    return {"D": "deleted", "R": "renamed", "T": "replaced"}.get(file.status[:1], "changed")


def _of_the_instrument(path: str, verb: str) -> Tampering:
    message = f"{path} is run by the test command and was {verb}; it decides how the tests are run."
    return Tampering(kind=TamperingKind.INSTRUMENT, path=path, message=message)


def _touched(file: ChangedFile, path: str) -> Tampering:
    verb = _verb(file)
    configuration = matches_any(path, CONFIGURATION)
    kind = TamperingKind.TEST_CONFIGURATION if configuration else TamperingKind.PROTECTED_TEST
    what = "test configuration" if configuration else "a protected test file"
    return Tampering(kind=kind, path=path, message=f"{path} is {what} and was {verb}.")


def _detections(added: Sequence[AddedLine], patterns: Collection[str]) -> list[Tampering]:
    return [
        Tampering(
            kind=TamperingKind.TEST_DETECTION,
            path=line.path,
            line=line.line,
            message=f"{line.path}:{line.line} {what}; code must behave the same with and without tests.",
        )
        for line in added
        if not is_protected(line.path, patterns) and PurePosixPath(line.path).suffix not in {".md", ".rst", ".txt"}
        for shape, what in _DETECTION
        if shape.search(line.text)
    ]


def changed_settings(path: str, before: str, after: str) -> list[Tampering]:
    """Return the change of a test runner's settings in a file of which `needs_texts`; empty where they stayed."""
    section, what = _SECTIONS[PurePosixPath(path).name]
    if section(before) == section(after):
        return []
    message = f"{path}: {what} changed; test configuration belongs to the pipeline."
    return [Tampering(kind=TamperingKind.TEST_CONFIGURATION, path=path, message=message)]


def _pyproject(text: str) -> object:
    document = _toml(text)
    tool = document.get("tool", {})
    project = document.get("project", {})
    points = project.get("entry-points", {}) if isinstance(project, dict) else {}
    kept = (
        {name: tool.get(name) for name in ("pytest", "tox", "nox", "coverage", "hatch")}
        if isinstance(tool, dict)
        else {}
    )
    return kept, points.get("pytest11") if isinstance(points, dict) else None


def _cargo(text: str) -> object:
    document = _toml(text)
    library = document.get("lib", {})
    switches = {key: library.get(key) for key in ("test", "doctest", "harness")} if isinstance(library, dict) else {}
    return document.get("test"), document.get("profile"), switches, document.get("package", {}).get("autotests")


def _toml(text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return {"tool": {"pytest": text}}


def _package_json(text: str) -> object:
    document = parsed_object(text)
    scripts = document.get("scripts")
    kept = {name: value for name, value in scripts.items() if "test" in name} if isinstance(scripts, dict) else {}
    others = [document.get(name) for name in ("jest", "mocha", "vitest", "ava", "tap", "nyc", "c8")]
    return json.dumps([kept, others], sort_keys=True)


def _ini(text: str) -> object:
    sections = re.findall(r"(?ms)^\[([^\]\n]+)\][^\n]*\n(.*?)(?=^\[|\Z)", text)
    return [(name, body) for name, body in sections if re.search(r"pytest|testenv|coverage|unittest|aliases", name)]


def _found(shape: re.Pattern[str]) -> Callable[[str], object]:
    return shape.findall


_SECTIONS: dict[str, tuple[Callable[[str], object], str]] = {
    "pyproject.toml": (_pyproject, "the settings of pytest or coverage"),
    "setup.cfg": (_ini, "the settings of pytest or coverage"),
    "package.json": (_package_json, "the test script or the test runner's settings"),
    "Cargo.toml": (_cargo, "the test targets or profiles"),
    "Makefile": (_found(_MAKE_TEST), "the test target"),
    "GNUmakefile": (_found(_MAKE_TEST), "the test target"),
    "pom.xml": (_found(_SUREFIRE), "the settings of Surefire"),
    "build.gradle": (_found(_GRADLE_TEST), "the test task"),
    "build.gradle.kts": (_found(_GRADLE_TEST), "the test task"),
    "vite.config.ts": (_found(re.compile(r"(?s)\btest\s*:.*")), "the settings of Vitest"),
    "vite.config.mts": (_found(re.compile(r"(?s)\btest\s*:.*")), "the settings of Vitest"),
    "vite.config.mjs": (_found(re.compile(r"(?s)\btest\s*:.*")), "the settings of Vitest"),
    "CMakeLists.txt": (_found(_CTEST), "what CTest runs"),
    "vite.config.js": (_found(re.compile(r"(?s)\btest\s*:.*")), "the settings of Vitest"),
}
