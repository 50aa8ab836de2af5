"""Which development dependencies of a Node package its tests need, where not all of them can be had.

Problem: a package lists its linters and release tools beside its test runner, and one that no registry has, or that comes
from a git host out of reach, ends the whole install. Choice: what scripts for tests, settings of runners or sources name is
needed; the rest may be left out, and is said. Pure but for reading the repository's files, which are bounded.
"""

import json
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pipeline.adapters.environments.build import manifest_at

_FILES_MAX = 3_000
_SOURCES = re.compile(r"\.[cm]?[jt]sx?$|^(?:\.\w+rc|tsconfig\S*)(?:\.json)?$")
_STYLE = re.compile(r"eslint|prettier|stylelint|commitlint|markdownlint|release|renovate|lint-staged|husky")
_PASSED_OVER = frozenset({"node_modules", ".git", "dist", "build", "coverage"})
_OF_RUNNERS = ("mocha", "jest", "ava", "nyc", "c8", "tap", "babel", "vitest", "browserify", "ts-node", "tsd")


def unneeded(package: Mapping[str, Any], folder: Path) -> dict[str, str]:
    """Return the development dependencies that nothing names which a test run reaches, with the versions asked for.

    Args:
        package: The parsed `package.json`; it is the repository's own text.
        folder: Where it lies in the repository.
    """
    wanted = package.get("devDependencies")
    if not isinstance(wanted, dict):
        return {}
    scripts = package.get("scripts")
    testing = [text for name, text in scripts.items() if "test" in name] if isinstance(scripts, dict) else []
    named = json.dumps([testing, [package.get(name) for name in _OF_RUNNERS]])
    texts = [named, *_texts(folder)]
    left = {str(name): str(version) for name, version in wanted.items()}
    for text in texts:
        words = set(re.findall(r"(?:@[\w.-]+/)?[\w.-]+", text))
        left = {name: version for name, version in left.items() if not _names(words, name)}
    return left


def _names(words: set[str], name: str) -> bool:
    """Whether a text names a package: types come with what they describe, compilers with their language."""
    described = name.removeprefix("@types/").replace("__", "/")
    return name in words or described in words or f"@{described}" in words or name in {"typescript", "@types/node"}


def _texts(folder: Path) -> Iterator[str]:
    read = 0
    for place, inner, files in os.walk(folder):
        inner[:] = sorted(name for name in inner if name not in _PASSED_OVER)
        for name in sorted(files):
            if not _SOURCES.search(name) or _STYLE.search(name):
                continue
            read += 1
            if read > _FILES_MAX:
                return
            path = (Path(place) / name).relative_to(folder)
            yield (manifest_at(folder, str(path)) or b"").decode("utf-8", "replace")
