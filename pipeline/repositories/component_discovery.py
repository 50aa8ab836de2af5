"""The components of a repository at a commit: what an administrator and the repository say of them, and what the files show.

Problem: several places say how a repository is tested, and they may contradict one another. Choice: the strongest word wins, in
the order of `Source`: what was registered, the repository's own file, the commands for agents where the files leave it to a
guess, the files. Pure: the same inputs give the same answer, and nothing is executed. Invariants: where no folder below the
root is a component, the answer is `stacks.detect`'s; every fact keeps who said it, and where.
"""

import posixpath
from collections.abc import Iterator, Sequence
from dataclasses import replace

from pipeline.errors import CallerError
from pipeline.ports import Stack
from pipeline.proof.owners import ROOT, contains
from pipeline.repositories import stacks
from pipeline.repositories.component_folders import (
    below,
    installed_here,
    moved,
    node_packages,
    reader_below,
    with_shared_sources,
)
from pipeline.repositories.component_links import linked
from pipeline.repositories.components import Aspect, Component, Known, Origin, Source
from pipeline.repositories.node_builds import builds_before
from pipeline.repositories.repository_file import REPOSITORY_FILE, RepositoryFile, SaidFile
from pipeline.repositories.repository_hints import AGENTS_FILE, commands_for_agents, said_elsewhere
from pipeline.repositories.stacks import Candidate, Read

_NEEDS = {
    "make": ("Makefile", "makefile", "GNUmakefile"), "just": ("justfile", "Justfile", ".justfile"), "tox": ("tox.ini", "tox.toml", "pyproject.toml", "setup.cfg"),
    "task": ("Taskfile.yml", "Taskfile.yaml"), "rake": ("Rakefile",), "composer": ("composer.json",), "nox": ("noxfile.py",),
    **dict.fromkeys(("npm", "pnpm", "yarn", "bun", "npx"), ("package.json",)),
}  # fmt: skip
COMPONENTS_MAX = 30
"""A repository with more is run as a whole, unless it says which components count."""


def find_components(
    files: Sequence[str], read: Read, *, test_command: str | None, said: SaidFile | None = None
) -> tuple[Component, ...]:
    """Return the components of a commit, outermost first. Raises `CallerError` when there is none, or none as `said`.

    A registered `test_command` is the repository's whole suite, so it makes one component of it; `said` is the repository's
    own file, which tells the rest.
    """
    registered = test_command.strip() if test_command is not None else ""
    told = said.content if said is not None else RepositoryFile()
    followed: Known | None = None
    if registered or told.commands.test is not None or told.runner is not None:
        stack = stacks.detect(files, read, test_command=registered or told.commands.test)
        found = [stack if registered or told.runner is None else replace(stack, runner=told.runner)]
    elif told.components and said is not None:
        own = stacks.own_files(files)
        found = with_shared_sources(list(_stated(said, own, read)), own, read)
    else:
        found, followed = _found_by_files(files, read)
    ordered = sorted(found, key=lambda one: (one.root != ROOT, one.root))
    found_components = [
        Component(stack=_built_first(stack, ordered, files, read), depends_on=uses)
        for stack, uses in linked(ordered, read)
    ]
    stated = Origin(source=Source.REGISTERED) if registered else (followed.origin if followed else None)
    shown = tuple(one for one in said_elsewhere(files, read) if followed is None or one.origin != followed.origin)
    first, *others = [
        replace(one, known=_known(one.stack, files, stated))
        if said is None
        else _with_what_is_said(one, said, files, stated)
        for one in found_components
    ]
    return (replace(first, known=(*first.known, *shown)), *others)


def _built_first(stack: Stack, all_found: Sequence[Stack], files: Sequence[str], read: Read) -> Stack:
    inner = [one.root for one in all_found if one.root != stack.root and contains(stack.root, one.root)]
    return replace(stack, setup=builds_before(stack, files, read, code=stacks.own_files(files), inner=inner))


def _found_by_files(files: Sequence[str], read: Read) -> tuple[list[Stack], Known | None]:
    """Return what the files show; where they leave it to a guess, the test command of `AGENTS.md` counts, and is returned."""
    own = stacks.own_files(files)
    said = commands_for_agents((read(AGENTS_FILE) or b"").decode(errors="replace")) if AGENTS_FILE in files else []
    command = next((one for one in said if one.aspect is Aspect.TEST and _can_be_run(one.value, files)), None)
    try:
        found = _discovered(files, read)
    except CallerError:
        if command is None:
            raise
        found = []
    if command is None or [one.root for one in found] not in ([], [ROOT]):
        return found, None
    candidate = stacks.candidate(found[0].language, own, read) if found else None
    if candidate is not None and candidate.stated:
        return found, None
    return [stacks.detect(files, read, test_command=command.value)], replace(command, followed=True)


def _can_be_run(command: str, files: Sequence[str]) -> bool:
    """Whether what a task runner needs is there; what people write down outlives it."""
    return not (needed := _NEEDS.get(command.split(" ", maxsplit=1)[0])) or bool(set(needed) & set(files))


def _discovered(files: Sequence[str], read: Read) -> list[Stack]:
    found = below(stacks.own_files(files), read)
    if not found or len(found) > COMPONENTS_MAX or [one.root for one in found] == [ROOT]:
        try:
            return [stacks.detect(files, read, test_command=None)]
        except CallerError:
            if not found:
                raise
    return with_shared_sources(found, stacks.own_files(files), read)


def _stated(said: SaidFile, files: Sequence[str], read: Read) -> Iterator[Stack]:
    """Yield the components that the repository lists, with what it leaves to the files found by them."""
    discovered = {one.root: one for one in below(files, read)}
    entries = said.content.components
    for number, entry in enumerate(entries):
        stack = discovered.get(entry.root)
        other_language = stack is not None and entry.language not in {None, stack.language}
        if stack is None or other_language or entry.commands.test is not None:
            stack = _built(said, number, files, read, stack)
        inner = (one.root for one in entries if one.root != entry.root and contains(entry.root, one.root))
        yield replace(stack, runner=entry.runner or stack.runner, leaves_out=tuple(inner))


def _built(said: SaidFile, number: int, files: Sequence[str], read: Read, known: Stack | None) -> Stack:
    """Make the stack of a listed component from its folder, its language and its test command."""
    entry = said.content.components[number]
    at_root = entry.root == ROOT
    within = [path if at_root else path.removeprefix(f"{entry.root}/") for path in files if contains(entry.root, path)]
    reader = read if at_root else reader_below(read, entry.root)
    line = said.line("components", number, "root")
    if not within:
        raise _unusable(line, entry.root, "there is no such folder", "Correct the root.")
    command = entry.commands.test
    found = stacks.candidate(entry.language, within, reader) if entry.language and command is None else None
    if entry.language and command is not None:
        asked = stacks.detect(within, reader, test_command=command)
        runner = asked.runner if asked.language is entry.language else "command"
        found = Candidate(entry.language, runner, command, 0)
    if entry.language and found is None:
        raise _unusable(line, entry.root, "no suite was found there", "Say its commands.test.")
    try:
        stack = stacks.stack_of(found, within, reader) if found else stacks.detect(within, reader, test_command=command)
    except CallerError as refused:
        raise _unusable(line, entry.root, "no suite was found there", "Say its commands.test.") from refused
    stack = stack if at_root else moved(stack, entry.root)
    if known is not None and known.language is stack.language:
        return replace(stack, installed_at=known.installed_at, manifests=known.manifests)
    return stack if at_root else installed_here(stack, files, node_packages(files, read))


def _unusable(line: int | None, root: str, problem: str, remedy: str) -> CallerError:
    return CallerError(
        f"{REPOSITORY_FILE}:{line}: {root}: {problem}.",
        field=REPOSITORY_FILE,
        remedy=f"{remedy} The file is read from the base branch.",
    )


def _with_what_is_said(component: Component, said: SaidFile, files: Sequence[str], command: Origin | None) -> Component:
    """Put in what the repository's file says of a component, each fact with its line. `command`: who else said the command."""
    told, stack = said.content, component.stack
    overruled = command is not None and command.source is Source.REGISTERED
    at = next((at for at, one in enumerate(told.components) if one.root == component.root and not overruled), None)
    entry = told.components[at] if at is not None else None
    place: tuple[object, ...] = () if at is None else ("components", at)
    commands = entry.commands if entry else told.commands
    variables: dict[str, tuple[str, tuple[object, ...]]] = {
        name: (text, ("environment", name)) for name, text in told.environment.items()
    }
    variables |= {
        name: (text, (*place, "environment", name)) for name, text in (entry.environment if entry else {}).items()
    }
    setup: list[tuple[str, tuple[object, ...]]] = [(text, ("setup", number)) for number, text in enumerate(told.setup)]
    setup += [(text, (*place, "setup", number)) for number, text in enumerate(entry.setup if entry else ())]
    uses = entry.depends_on if entry else ()

    def stated(aspect: Aspect, value: str, *where: object, followed: bool = True) -> Known:
        origin = Origin(source=Source.REPOSITORY_FILE, path=REPOSITORY_FILE, line=said.line(*where))
        return Known(aspect=aspect, value=value, origin=origin, followed=followed)

    known = {one.aspect: one for one in _known(replace(stack, setup=()), files, command)}
    if entry is not None:
        known[Aspect.ROOT] = stated(Aspect.ROOT, component.root, *place, "root")
        if entry.language is not None:
            known[Aspect.LANGUAGE] = stated(Aspect.LANGUAGE, stack.language.value, *place, "language")
    if (entry.runner if entry else told.runner) is not None and not overruled:
        known[Aspect.RUNNER] = stated(Aspect.RUNNER, stack.runner, *place, "runner")
    if commands.test is not None and not overruled:
        known[Aspect.TEST] = stated(Aspect.TEST, commands.test, *place, "commands", "test")
    others = ((Aspect.LINT, commands.lint), (Aspect.FORMAT, commands.format), (Aspect.TYPECHECK, commands.typecheck))
    return replace(
        component,
        stack=replace(stack, setup=tuple(text for text, _ in setup) or stack.setup),
        depends_on=tuple(sorted({*component.depends_on, *uses})),
        variables={name: text for name, (text, _) in variables.items()},
        protected=told.protected,
        known=(
            *known.values(),
            *(
                stated(Aspect.TEST, text, "commands", "test", followed=False)
                for text in (commands.test,)
                if text and overruled
            ),
            *(stated(aspect, text, *place, "commands", aspect.value) for aspect, text in others if text),
            *((stated(Aspect.SETUP, text, *where) for text, where in setup) if setup else _detected_setup(stack)),
            *(stated(Aspect.VARIABLE, f"{name}={text}", *where) for name, (text, where) in variables.items()),
            *(stated(Aspect.DEPENDS_ON, root, *place, "depends_on") for root in uses),
            *(stated(Aspect.PROTECTED, glob, "protected", number) for number, glob in enumerate(told.protected)),
        ),
    )


def _known(stack: Stack, files: Sequence[str], stated: Origin | None) -> tuple[Known, ...]:
    folder = "" if stack.root == ROOT else stack.root
    manifest = next((path for path in stack.manifests if posixpath.dirname(path) == folder), "")
    found = Origin(source=Source.DETECTED, path=manifest if manifest in files else "")
    return (
        Known(aspect=Aspect.ROOT, value=stack.root, origin=found),
        Known(aspect=Aspect.LANGUAGE, value=stack.language.value, origin=found),
        Known(aspect=Aspect.RUNNER, value=stack.runner, origin=stated or found),
        Known(aspect=Aspect.TEST, value=stack.test_command, origin=stated or found),
        *_detected_setup(stack),
    )


def _detected_setup(stack: Stack) -> Iterator[Known]:
    return (Known(aspect=Aspect.SETUP, value=text, origin=Origin(source=Source.DETECTED)) for text in stack.setup)
