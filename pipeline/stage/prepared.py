"""The components of a repository at one commit, ready to be tested: each with its environment, all with one for agents.

Problem: a repository in several pieces has several environments, and an agent has one shell. Choice: the pipeline's own
runs use each component's environment alone; agents get one that shows all of them, with a program, `in-component`, that
runs a command in one component as the pipeline does. A component that cannot be built or whose suite cannot run is absent:
the others are worked on, and only a change that touches it stops. Invariant: one component at the root is told to agents,
and run, without any of this.
"""

import hashlib
import shlex
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from pipeline.change_request import PauseReason
from pipeline.errors import PersonNeeded
from pipeline.ports import Environment, Language, Stack
from pipeline.proof.instrument import NOTHING, Instrument
from pipeline.proof.owners import ROOT, owner_of
from pipeline.repositories.components import Aspect, Component, described, in_pieces

IN_COMPONENT = "in-component"
PROGRAMS = ".programs"
"""Below the directory of an epoch, beside the repositories' trees: no repository is called so."""
_FOR_AGENTS = frozenset({Aspect.SETUP, Aspect.LINT, Aspect.FORMAT, Aspect.TYPECHECK})
_SYSTEM_PATH = "/usr/local/bin:/usr/bin:/bin"
_LOG_MAX_CHARS = 200_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Absence:
    """Why a component cannot be tested here, in the words of the pause that it becomes when a change needs it."""

    root: str
    message: str
    facts: Mapping[str, Any]

    def needed(self, repository: str) -> PersonNeeded:
        """Return the error for a change that touches the component."""
        facts = {**self.facts, "repository": repository, "component": self.root}
        return PersonNeeded(PauseReason.ENVIRONMENT_FAILED, f"{self.root}: {self.message}", **facts)

    def told(self) -> str:
        """Say it to people, before anybody is paid."""
        remedy = f" {self.facts['remedy']}" if self.facts.get("remedy") else ""
        return f"{self.root} cannot be tested here, so a change that touches it will stop: {self.message}{remedy}"


ABSENCES = TypeAdapter(tuple[Absence, ...])


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One component and what it needs to run its tests."""

    component: Component
    environment: Environment

    @property
    def stack(self) -> Stack:
        """Return what it is made of."""
        return self.component.stack

    @property
    def root(self) -> str:
        """Return its folder."""
        return self.component.root


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """All components of a commit. `parts` are those that can be tested, at least one."""

    components: tuple[Component, ...]
    parts: tuple[Part, ...]
    environment: Environment
    """What agents' commands run with, at the root of the repository."""
    absent: tuple[Absence, ...] = ()
    instrument: Instrument = NOTHING
    """What the test commands of all components reach."""

    @property
    def in_pieces(self) -> bool:
        """Whether there is anything but the one component at the root that a repository in one piece has."""
        return in_pieces(self.components)

    @property
    def manifest_hash(self) -> str:
        """Identify the manifests of all components that can be tested."""
        return self.environment.manifest_hash

    @property
    def stacks(self) -> tuple[Stack, ...]:
        """Return what each component is made of, those that cannot be tested included."""
        return tuple(one.stack for one in self.components)

    @property
    def test_patterns(self) -> tuple[str, ...]:
        """Return what counts as a test file of any component."""
        return tuple(dict.fromkeys(pattern for stack in self.stacks for pattern in stack.test_patterns))

    @property
    def manifests(self) -> frozenset[str]:
        """Return the paths that decide the environment of any component."""
        return frozenset(path for stack in self.stacks for path in stack.manifests)

    @property
    def kept(self) -> tuple[str, ...]:
        """Return the paths and globs that the repository keeps from agents."""
        return tuple(dict.fromkeys(glob for one in self.components for glob in one.protected))

    @property
    def notes(self) -> tuple[str, ...]:
        """Return what else the repository's own file says that agents should know, one line each."""
        lines = [
            f"{part.root}: {one.aspect.value}: {one.value}" if self.in_pieces else f"{one.aspect.value}: {one.value}"
            for part in self.parts
            for one in part.component.known
            if one.followed and one.aspect in _FOR_AGENTS
        ]
        return (*lines, *(f"not to be changed: {glob}" for glob in self.kept))

    @property
    def test_command(self) -> str:
        """Return what a person, or an agent in its shell, would type to run everything."""
        if not self.in_pieces:
            return self.parts[0].stack.test_command
        return "; ".join(in_component(part.stack) for part in self.parts)

    @property
    def described(self) -> str:
        """Say in one line what it is made of."""
        return described(self.components)

    def language_of(self, path: str) -> Language:
        """Return the language of the component that a path belongs to, else of the first."""
        return (owner_of(path, self.stacks) or self.stacks[0]).language

    def at(self, roots: Collection[str] | None) -> tuple[Part, ...]:
        """Return the parts at these roots; all for None."""
        return tuple(part for part in self.parts if roots is None or part.root in roots)

    def commanded_as(self, base: "Prepared") -> "Prepared":
        """Return it with the test commands that the base's components have: a change does not decide how it is tested."""
        known = {part.root: part.stack for part in base.parts}

        def as_before(stack: Stack) -> Stack:
            old = known.get(stack.root)
            if old is None or old.language is not stack.language:
                return stack
            return replace(stack, runner=old.runner, test_command=old.test_command, setup=old.setup)

        parts = tuple(
            replace(part, component=replace(part.component, stack=as_before(part.stack))) for part in self.parts
        )
        components = tuple(replace(one, stack=as_before(one.stack)) for one in self.components)
        return replace(self, parts=parts, components=components, instrument=base.instrument)

    def without(self, absent: Iterable[Absence]) -> "Prepared":
        """Return it with components that turned out to be untestable set aside, as long as one is left."""
        gone = {one.root: one for one in absent}
        left = tuple(part for part in self.parts if part.root not in gone)
        told = [one for one in gone.values() if one.root not in {known.root for known in self.absent}]
        return replace(self, parts=left, absent=(*self.absent, *told)) if left else self

    def needs(self, repository: str, roots: Collection[str]) -> None:
        """Raise `PersonNeeded(environment_failed)` where one of these components cannot be tested."""
        for one in self.absent:
            if one.root in roots:
                raise one.needed(repository)


def in_component(stack: Stack) -> str:
    """Return the command that runs a component's suite from the root of the repository."""
    return f"{IN_COMPONENT} {shlex.quote(stack.root)} {_single(stack.test_command)}"


def for_agents(parts: Sequence[Part], programs: Path) -> Environment:
    """Return the environment that shows those of all parts. `programs` is a directory of ours, where `in-component` goes."""
    if len(parts) == 1 and parts[0].root == ROOT:
        return parts[0].environment
    environments = [part.environment for part in parts]
    digest = hashlib.sha256("\0".join(f"{part.root}\0{part.environment.manifest_hash}" for part in parts).encode())
    place = programs / f"{IN_COMPONENT}-{digest.hexdigest()[:16]}"
    _write(place / IN_COMPONENT, _script(parts))
    return Environment(
        manifest_hash=digest.hexdigest(),
        root=environments[0].root,
        read_only=tuple(dict.fromkeys((*(path for one in environments for path in one.read_only), place))),
        path=(place, *dict.fromkeys(path for one in environments for path in one.path)),
        variables=_variables(parts),
        tree_mounts={name: built for one in environments for name, built in one.tree_mounts.items()},
        tree_scratch=tuple(dict.fromkeys(name for one in environments for name in one.tree_scratch)),
        tree_at=next((one.tree_at for one in environments if one.tree_at is not None), None),
        choices=tuple(choice for one in environments for choice in one.choices),
        log="".join(f"# {part.root}\n{part.environment.log}" for part in parts)[-_LOG_MAX_CHARS:],
    )


def _variables(parts: Sequence[Part]) -> dict[str, str]:
    """Return the variables of all; of different values the first component's, and all of their source roots."""
    found: dict[str, str] = {}
    for part in reversed(parts):
        found.update(part.environment.variables)
    said = [(part.root, part.environment.variables.get("PYTHONPATH", "")) for part in parts]
    roots = [
        entry if root == ROOT else f"{root}/{entry}" for root, value in said for entry in value.split(":") if entry
    ]
    return {**found, "PYTHONPATH": ":".join(dict.fromkeys(roots))} if roots else found


def _script(parts: Sequence[Part]) -> str:
    """Write the program: each component with the variables and the search path of its own runs, started in its folder."""
    names = sorted({name for part in parts for name in part.environment.variables})
    lines = [
        "#!/bin/sh",
        "# Runs a command in one component, from the root of the repository: FOLDER COMMAND…",
        "top=$PWD",
    ]
    lines += [f"unset {' '.join(names)}"] if names else []
    lines += ['case "$1" in']
    for part in parts:
        own = part.environment
        path = [f'"$top"/{shlex.quote(str(one.relative_to("/tree")))}' if one.is_relative_to("/tree") else shlex.quote(str(one)) for one in own.path_in(Path("/tree"))]  # fmt: skip
        lines += [f"{shlex.quote(part.root)})"]
        lines += [f"  export {name}={shlex.quote(value)}" for name, value in sorted(own.variables.items())]
        lines += [
            f"  PATH={':'.join([*path, _SYSTEM_PATH])}; export PATH",
            f"  cd -- {shlex.quote(part.root)} || exit 2;;",
        ]
    known = shlex.quote(
        f"{IN_COMPONENT}: the folder of a component comes first: {', '.join(part.root for part in parts)}"
    )
    return "\n".join([*lines, f"*) echo {known} >&2; exit 2;;", "esac", "shift", 'exec "$@"', ""])


def _write(place: Path, text: str) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    place.parent.chmod(0o755)
    fresh = place.with_suffix(".new")
    fresh.write_text(text)
    fresh.chmod(0o755)
    fresh.replace(place)


def _single(command: str) -> str:
    """Return a command as one that a program can start."""
    plain = not set(command) & set(";&|<>()$`\\\"'*?[]#~=%{}!\n")
    return command if plain else f"sh -c {shlex.quote(command)}"
