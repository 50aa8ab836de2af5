"""What the code writer put before the runner, the library or the repository's own code, asked of a repository's commits."""

import asyncio
import posixpath
from collections.abc import Mapping, Sequence

from pipeline.coding.test_writing import CodingGround
from pipeline.ports import Language
from pipeline.proof import shadows
from pipeline.proof.installed_modules import installed_modules
from pipeline.proof.manifests import added_dependencies
from pipeline.proof.protected_tests import Tampering
from pipeline.repositories.components import source_places
from pipeline.repositories.python_roots import pytest_roots
from pipeline.stage.prepared import Part
from pipeline.stage.repository_reading import reader_at, texts_at
from pipeline.stage.run import StageRun


async def shadows_of(run: StageRun, ground: CodingGround, tests: str, head: str) -> list[Tampering]:
    """Compare what changed from the tests commit to a head with what the tests commit, its settings and environments have."""
    repository = run.context.repositories[run.name]
    changed = await repository.changed_files(tests, head)
    paths = await repository.list_files(tests)
    parts = [part for part in ground.prepared.parts if part.stack.language in {Language.PYTHON, Language.C}]
    read = reader_at(repository, tests)
    roots = await asyncio.to_thread(lambda: {*pytest_roots(paths, read), *_of_environments(parts)}) if parts else set()
    installed = await asyncio.to_thread(
        lambda: {name for part in parts for name in installed_modules(part.environment)}
    )
    if not installed:
        named = {path for part in parts for path in part.stack.manifests}
        installed = _declared(await texts_at(repository, tests, named))
    return shadows.shadows(
        shadows.Ground(
            changed=changed,
            paths=paths,
            places=source_places(ground.prepared.components),
            patterns=ground.prepared.test_patterns,
            import_roots=roots,
            installed=installed,
            before=await texts_at(repository, tests, shadows.texts_before(changed, paths)),
            after=await texts_at(repository, head, shadows.texts_after(changed)),
        )
    )


def _declared(manifests: Mapping[str, str]) -> set[str]:
    """Return the modules that manifests speak of, where an environment does not show what it holds."""
    names = {name for path, text in manifests.items() for name in added_dependencies(path, "", text)}
    return {name.replace("-", "_").replace(".", "_") for name in names}


def _of_environments(parts: Sequence[Part]) -> set[str]:
    """Return the folders that the environments' own settings put on the path, beside the source roots."""
    found = set()
    for part in parts:
        for entry in part.environment.variables.get("PYTHONPATH", "").split(":"):
            place = posixpath.normpath(posixpath.join(part.root, entry)) if entry else ""
            if place and not place.startswith(("/", "..")):
                found.add(place)
    return found - {root for part in parts for root in part.stack.source_roots}
