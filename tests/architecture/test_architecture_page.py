"""The architecture page shows ways through the rooms, so every place on them is there, and every room is on the page."""

import ast
import re

from tests.architecture.source_tree import python_files, text_of, tree_of

PAGE = "docs/architecture.md"
PLACE = re.compile(r"`([\w/]+\.py):([\w.]+)`")
VOCABULARY = {
    "__init__", "access", "change_request", "errors", "events", "findings", "identifiers", "limits", "pause_reasons",
    "records", "version", "worker_loss",
}  # fmt: skip
"""What the root of `pipeline/` may hold: words that every room uses. What does something has a room."""


def test_every_place_on_the_ways_through_the_rooms_exists() -> None:
    ways = text_of(PAGE).partition("## Three ways through the rooms")[2].partition("\n## ")[0]
    sections = ways.split("\n### ")[1:]
    assert len(sections) == 3
    for section in sections:
        steps = re.split(r"\n\d+\. ", section)[1:]
        assert len(steps) >= 5
        assert [step for step in steps if not PLACE.search(step)] == [], "each step names where it happens"
    missing = [f"{path}:{name}" for path, name in PLACE.findall(ways) if not _defines(path, name)]
    assert missing == []


def test_every_room_of_the_pipeline_is_on_the_page() -> None:
    rooms = text_of(PAGE).partition("## Rooms")[2].partition("\n## ")[0]
    packages = {path.split("/")[1] for path in python_files("pipeline") if path.count("/") > 1}
    assert {name for name in packages if f"| `pipeline/{name}/` |" not in rooms} == set()
    assert set(re.findall(r"\| `pipeline/(\w+)/` \|", rooms)) - packages == set(), "rooms that are gone"


def test_the_root_of_the_pipeline_holds_the_vocabulary_of_the_whole() -> None:
    loose = {path.split("/")[1].removesuffix(".py") for path in python_files("pipeline") if path.count("/") == 1}
    assert loose - VOCABULARY == set(), "a module that does something belongs in a room"


def _defines(path: str, name: str) -> bool:
    if path not in python_files("pipeline", "controller", "worker", "cli"):
        return False
    body: list[ast.stmt] = tree_of(path).body
    for part in name.split("."):
        found = next((one for one in body if _named(one, part)), None)
        if found is None:
            return False
        body = getattr(found, "body", [])
    return True


def _named(node: ast.stmt, name: str) -> bool:
    return isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and node.name == name
