"""Whether a script of a repository looks like a way to test it, or like what is tested.

Problem: the test command runs scripts that decide the result, and often the product itself; the first are protected, the
second must be free to change. Choice: names, folders and what a script itself runs speak for testing; lying in a package of
the repository speaks for the product. A judgement, so what it leaves free is shown to approvers when it changes.
"""

import posixpath
import re
from collections.abc import Collection

_TEST_NAME = re.compile(
    r"(?i)(?:^|[_.-])(?:run[_-]?)?(?:all[_-]?)?(?:tests?|testsuite|specs?|checks?|checker|ci|verify|validate|lint|suite|runner"
    r"|harness|setup|prove|regress(?:ion)?|build|bootstrap|coverage|e2e|smoke|unit|integration)(?:$|[_.-])|runtests?|testing"
)
_TEST_FOLDERS = frozenset(
    {"scripts", "script", "tools", "tool", "ci", ".ci", "dev", "devel", "devtools", "hack", "etc", "support", ".github", "build",
     "build-scripts", "buildscripts", "make", "mk", "maint", "config", "conf", "configs", "test", "tests", "testing", "spec", "t",
     "tasks", ".buildkite", ".circleci", "automation", "qa", "contrib"}
)  # fmt: skip
_RUNS_TESTS = re.compile(
    r"\b(?:py\.?test|unittest|nose2?|tox|nox|jest|vitest|mocha|jasmine|karma|ava|tape|playwright|cypress|gotestsum|ctest|bats"
    r"|prove|rspec|phpunit|busted)\b|--test\b|\b(?:go|cargo|dotnet|swift|mix|zig|make|npm|yarn|pnpm|bun|deno|gradlew?|mvnw?|composer)"
    r"\s+(?:\S+\s+)?(?:test|check|nextest)\b|\btests?/|\bspec/"
)
_SCRIPTS = (".sh", ".bash", ".zsh", ".py", ".js", ".mjs", ".cjs", ".ts", ".rb", ".pl", ".ps1", ".mk", ".bats", ".php", ".cmake", ".awk", ".sed", ".bat", ".cmd", ".tcl")  # fmt: skip


def looks_like_testing(path: str, files: Collection[str], text: str) -> bool:
    """Whether a file, with its text, is a way to test rather than what is tested. `files` are those of the repository."""
    if _TEST_NAME.search(posixpath.basename(path)) or in_a_folder_for_testing(path):
        return True
    return not is_product(path, files) and bool(_RUNS_TESTS.search(text))


def in_a_folder_for_testing(path: str) -> bool:
    """Whether any folder above is one where scripts and tests are kept."""
    return bool(_TEST_FOLDERS & set(path.split("/")[:-1]))


def is_product(path: str, files: Collection[str]) -> bool:
    """Whether it lies in a package of the repository's own."""
    folder = posixpath.dirname(path)
    if path.endswith(".py"):
        return f"{folder}/__init__.py" in files
    return bool(
        {"src", "lib", "pkg", "internal", "app", "cmd"} & set(folder.split("/"))
    ) and not in_a_folder_for_testing(path)


def is_script(path: str, text: str) -> bool:
    """Whether it is something that is run or read by what runs tests, by its suffix or its first line."""
    return path.endswith(_SCRIPTS) or ("." not in posixpath.basename(path) and text.startswith("#!"))
