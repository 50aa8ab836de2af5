"""What a finished change request left behind, and how it differs from one that nobody disturbed.

Everything that the outside or a person can see has to be equal and there once. The ledger may hold more calls: those
that were under way when a worker was lost, and were asked again by its successor. And for each lost worker that was still
alive when everything was cleaned up, its snapshots are deleted once more; that changes nothing anyone sees.
"""

import subprocess
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from chaos.installation import Installation

TOGETHER_MAX = 3
"""So many agents ask side by side at most, in this sample."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """Facts of one change request, without ids and times."""

    status: str
    repository: dict[str, Any]
    """Merged tree, commits on `main` and on the merged branch, refs, what `git status` says."""
    effects: list[tuple[str, str]]
    """(kind, status)."""
    records: dict[str, int]
    """How many gates, pull requests, learnings, specs, test runs and stage results there are, by kind."""
    announced: dict[str, int]
    """Events that people and programs act on, each of which must come once."""
    calls: dict[str, int]
    """Model calls in the ledger by role."""
    leftovers: list[str]
    """Open reservations, private refs, worktrees: must be empty."""
    lost_workers: int

    def problems(self, undisturbed: "Outcome") -> list[str]:
        """Return what was lost, doubled or diverged; one line each."""
        found = [
            difference
            for name in ("status", "repository", "effects", "records", "announced")
            for difference in _differences(name, getattr(self, name), getattr(undisturbed, name))
        ]
        found += [f"left over: {one}" for one in self.leftovers]
        missing = Counter(undisturbed.calls) - Counter(self.calls)
        if missing:
            found.append(f"model calls missing from the ledger: {dict(missing)}")
        repeated, in_flight = self.repeated(undisturbed), TOGETHER_MAX * self.lost_workers
        if repeated > in_flight:
            found.append(f"{repeated} model calls repeated, but at most {in_flight} were in flight")
        return found

    def repeated(self, undisturbed: "Outcome") -> int:
        """Return how many model calls were asked again."""
        return (Counter(self.calls) - Counter(undisturbed.calls)).total()


def _differences(name: str, ours: Any, theirs: Any) -> list[str]:
    if isinstance(ours, dict):
        return [one for key in sorted({*ours, *theirs}) for one in _differences(key, ours.get(key), theirs.get(key))]
    return [f"{name}: {ours} instead of {theirs}"] if ours != theirs else []


def outcome(installed: Installation, cr_id: str, repository: Path) -> Outcome:
    """Read everything that is compared."""
    with psycopg.connect(str(installed.urls.superuser)) as connection:
        read = _Reader(connection, cr_id)
        return Outcome(
            status=read.words("SELECT status || coalesce(' ' || pause_reason, '') FROM change_requests WHERE id = %s")[
                0
            ],
            repository=_repository(repository),
            effects=sorted((one[0], one[1]) for one in read.rows(_EFFECTS)),
            records=read.counted(_RECORDS),
            announced=read.counted(_ANNOUNCED),
            calls=read.counted("SELECT role, count(*) FROM model_calls WHERE cr_id = %s GROUP BY 1"),
            leftovers=[*read.words(_OPEN), *_private(installed, cr_id)],
            lost_workers=len(read.rows("SELECT 1 FROM events WHERE type = 'worker_lost' AND cr_id = %s")),
        )


_EFFECTS = "SELECT kind, status FROM effects WHERE cr_id = %s AND key NOT LIKE '%%/after/%%'"
_OPEN = "SELECT 'reservation ' || key FROM model_calls WHERE status = 'reserved' AND cr_id = %s"
_RECORDS = """
SELECT 'gate ' || kind || ' ' || status, count(*) FROM gates WHERE cr_id = %(cr)s GROUP BY 1
UNION ALL SELECT 'pull request ' || status, count(*) FROM pull_requests WHERE cr_id = %(cr)s GROUP BY 1
UNION ALL SELECT 'learning', count(*) FROM learnings WHERE cr_id = %(cr)s
UNION ALL SELECT 'spec', count(*) FROM spec_revisions WHERE cr_id = %(cr)s
UNION ALL SELECT 'test run ' || purpose, count(*) FROM test_runs WHERE cr_id = %(cr)s GROUP BY 1
UNION ALL SELECT 'result ' || stage, count(*) FROM stage_results WHERE valid AND cr_id = %(cr)s GROUP BY 1
UNION ALL SELECT 'artifact ' || kind, count(*) FROM artifacts WHERE cr_id = %(cr)s GROUP BY 1
"""
_ANNOUNCED = """
SELECT type || coalesce(' ' || (payload->>'kind'), '') || coalesce(' ' || (payload->>'stage'), ''), count(*) FROM events
WHERE cr_id = %(cr)s AND type IN ('gate_opened', 'gate_decided', 'effect_recorded')
AND coalesce(payload->>'effect_id' NOT IN (SELECT id::text FROM effects WHERE cr_id = %(cr)s AND key LIKE '%%/after/%%'), true)
OR cr_id = %(cr)s AND type = 'stage_completed' AND payload->>'outcome' IN ('passed', 'sent_back') GROUP BY 1
UNION ALL SELECT 'status ' || (payload->>'status'), count(*) FROM events
WHERE cr_id = %(cr)s AND type = 'status_changed' AND payload->>'status' IN ('waiting', 'completed', 'paused') GROUP BY 1
"""


class _Reader:
    def __init__(self, connection: "psycopg.Connection[Any]", cr_id: str) -> None:
        self._connection = connection
        self._cr_id = cr_id

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        given: Any = {"cr": self._cr_id} if "%(cr)s" in query else (self._cr_id,)
        return self._connection.execute(query.encode(), given).fetchall()

    def words(self, query: str) -> list[str]:
        return [str(row[0]) for row in self.rows(query)]

    def counted(self, query: str) -> dict[str, int]:
        return {str(name): int(count) for name, count in sorted(self.rows(query))}


_SHOWN = "refs/changeline/shown/"


def _repository(path: Path) -> dict[str, Any]:
    def git(*arguments: str) -> list[str]:
        argv = ["git", "-C", str(path), *arguments]
        return subprocess.run(argv, capture_output=True, text=True, check=True).stdout.splitlines()

    merged = len(git("rev-list", "--merges", "main")) > 0
    return {
        "tree": git("rev-parse", "main^{tree}")[0],
        "main": len(git("log", "--first-parent", "--format=%H", "main")),
        "subjects": sorted(git("log", "--format=%s", "main^2")) if merged else [],
        "refs": git("for-each-ref", "--format=%(refname)"),
        "status": git("status", "--porcelain"),
        "locks": [str(one.relative_to(path)) for one in path.glob(".git/**/*.lock")],
    }


def _private(installed: Installation, cr_id: str) -> list[str]:
    """Return refs of the change request in the caches, its trees, and lock files of killed git processes.

    What people look at after the end is kept, below `refs/changeline/shown/`.
    """
    data = installed.root / "data"
    found = [f"worktree {one.name}" for one in (data / "worktrees").glob(f"{cr_id}*")]
    for cache in (data / "git").glob("*.git"):
        listed = subprocess.run(
            ["git", "--git-dir", str(cache), "for-each-ref", "--format=%(refname)", "refs/changeline/"],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        found += [f"ref {ref}" for ref in listed.stdout.split() if f"/{cr_id}/" in ref and not ref.startswith(_SHOWN)]
    return found
