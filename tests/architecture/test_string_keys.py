"""Facts are read by attribute, not by string key: what is misspelt or missing is found before it runs.

Choice: every read `x["name"]` and `x.get("name")` of the rooms is counted, whatever `x` is, because a counter that judges
types would be argued with; only `Literal["name"]` and routes are none. Invariant: the share per thousand lines only goes
down; files that read what others write are named with the reason, and no others are left out.
"""

import ast
from collections.abc import Callable

from tests.architecture.source_tree import python_files, text_of, tree_of

ROOMS = ("pipeline", "controller", "worker", "cli")
PER_THOUSAND_MAX = 7.0
"""Only goes down. The aim is 2."""
SLACK = 2.0
SHOWN = 40
FOREIGN = {
    "pipeline/adapters/": "providers, package managers, git and receivers decide what they answer",
    "pipeline/agents/context_window.py": "messages of a conversation, in the dialect of the model providers",
    "pipeline/agents/tool_use.py": "tool calls and their results, in the same dialect",
    "pipeline/ports/messages.py": "the same dialect",
    "pipeline/specs/behaviour.py": "documents as the parser of Gherkin makes them, typed by it",
    "pipeline/proof/manifests.py": "package.json, pyproject.toml and their like belong to the repository",
    "pipeline/proof/results/": "reports of test runners",
    "pipeline/repositories/stacks.py": "manifests of the repository",
    "pipeline/replay/file.py": "journals of other installations, of other versions",
    "cli/scripted_model.py": "the dialect of a model provider, which a script stands in for",
}
"""Files, or directories below which everything, reads what somebody else writes."""


def _reads(path: str) -> int:
    return sum(_is_read(node) for node in ast.walk(tree_of(path)))


def _is_read(node: ast.AST) -> bool:
    match node:
        case ast.Subscript(value=ast.Name(id="Literal")):
            return False
        case (
            ast.Subscript(slice=ast.Constant(value=str(key)), ctx=ast.Load())
            | ast.Call(func=ast.Attribute(attr="get"), args=[ast.Constant(value=str(key)), *_])
        ):
            return key != "" and not key.startswith("/")
    return False


def _own() -> list[str]:
    return [path for path in python_files(*ROOMS) if not path.startswith(tuple(FOREIGN))]


def test_facts_are_rarely_read_by_string_key(record_property: Callable[[str, object], None]) -> None:
    """Fails with the files that have the most reads, and when the figure can be lowered."""
    counts = {path: reads for path in _own() if (reads := _reads(path))}
    lines = sum(text_of(path).count("\n") for path in _own())
    share = 1_000 * sum(counts.values()) / lines
    most = sorted(counts.items(), key=lambda one: -one[1])[:SHOWN]
    shown = [f"{sum(counts.values())} string keys in {lines} lines: {share:.1f} per 1,000"]
    shown += [f"{reads:4} {path}" for path, reads in most]
    record_property("string_keys", shown[0])
    assert share <= PER_THOUSAND_MAX, "\n".join(shown)
    assert share > PER_THOUSAND_MAX - SLACK, "Lower PER_THOUSAND_MAX: " + shown[0]


def test_what_is_left_out_exists() -> None:
    """An exception whose file is gone is an exception for whatever comes there next."""
    everything = python_files(*ROOMS)
    assert [one for one in FOREIGN if not any(path.startswith(one) for path in everything)] == []
