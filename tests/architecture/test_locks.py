"""Locks are exact, hashed, free of addresses, and as fresh as the wishes they were compiled from. All offline."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.architecture.source_tree import ROOT

REQUIREMENTS = ROOT / "requirements"
LOCKS = sorted(path.name for path in REQUIREMENTS.glob("*.txt"))
PIN = re.compile(r"(?P<name>[A-Za-z0-9._-]+)==(?P<version>[^\s;]+)( ; (?P<marker>[^\\]+?))?$")
HASH = re.compile(r"--hash=sha256:[0-9a-f]{64}")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def _entries(lock: str) -> list[tuple[str, list[str]]]:
    """Each logical line: the pin as written, and its hashes."""
    joined = (REQUIREMENTS / lock).read_text().replace("\\\n", " ")
    entries = []
    for line in joined.splitlines():
        pin, *hashes = re.split(r"\s+(?=--hash)", line.strip())
        entries.append((pin.strip(), [text.strip() for text in hashes]))
    return entries


def _pins(lock: str) -> dict[str, str]:
    matches = [PIN.match(pin) for pin, _ in _entries(lock)]
    return {canonicalize_name(match["name"]): match["version"] for match in matches if match}


def _unpinned(wishes: list[str], lock: str) -> list[str]:
    pins = _pins(lock)
    asked = [Requirement(wish) for wish in wishes]
    return [
        str(wish)
        for wish in asked
        if not wish.specifier.contains(pins.get(canonicalize_name(wish.name), "0"), prereleases=True)
    ]


@pytest.mark.parametrize("lock", LOCKS)
def test_every_line_is_an_exact_pin_with_hashes_and_nothing_else(lock: str) -> None:
    entries = _entries(lock)
    assert entries
    odd = [pin for pin, hashes in entries if not PIN.match(pin) or not hashes or not all(map(HASH.fullmatch, hashes))]
    assert not odd, "no address, no option, no comment; run `make lock`"


def test_the_locks_satisfy_what_the_project_asks_for() -> None:
    assert _unpinned(PROJECT["project"]["dependencies"], "runtime.txt") == []
    extras = [wish for wishes in PROJECT["project"]["optional-dependencies"].values() for wish in wishes]
    developed = PROJECT["project"]["dependencies"] + PROJECT["dependency-groups"]["dev"] + extras
    assert _unpinned(developed, "dev.txt") == []
    assert _unpinned(PROJECT["build-system"]["requires"], "uv.txt") == []


@pytest.mark.parametrize("wishes", sorted(REQUIREMENTS.glob("*.in")), ids=lambda path: path.name)
def test_a_lock_satisfies_its_source(wishes: Path) -> None:
    asked = [line for line in wishes.read_text().splitlines() if line and not line.startswith("#")]
    assert _unpinned(asked, wishes.with_suffix(".txt").name) == []


def test_what_is_tested_is_what_runs() -> None:
    runtime, dev = _pins("runtime.txt"), _pins("dev.txt")
    assert {name: dev.get(name) for name in runtime} == runtime


def test_the_dashboards_lock_names_no_address() -> None:
    assert '"resolved"' not in (ROOT / "dashboard" / "package-lock.json").read_text()
