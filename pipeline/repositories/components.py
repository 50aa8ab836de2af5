"""The components of a repository: the parts that are installed and tested each on their own, and where each fact came from.

Problem: a front end beside an API, services in folders and packages of a workspace have a language, an environment and a
test runner each, and one answer for the whole repository is wrong for all but one of them. Choice: a repository has one or
more components, each with a root folder; a file belongs to the deepest root that contains it, to one of its own language
where there is one. Invariants: roots are folders of the repository, each component has its own, and a repository that is
one piece has one component at `.`, whose facts are those that `stacks.detect` finds.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from pipeline.ports import Stack
from pipeline.proof.symbols import is_source

ROOT = "."


class Source(StrEnum):
    """Who says something about a repository, the strongest word first."""

    REGISTERED = "registered"
    """An administrator, when the repository was registered."""
    REPOSITORY_FILE = "repository_file"
    """`.changeline/repository.yaml` of the base branch."""
    AGENTS_FILE = "agents_file"
    """Commands in `AGENTS.md`."""
    DEVCONTAINER = "devcontainer"
    """Lifecycle commands of `devcontainer.json`."""
    AGENT_SETUP = "agent_setup"
    """Setup steps for coding agents in `.github/workflows/copilot-setup-steps.yml`."""
    TOOL_VERSIONS = "tool_versions"
    """`.tool-versions`, `mise.toml`, `.nvmrc` and the like."""
    DETECTED = "detected"
    """The manifests and file names."""
    WORKFLOW = "workflow"
    """A CI workflow: a hint that is shown and never followed."""


class Aspect(StrEnum):
    """What is said."""

    ROOT = "root"
    LANGUAGE = "language"
    RUNNER = "runner"
    TEST = "test"
    SETUP = "setup"
    LINT = "lint"
    FORMAT = "format"
    TYPECHECK = "typecheck"
    VARIABLE = "variable"
    PROTECTED = "protected"
    DEPENDS_ON = "depends_on"
    VERSION = "version"


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where a value came from: who says it, in which file, on which line."""

    source: Source
    path: str = ""
    line: int | None = None

    def __str__(self) -> str:
        """Name the place for people."""
        match self.source:
            case Source.REGISTERED:
                return "registered with the repository"
            case Source.DETECTED:
                return f"found by {self.path}" if self.path else "found by the files"
            case _:
                return self.path if self.line is None else f"{self.path}:{self.line}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """One thing that is known of a component or of the whole repository, as people are shown it."""

    aspect: Aspect
    value: str
    origin: Origin
    followed: bool = True
    """False: shown as a hint, or overruled by a stronger source."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Component:
    """A part of a repository with a suite of its own."""

    stack: Stack
    depends_on: tuple[str, ...] = ()
    """Roots of the components whose code this one uses, not those that they use in turn."""
    known: tuple[Known, ...] = ()
    """What was found and where, in the order in which it is shown."""

    @property
    def root(self) -> str:
        """Return the folder that the component lies in."""
        return self.stack.root


def contains(root: str, path: str) -> bool:
    """Whether a path lies in a folder of the repository."""
    return root in {ROOT, path} or path.startswith(f"{root}/")


def owner_of(path: str, stacks: Iterable[Stack]) -> Stack | None:
    """Return the stack that a file belongs to: the deepest one of its language around it, else the deepest one around it."""
    around = sorted((one for one in stacks if contains(one.root, path)), key=_depth, reverse=True)
    speaking = (one for one in around if is_source(one.language, path))
    return next(speaking, next(iter(around), None))


def touched_by(paths: Iterable[str], components: Sequence[Component]) -> frozenset[str]:
    """Return the roots of the components that a change of these paths may change the behaviour of, by their own files."""
    stacks = [one.stack for one in components]
    changed = list(paths)
    owners = {owner.root for path in changed if (owner := owner_of(path, stacks)) is not None}
    installed = {one.root for one in components if set(one.stack.manifests) & set(changed)}
    return frozenset(owners | installed)


def with_dependents(roots: Collection[str], components: Sequence[Component]) -> frozenset[str]:
    """Return these roots and those of all components that depend on them, directly or not."""
    found = set(roots)
    while more := {one.root for one in components if one.root not in found and found & set(one.depends_on)}:
        found |= more
    return frozenset(found)


def with_dependencies(root: str, components: Sequence[Component]) -> frozenset[str]:
    """Return this root and those of all components that it depends on, directly or not."""
    known = {one.root: one.depends_on for one in components}
    found, waiting = {root}, [root]
    while waiting:
        new = set(known.get(waiting.pop(), ())) - found
        found |= new
        waiting.extend(new)
    return frozenset(found)


def _depth(stack: Stack) -> int:
    return 0 if stack.root == ROOT else stack.root.count("/") + 1
