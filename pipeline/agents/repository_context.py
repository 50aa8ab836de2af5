"""Layer 2 of a prompt: what an agent should know of a repository before it looks around itself.

Problem: too little and every agent explores the same tree again; too much and the context is paid for in each turn.
Choice: a fixed order of sections, each with its share of one token cap; what does not fit is cut at a line and the cut
is said. Everything read from the repository is marked untrusted, also its conventions file: it says how to write code
there, never what to do. Invariant: the same inputs give the same bytes, and the result stays below the cap.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pipeline.agents import fences

CONVENTION_FILES = ("AGENTS.md", "CLAUDE.md", "COPILOT.md", "CONTRIBUTING.md")
"""In order of preference; the first that the base branch holds counts."""

_IN_COMPONENT = (
    "From the root of the repository, `in-component FOLDER COMMAND` runs a command in a component's folder with its "
    "environment. A test belongs into the folder of the component that it tests."
)
_TREE_LEVELS = 3
_BYTES_PER_TOKEN = 3
"""Low on purpose: code and tables need more tokens per byte than prose, and the cap must hold."""
_USEFUL_BYTES = 200
_RESERVED_BYTES = 80
"""For the closing line that says what was left out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RepositoryFacts:
    """What is known of one repository at its base commit."""

    name: str
    base_branch: str
    files: Sequence[str]
    """All paths of the base commit."""
    stack: str
    """For example `python, pytest`."""
    test_command: str
    components: Sequence[str] = ()
    """Folders of the components of a repository in several pieces."""
    notes: Sequence[str] = ()
    """What the repository says in its own file that agents should know, such as how it is linted."""
    conventions: tuple[str, str] | None = None
    """Path and text of the conventions file, read from the base branch."""
    learnings: Sequence[str] = ()
    """Approved by a person, newest first."""
    sample_tests: Mapping[str, str] | None = None
    """Path to text; for roles that write tests or specs."""
    sample_specs: Mapping[str, str] | None = None
    """Path to text of existing `.feature` files; for the spec writer."""


def conventions_path(files: Sequence[str]) -> str | None:
    """Return which conventions file to read, None when the repository has none."""
    present = set(files)
    return next((name for name in CONVENTION_FILES if name in present), None)


def repository_context(facts: RepositoryFacts, *, tokens_max: int) -> str:
    """Return layer 2 for one repository, at most `tokens_max` tokens by a cautious estimate."""
    head = (facts.name, facts.base_branch, facts.stack, facts.test_command)
    sections = ["# Repository {}\n\nBase branch: {}\nStack: {}\nTest command: `{}`".format(*map(fences.fact, head))]
    if facts.components:
        listed = ", ".join(f"`{fences.fact(one)}`" for one in facts.components)
        sections[0] += f"\n\nIt has components, each with its own environment: {listed}. {_IN_COMPONENT}"
    cap = tokens_max * _BYTES_PER_TOKEN
    left = cap - _bytes(sections[0]) - _RESERVED_BYTES
    omitted: list[str] = []
    for heading, label, text, share in _parts(facts):
        frame = f"## {heading}\n\n"
        room = min(left, int(cap * share)) - _bytes(frame + fences.untrusted(label, "")) - 2
        if room < _USEFUL_BYTES:
            omitted.append(label)
            continue
        sections.append(frame + fences.untrusted(label, _cut(fences.readable(text), room)))
        left -= _bytes(sections[-1]) + 2
    if omitted:
        sections.append(f"Left out for lack of space: {len(omitted)} more, look for yourself.")
    return "\n\n".join(sections) + "\n"


def _parts(facts: RepositoryFacts) -> list[tuple[str, str, str, float]]:
    """Heading, label, text and the largest share of the cap, in the order of their importance."""
    parts: list[tuple[str, str, str, float]] = []
    if facts.notes:
        parts.append(("What the repository says of itself", "repository file", "\n".join(facts.notes), 0.1))
    if facts.conventions:
        path, text = facts.conventions
        parts.append((f"Conventions ({path})", f"conventions file {path}", text, 0.4))
    if facts.learnings:
        learned = "\n".join(f"- {' '.join(one.split())}" for one in facts.learnings)
        parts.append(("Learnings from earlier changes", "learnings", learned, 0.15))
    parts.append((f"Files ({_TREE_LEVELS} levels)", "file tree", _tree(facts.files), 0.2))
    samples = (("Existing tests", facts.sample_tests), ("Existing behaviour specs", facts.sample_specs))
    for heading, files in samples:
        for path, text in (files or {}).items():
            parts.append((f"{heading}: sample", f"file {path}", text, 0.15))
    return parts


def _tree(files: Sequence[str]) -> str:
    lines: list[str] = []
    hidden: dict[str, int] = {}
    for path in sorted(files):
        parts = path.split("/")
        if len(parts) <= _TREE_LEVELS:
            lines.append(path)
            continue
        folder = "/".join(parts[:_TREE_LEVELS]) + "/"
        if folder not in hidden:
            lines.append(folder)
        hidden[folder] = hidden.get(folder, 0) + 1
    return "\n".join(f"{line} ({_files(hidden[line])})" if line in hidden else line for line in lines)


def _files(count: int) -> str:
    return "1 file" if count == 1 else f"{count} files"


def _cut(text: str, bytes_max: int) -> str:
    """Keep whole lines from the start; say how many lines are left out."""
    if _bytes(text) <= bytes_max:
        return text
    lines = text.split("\n")
    note = f"[cut here: {len(lines)} of {len(lines)} lines left out]"
    kept: list[str] = []
    room = bytes_max - _bytes(note) - 1
    for line in lines:
        room -= _bytes(line) + 1
        if room < 0:
            break
        kept.append(line)
    return "\n".join([*kept, f"[cut here: {len(lines) - len(kept)} of {len(lines)} lines left out]"])


def _bytes(text: str) -> int:
    return len(text.encode())
