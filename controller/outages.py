"""One line per outage: what depends on something that is away fails often, and its log says so once.

Problem: while PostgreSQL is away every request and every background loop fails, each with the same traceback, and the line
that tells something drowns. Choice: errors that only say "try again" are counted here by what they say; the first makes a
line, and so does the end, when a background loop works again. What follows within `QUIET_S` is the same outage. Metrics
count every failure. Invariant: only `TransientError` comes here; a bug keeps its traceback.
"""

from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic

import structlog

from pipeline.errors import TransientError

QUIET_S = 30.0

_log = structlog.get_logger(__name__)


@dataclass(slots=True, kw_only=True)
class _Outage:
    since: float
    last: float
    failures: int = 1
    over: bool = False


class Outages:
    """What is away now, for one controller."""

    def __init__(self, now: Callable[[], float] = monotonic) -> None:
        self._now = now
        self._known: dict[tuple[str, str], _Outage] = {}

    def note_failure(self, error: TransientError, *, by: str) -> None:
        """Take note of a failure; `by` says what failed and is told only of the first."""
        now = self._now()
        self._known = {key: one for key, one in self._known.items() if now - one.last < QUIET_S}
        known = self._known.get(_key(error))
        if known is not None:
            known.last, known.failures = now, known.failures + 1
            return
        self._known[_key(error)] = _Outage(since=now, last=now)
        _log.warning("outage_began", kind=type(error).__name__, problem=error.message, by=by, **error.facts)

    def note_recovery(self, error: TransientError) -> None:
        """Say once that what failed with `error` works again. Idempotent."""
        known = self._known.get(_key(error))
        if known is None or known.over:
            return
        known.over = True
        away_s = round(self._now() - known.since, 1)
        _log.info("outage_ended", kind=type(error).__name__, away_s=away_s, failures=known.failures)


def _key(error: TransientError) -> tuple[str, str]:
    return type(error).__name__, error.message
