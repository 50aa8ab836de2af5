"""What each turn of an agent changed, kept for people.

Problem: a turn's snapshot is a commit in the cache of one machine: cleanup drops its ref, a restored backup or another
machine never had it. Choice: the difference itself is stored beside the journal, before the entry that names the snapshot, under
the turn's name, so that a turn that runs again after a crash replaces what it had left. Invariants: nothing that decides reads
it; it is shown only for the two commits that it is between; what has the shape of a secret is masked; a patch is never larger
than `PATCH_MAX_BYTES`.
"""

import asyncio
from collections.abc import Callable
from dataclasses import asdict, dataclass

from pydantic import TypeAdapter

from pipeline.ports import ChangedFile, JournalKey, Repository
from pipeline.ports.records import ArtifactStore
from pipeline.proof.secret_shapes import redacted_lines
from pipeline.stage.artifacts import Artifact

PATCH_MAX_BYTES = 1_000_000
LINES_MAX = 50_000
"""Of a difference that is read at all; beyond it only the list of files is kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnDiff:
    """What differs between two snapshots. `patch` is unified; `truncated` says that not all of it was kept."""

    before: str
    after: str
    files: tuple[ChangedFile, ...]
    patch: str
    truncated: bool


TURN_DIFF = Artifact("turn_diff", TypeAdapter(TurnDiff))


def name_of(key: JournalKey, turn: int | None) -> str:
    """Return the name under which a turn's difference is kept; None is the whole conversation."""
    return f"{key.attempt}/{key.activation}/{key.role}/{key.instance}/{'all' if turn is None else turn}"


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnDiffs:
    """Keeps the differences of one change request's turns."""

    artifacts: ArtifactStore
    repository: Callable[[str], Repository]

    async def keep(self, name: str, key: JournalKey, turn: int | None, before: str, after: str) -> None:
        """Keep what a turn, or a whole conversation, changed in a repository. Safe to repeat."""
        found = await _difference(self.repository(name), before, after)
        await TURN_DIFF.save(self.artifacts, name_of(key, turn), found, {"repository": name})


async def _difference(repository: Repository, before: str, after: str) -> TurnDiff:
    files = [_readable(file) for file in await repository.changed_files(before, after)]
    if sum(file.added + file.removed for file in files) > LINES_MAX:
        return TurnDiff(before=before, after=after, files=tuple(files), patch="", truncated=True)
    whole = await asyncio.to_thread(redacted_lines, await repository.diff(before, after))
    cut = whole.encode()[:PATCH_MAX_BYTES].decode(errors="ignore")
    return TurnDiff(before=before, after=after, files=tuple(files), patch=cut, truncated=len(cut) < len(whole))


def _readable(file: ChangedFile) -> ChangedFile:
    """Return a file whose paths can be written as JSON; bytes that are not UTF-8 are replaced."""
    paths = {name: path and path.encode(errors="surrogateescape").decode(errors="replace")
             for name, path in (("path", file.path), ("old_path", file.old_path))}  # fmt: skip
    return ChangedFile(**{**asdict(file), **paths})
