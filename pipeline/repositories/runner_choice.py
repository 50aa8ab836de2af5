"""Which program runs the tests of a language, from the files of the base commit.

Problem: several runners serve a language, and a repository rarely says which in one place. Choice: what a script or a
configuration names comes first, then what manifests declare, then how the tests are written. Pure, as `stacks` is.
"""

import json
import re
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from pipeline.ports import Language
from pipeline.proof.node_scripts import suite_of

Read: TypeAlias = Callable[[str], bytes | None]
_DJANGO_PROGRAMS = {"manage.py": "python manage.py test", "runtests.py": "python runtests.py"}
_PYTEST_FILES = ("pytest.ini", ".pytest.ini", "pytest.toml", ".pytest.toml", "conftest.py", "tests/conftest.py")
_NPM_PLACEHOLDER = "no test specified"
_ALWAYS = {Language.GO: ("go_test", "go test ./...", True), Language.RUST: ("cargo_test", "cargo test", True)}


def runner_of(
    language: Language, *, tests: Sequence[str], files: Sequence[str], manifests: Sequence[str], read: Read
) -> tuple[str, str, bool]:
    """Return the runner, its command, and whether something says so rather than a guess."""
    if language is Language.PYTHON:
        return _python_runner(tests, files, read, manifests)
    if language is Language.NODE:
        return _node_runner(read)
    if language is Language.JAVA:
        return _java_runner(files)
    return _ALWAYS[language]


def _python_runner(
    tests: Sequence[str], files: Sequence[str], read: Read, manifests: Sequence[str]
) -> tuple[str, str, bool]:
    configured = any(path in files for path in _PYTEST_FILES) or any(
        marker in (read(path) or b"") for path in manifests for marker in (b"pytest",)
    )
    if configured:
        return "pytest", "pytest", True
    for program, command in _DJANGO_PROGRAMS.items():
        if program in files and b"django" in (read(program) or b""):
            return "command", command, True
    texts = [read(path) or b"" for path in tests[:50]]
    unittest = any(b"import unittest" in text or b"from unittest import" in text for text in texts)
    if unittest and not any(b"import pytest" in text or re.search(rb"(?m)^def test_", text) for text in texts):
        return "unittest", "python -m unittest", True
    return "pytest", "pytest", False


def _node_runner(read: Read) -> tuple[str, str, bool]:
    package = _json(read("package.json"))
    script = str(_table(package, "scripts").get("test", ""))
    if script and _NPM_PLACEHOLDER not in script:
        suite = suite_of((read("package.json") or b"").decode("utf-8", "replace"))
        return suite.runner if suite else "npm_script", "npm test", True
    declared = {name for key in ("dependencies", "devDependencies") for name in _table(package, key)}
    for runner in ("vitest", "jest", "mocha", "ava"):
        if runner in declared:
            return runner, "npx vitest run" if runner == "vitest" else f"npx {runner}", True
    return "node_test", "node --test", False


def _java_runner(files: Sequence[str]) -> tuple[str, str, bool]:
    if "pom.xml" in files:
        return "maven", "./mvnw test" if "mvnw" in files else "mvn test", True
    return "gradle", "./gradlew test" if "gradlew" in files else "gradle test", True


def _table(parent: dict[str, Any], key: str) -> dict[str, Any]:
    """Read a nested table of an untrusted manifest; anything else counts as empty."""
    found = parent.get(key)
    return found if isinstance(found, dict) else {}


def _json(content: bytes | None) -> dict[str, Any]:
    try:
        parsed = json.loads(content or b"{}")
    except ValueError:
        return {}
    return parsed if isinstance(parsed, dict) else {}
