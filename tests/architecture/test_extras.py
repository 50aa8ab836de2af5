"""Clients of outside systems come as extras: whoever does not use one neither installs nor imports it."""

import functools
import importlib.metadata
import tomllib
from collections.abc import Mapping

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from scripts.dependencies import RESERVED
from tests.architecture.source_tree import PRODUCT, ROOT, TOGETHER, imported_modules, module_name, python_files, within

pytestmark = TOGETHER

EXTRAS: Mapping[str, list[str]] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"][
    "optional-dependencies"
]
UNUSED = frozenset({"authlib", "kubernetes"})
"""Plain dependencies that the page calls reserved."""


def test_only_adapters_name_what_an_extra_brings() -> None:
    strangers = {
        extra: users
        for extra in EXTRAS
        if (users := [user for user in _users(_brought(extra)) if not within(user, "pipeline.adapters")])
    }
    assert strangers == {}


def test_reserved_extras_are_those_without_an_adapter() -> None:
    assert {extra for extra in EXTRAS if not _users(_brought(extra))} == set(RESERVED)
    assert {name for name in UNUSED if not _users({name})} == UNUSED, (
        "its reason in scripts/dependencies.py says reserved"
    )


def _brought(extra: str) -> set[str]:
    """Return the top-level names that the packages of an extra install."""
    wanted = {canonicalize_name(Requirement(wish).name) for wish in EXTRAS[extra]}
    names = {name for name, owners in _provided().items() if wanted & {canonicalize_name(owner) for owner in owners}}
    assert names, f"the packages of {extra} are not installed: make dev"
    return names


@functools.cache
def _provided() -> Mapping[str, list[str]]:
    return importlib.metadata.packages_distributions()


def _users(names: set[str]) -> list[str]:
    return [
        module_name(path)
        for path in python_files(*PRODUCT)
        if any(within(found, name) for found in imported_modules(path) for name in names)
    ]
