"""Every route and command that takes a place from its caller, and what is done with that place.

Problem: a corpus judges the doors that somebody thought of. Choice: the doors are read from the API's own description and from
the commands themselves, by the names of what they take. Invariant: one that is not listed here fails, until somebody has said
what it does with a place and, if it opens a repository there, let the corpus in.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

from cli.registry import VERBS, load
from scripts.openapi import render

PLACE = re.compile(
    r"repo|remote|path|url|file|dir|scenario|output|evidence|branch|commit|worktree|named", re.IGNORECASE
)

CORPUS = "opens the repository: `test_doors` leads every trap there, `test_whole_line` some of them to the merge"
VERIFIED = "opens the repository to read: `test_whole_line` leads every trap there"
SENT = "is sent to the API, which judges it: `test_commands`"
NAME = "the name of a registered repository, or a filter by it; opens nothing"
CACHED = "a commit or branch of a registered repository; only our own cache is read"
STORED = "kept as text for later; opens nothing by itself"
ADDRESS = "an address for reports, judged by the address policy"
IN_SANDBOX = "run in a sandbox only"
OWN_FILE = "a file of the person who types the command, read or written as that person"

ROUTES = {
    "GET /api/v1/analytics repository": NAME,
    "GET /api/v1/attention repository": NAME,
    "GET /api/v1/change-requests repository": NAME,
    "GET /api/v1/change-requests/{cr_id}/diff repository": NAME,
    "GET /api/v1/change-requests/{cr_id}/turns/{commit}/diff commit": CACHED,
    "GET /api/v1/learnings repository": NAME,
    "GET /api/v1/stale-branches repository": NAME,
    "POST /api/v1/change-requests external_url": STORED,
    "POST /api/v1/change-requests report_url": ADDRESS,
    "POST /api/v1/change-requests repositories": CORPUS,
    "POST /api/v1/change-requests repositories.base_branch": CORPUS,
    "POST /api/v1/change-requests repositories.behaviour_path": CORPUS,
    "POST /api/v1/change-requests repositories.merge_strategy": STORED,
    "POST /api/v1/change-requests repositories.name": NAME,
    "POST /api/v1/change-requests repositories.remote": CORPUS,
    "POST /api/v1/change-requests repositories.test_command": IN_SANDBOX,
    "POST /api/v1/change-requests/{cr_id}/interventions repository": NAME,
    "POST /api/v1/repositories base_branch": CORPUS,
    "POST /api/v1/repositories behaviour_path": CORPUS,
    "POST /api/v1/repositories remote": CORPUS,
}
"""`POST /repositories/{name}/check` and the effects open a registered repository without taking a place: `test_doors` and
`test_whole_line` go through them, too."""

COMMANDS = {
    "backup file": OWN_FILE,
    "cleanup --branches": STORED,
    "cleanup --repo": NAME,
    "diff --repo": NAME,
    "edit --file": OWN_FILE,
    "evidence show --output": OWN_FILE,
    "evidence verify --repo": VERIFIED,
    "evidence verify --trust": OWN_FILE,
    "evidence verify file": OWN_FILE,
    "handback --file": OWN_FILE,
    "journal export --output": OWN_FILE,
    "journal import file": OWN_FILE,
    "learnings list --repo": NAME,
    "list --repo": NAME,
    "redirect --file": OWN_FILE,
    "redirect --repo": NAME,
    "replay named": OWN_FILE,
    "repo add --base-branch": SENT,
    "repo add --behaviour-path": SENT,
    "repo add repo": SENT,
    "rerun --file": OWN_FILE,
    "restore file": OWN_FILE,
    "resume --file": OWN_FILE,
    "resume --repo": NAME,
    "run --base-branch": SENT,
    "run --evidence": OWN_FILE,
    "run --file": OWN_FILE,
    "run --repo": SENT,
    "run --report-url": ADDRESS,
    "run --scenario": OWN_FILE,
    "skip --repo": NAME,
    "submit --base-branch": SENT,
    "submit --file": OWN_FILE,
    "submit --repo": SENT,
    "submit --report-url": ADDRESS,
    "up --scenario": OWN_FILE,
}


def test_every_route_that_takes_a_place_is_known() -> None:
    schema = json.loads(render())
    found = {
        f"{method.upper()} {path} {name}"
        for path, methods in schema["paths"].items()
        for method, operation in methods.items()
        for name in {*_parameters(operation), *_fields(schema, operation.get("requestBody", {}))}
        if PLACE.search(name)
    }
    assert found == set(ROUTES)


def test_every_command_that_takes_a_place_is_known() -> None:
    found = {
        f"{command} {parameter.opts[0]}"
        for verb in VERBS
        for command, one in _commands(verb.name, load(verb.name))
        for parameter in one.params
        if PLACE.search(f"{parameter.name} {parameter.metavar}")
    }
    assert found == set(COMMANDS)


def _parameters(operation: dict[str, Any]) -> Iterator[str]:
    return (parameter["name"] for parameter in operation.get("parameters", []))


def _fields(schema: dict[str, Any], node: Any, prefix: str = "") -> Iterator[str]:
    """Yield the names of all fields below a part of the description, with those of inner objects."""
    if isinstance(node, list):
        for item in node:
            yield from _fields(schema, item, prefix)
    elif isinstance(node, dict):
        if "$ref" in node:
            yield from _fields(schema, schema["components"]["schemas"][node["$ref"].rpartition("/")[2]], prefix)
        for name, inner in node.get("properties", {}).items():
            yield prefix + name
            yield from _fields(schema, inner, f"{prefix}{name}.")
        for key, inner in node.items():
            if key not in {"properties", "$ref", "default", "example"}:
                yield from _fields(schema, inner, prefix)


def _commands(name: str, command: Any) -> Iterator[tuple[str, Any]]:
    yield name, command
    for inner, one in (getattr(command, "commands", None) or {}).items():
        yield from _commands(f"{name} {inner}", one)
