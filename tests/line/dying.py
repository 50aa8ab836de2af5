"""Workers that die at chosen moments: from then on nothing they do is durable, as after `kill -9` and a takeover."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from pipeline.agents.crew import Crew
from pipeline.errors import LeaseLost
from pipeline.ports import JournalEntry, JournalKey
from tests.line.harness import LineRun, with_context
from worker.wiring import Hands

Moment = tuple[str, ...]
RECORDS = (
    "results", "progress", "specs", "test_runs", "findings", "artifacts", "gates", "effects", "interventions",
    "pull_requests",
)  # fmt: skip
KEEPS = frozenset({"enter_stage", "save", "store_structured", "intend", "outcome", "open", "verify", "take_resume"})


@dataclass(slots=True)
class Deaths:
    """Dies once at each moment that `wanted` chooses; survives every later visit."""

    wanted: Callable[[Moment], bool]
    died_at: list[Moment] = field(default_factory=list)

    async def at(self, line: LineRun, *moment: str) -> None:
        """Die here, if this is a moment to die at."""
        if moment in self.died_at or not self.wanted(moment):
            return
        self.died_at.append(moment)
        await line.fence_out()
        raise LeaseLost(line.cr_id, line.epoch - 1)

    def doomed(self, line: LineRun, held: Hands) -> Hands:
        """Return hands whose records and journal may die; pass this method as `prepare`."""
        crew = held.context.agents
        assert isinstance(crew, Crew)
        mortal = replace(crew, journal=_Journal(crew.journal, self, line))
        records = {name: _Records(name, getattr(held.context, name), self, line) for name in RECORDS}
        return with_context(held, **records, agents=mortal)


class _Journal:
    def __init__(self, journal: Any, deaths: Deaths, line: LineRun) -> None:
        self._journal = journal
        self._deaths = deaths
        self._line = line

    def __getattr__(self, name: str) -> Any:
        return getattr(self._journal, name)

    async def append(self, key: JournalKey, entry: JournalEntry) -> None:
        """Die before or after an entry became durable."""
        moment = (entry.kind.value, key.role, key.instance, str(entry.body.get("turn", entry.seq)))
        await self._deaths.at(self._line, "before", *moment)
        await self._journal.append(key, entry)
        await self._deaths.at(self._line, "after", *moment)


class _Records:
    """Dies before and after each record that a stage keeps or intends."""

    def __init__(self, subject: str, records: Any, deaths: Deaths, line: LineRun) -> None:
        self._subject = subject
        self._records = records
        self._deaths = deaths
        self._line = line

    def __getattr__(self, name: str) -> Any:
        done = getattr(self._records, name)
        if name not in KEEPS:
            return done
        moment = f"{self._subject}.{name}"

        async def mortal(*given: Any, **named: Any) -> Any:
            what = [str(value) for value in (*given, *named.values()) if isinstance(value, str) and len(value) < 24]
            await self._deaths.at(self._line, "before", moment, *what)
            result = await done(*given, **named)
            await self._deaths.at(self._line, "after", moment, *what)
            return result

        return mortal
