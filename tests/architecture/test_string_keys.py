"""Facts are read by attribute, not by string key: what is misspelt or missing is found before it runs.

Choice: every read `x["name"]` and `x.get("name")` of the rooms is counted, whatever `x` is, because a counter that judges
types would be argued with; only `Literal["name"]` and routes are none. Invariant: the share per thousand lines only goes
down; files that read what others write are named with the reason, and no others are left out.
"""

import ast
from collections.abc import Callable

from tests.architecture.source_tree import TOGETHER, python_files, text_of, tree_of

pytestmark = TOGETHER

ROOMS = ("pipeline", "controller", "worker", "cli")
PER_THOUSAND_MAX = 1.5
"""Only goes down."""
SLACK = 1.0
SHOWN = 40
FOREIGN = {
    "pipeline/adapters/": "providers, package managers, git and receivers decide what they answer",
    "pipeline/ports/messages.py": "the same dialect",
    "pipeline/specs/behaviour.py": "documents as the parser of Gherkin makes them, typed by it",
    "pipeline/proof/manifests.py": "package.json, pyproject.toml and their like belong to the repository",
    "pipeline/proof/module_redirects.py": "manifests of the repository",
    "pipeline/proof/node_shadows.py": "package.json and tsconfig.json of the repository",
    "pipeline/proof/package_scripts.py": "package.json of the repository",
    "pipeline/proof/protected_tests.py": "pyproject.toml and Cargo.toml of the repository",
    "pipeline/proof/results/": "reports of test runners",
    "pipeline/repositories/stacks.py": "manifests of the repository",
    "pipeline/repositories/remote_address.py": "named groups of a pattern over what somebody typed",
    "pipeline/replay/file.py": "journals of other installations, of other versions",
    "pipeline/agents/command_policy.py": "named groups of a pattern over what a model wrote",
    "pipeline/agents/context_window.py": "blocks of the Messages form, as providers and models fill them",
    "pipeline/agents/conversation.py": "blocks of the Messages form",
    "pipeline/agents/tool_use.py": "blocks of the Messages form: here they become typed",
    "pipeline/agents/tools.py": "the input that a model gave to a tool",
    "pipeline/agents/submissions/validation.py": "JSON schemas and the details of pydantic's errors",
    "controller/authority.py": "named groups of a pattern over a header",
    "controller/framing.py": "named groups of h11's patterns over a request",
    "controller/guard.py": "the scope and the messages of ASGI",
    "cli/scenario.py": "requests in the Messages form, which a script answers",
    "cli/scripted_model.py": "requests in the Messages form, which a script answers",
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
