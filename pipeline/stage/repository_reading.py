"""What the pipeline reads from a repository at one commit: its stack, and what agents are told of it.

Everything comes from the base branch's commit through the cache, never from a tree that an agent could have written.
"""

import asyncio
import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from pipeline.agents.repository_context import RepositoryFacts, conventions_path, repository_context
from pipeline.change_request import RepositoryTarget
from pipeline.ports import ReadFile, Repository, Stack
from pipeline.proof.instrument import Command, Instrument
from pipeline.proof.instrument_search import instrument_of
from pipeline.proof.path_globs import matches_any
from pipeline.proof.protected_tests import configures_tests, is_protected
from pipeline.repositories.component_discovery import find_components
from pipeline.repositories.components import Component
from pipeline.repositories.repository_file import REPOSITORY_FILE, read_repository_file
from pipeline.repositories.stacks import manifest_hash
from pipeline.stage.prepared import Prepared

SAMPLE_MAX_BYTES = 4_000


async def components_at(
    repository: Repository, commit: str, target: RepositoryTarget, *, base: str | None = None
) -> tuple[Component, ...]:
    """Return the components of a commit, outermost first, as the repository's own file says at `base` (the commit itself).

    Raises `CallerError` when there is no suite at all, and for a file that cannot be followed, with its line.
    """
    files = await repository.list_files(commit)
    said = read_repository_file(await repository.read_file(base or commit, REPOSITORY_FILE))
    read = reader_at(repository, commit)
    return await asyncio.to_thread(find_components, files, read, test_command=target.test_command, said=said)


async def instrument_at(repository: Repository, commit: str, components: Sequence[Component]) -> Instrument:
    """Return what the test commands of a commit's components reach, their set-up and the runners' configuration included.

    A repository that says itself what is protected has taken that on: then nothing is told as unread.
    """
    files = await repository.list_files(commit)
    commands = [
        Command(text=text, folder=one.root) for one in components for text in (*one.stack.setup, one.stack.test_command)
    ]
    patterns = tuple(pattern for one in components for pattern in one.stack.test_patterns)
    read = reader_at(repository, commit)
    found = await asyncio.to_thread(
        instrument_of,
        commands,
        files=files,
        read=read,
        is_test=partial(is_protected, patterns=patterns),
        settings=[path for path in files if configures_tests(path)],
    )
    return replace(found, unread=(), exposed=()) if any(one.protected for one in components) else found


@dataclass(frozen=True, slots=True, kw_only=True)
class Composition:
    """The components of a commit, each with the hash of what decides its environment, outermost first."""

    components: tuple[tuple[Component, str], ...]

    @property
    def parts(self) -> tuple[Component, ...]:
        """The components alone."""
        return tuple(component for component, _ in self.components)

    @property
    def manifest_hash(self) -> str:
        """Identify what decides the environments and suites of all components: manifests, and what is said of them."""
        told = [
            (component.root, digest, component.stack.runner, component.stack.test_command, component.stack.setup,
             sorted(component.variables.items()))
            for component, digest in self.components
        ]  # fmt: skip
        return hashlib.sha256(repr(told).encode()).hexdigest()


async def composition_at(repository: Repository, commit: str, target: RepositoryTarget) -> Composition:
    """Return what a commit is composed of. Raises `CallerError` when there is no suite at all."""
    components = await components_at(repository, commit, target)
    read = reader_at(repository, commit)

    def hashed() -> tuple[tuple[Component, str], ...]:
        return tuple((component, manifest_hash(component.stack, read)) for component in components)

    return Composition(components=await asyncio.to_thread(hashed))


async def manifest_hash_at(repository: Repository, commit: str, stack: Stack) -> str:
    """Return the hash of the manifests that decide a component's environment."""
    return await asyncio.to_thread(manifest_hash, stack, reader_at(repository, commit))


async def context_at(
    repository: Repository,
    commit: str,
    target: RepositoryTarget,
    prepared: Prepared,
    *,
    learnings: Sequence[str],
    with_samples: bool,
    tokens_max: int,
) -> str:
    """Return layer 2 of the prompts for a repository; the same bytes for the same commit and learnings."""
    files = await repository.list_files(commit)
    path = conventions_path(files)
    conventions = (path, await text_at(repository, commit, path)) if path else None
    facts = RepositoryFacts(
        name=target.name,
        base_branch=target.base_branch,
        files=files,
        stack=prepared.described,
        test_command=prepared.test_command,
        notes=prepared.notes,
        components=tuple(part.root for part in prepared.parts) if prepared.in_pieces else (),
        conventions=conventions,
        learnings=learnings,
        sample_tests=await _samples(repository, commit, files, prepared.test_patterns) if with_samples else None,
        sample_specs=await _samples(repository, commit, files, ("**/*.feature",)) if with_samples else None,
    )
    return repository_context(facts, tokens_max=tokens_max)


async def text_at(repository: Repository, commit: str, path: str) -> str:
    """Return a file as text, undecodable bytes replaced; empty when it does not exist."""
    return (await repository.read_file(commit, path) or b"").decode(errors="replace")


async def texts_at(repository: Repository, commit: str, paths: Collection[str]) -> dict[str, str]:
    """Return many files as text, as `text_at` does, read at once."""
    found = await repository.read_files(commit, paths)
    return {path: found.get(path, b"").decode(errors="replace") for path in paths}


async def in_the_way(repository: Repository, commit: str, path: str) -> str | None:
    """Return the file or link that stands where a directory of this path has to be; None when nothing does."""
    files = frozenset(await repository.list_files(commit))
    parts = path.split("/")
    above = ("/".join(parts[:number]) for number in range(1, len(parts) + 1))
    return next((place for place in above if place in files), None)


async def _samples(
    repository: Repository, commit: str, files: Sequence[str], patterns: Sequence[str]
) -> Mapping[str, str]:
    """One typical file: the median by name, so that neither a package marker nor the largest file is shown."""
    found = [
        path for path in files if matches_any(path, patterns) and not path.endswith(("__init__.py", "conftest.py"))
    ]
    if not found:
        return {}
    path = found[len(found) // 2]
    return {path: (await text_at(repository, commit, path))[:SAMPLE_MAX_BYTES]}


def reader_at(repository: Repository, commit: str) -> ReadFile:
    """Return what reads a commit's files in another thread while this event loop runs."""
    loop = asyncio.get_running_loop()

    def read(path: str) -> bytes | None:
        return asyncio.run_coroutine_threadsafe(repository.read_file(commit, path), loop).result()

    return read
