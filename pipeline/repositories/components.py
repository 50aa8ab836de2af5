"""The components of a repository: the parts that are installed and tested each on their own, and where each fact came from.

Problem: a front end beside an API, services in folders and packages of a workspace have a language, an environment and a
test runner each, and one answer for the whole repository is wrong for all but one of them. Choice: a repository has one or
more components, each with a root folder; a file belongs to the deepest root that contains it, to one of its own language
where there is one. Invariants: roots are folders of the repository, each component has its own, and a repository that is
one piece has one component at `.`, whose facts are those that `stacks.detect` finds.
"""

import shlex
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from pipeline.ports import Stack
from pipeline.proof.component_sources import SourcePlace
from pipeline.proof.owners import ROOT, owner_of
from pipeline.repositories.stacks import module_names


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
    variables: Mapping[str, str] = field(default_factory=dict)
    """What the repository sets for its tests and for agents' commands."""
    protected: tuple[str, ...] = ()
    """Paths and globs of the repository that agents may not change."""
    known: tuple[Known, ...] = ()
    """What was found and where, in the order in which it is shown."""

    @property
    def root(self) -> str:
        """Return the folder that the component lies in."""
        return self.stack.root


def in_pieces(components: Sequence[Component]) -> bool:
    """Whether there is anything but the one component at the root that a repository in one piece has."""
    return [one.root for one in components] != [ROOT]


def described(components: Sequence[Component]) -> str:
    """Say in one line what a repository is made of."""
    kinds = [(one.root, f"{one.stack.language.value}, {one.stack.runner}") for one in components]
    return "; ".join(f"{root}: {kind}" if in_pieces(components) else kind for root, kind in kinds)


def test_command_of(components: Sequence[Component]) -> str:
    """Return what a person would type at the root of the repository to run everything."""
    if not in_pieces(components):
        return components[0].stack.test_command
    return "; ".join(f"(cd {shlex.quote(one.root)} && {one.stack.test_command})" for one in components)


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


def source_places(components: Sequence[Component]) -> tuple[SourcePlace, ...]:
    """Return what the judge of tests knows of each component."""
    return tuple(_place(one, components) for one in components)


def own_modules(root: str, components: Sequence[Component], files: Sequence[str]) -> frozenset[str]:
    """Return the modules that count as the repository's own for a component's tests."""
    return frozenset(name for stack in _readable(root, components) for name in module_names(stack, files))


def _place(component: Component, components: Sequence[Component]) -> SourcePlace:
    stacks = _readable(component.root, components)
    return SourcePlace(
        root=component.root,
        language=component.stack.language,
        source_roots=tuple(dict.fromkeys(root for stack in stacks for root in stack.source_roots)),
        reads=tuple(stack.root for stack in stacks),
    )


def _readable(root: str, components: Sequence[Component]) -> list[Stack]:
    """Return the stacks whose sources a component's tests may be about: its own first, and those of its language that it uses."""
    reached = with_dependencies(root, components)
    own = next(one.stack for one in components if one.root == root)
    others = [one.stack for one in components if one.root in reached - {root} and one.stack.language is own.language]
    return [own, *others]
