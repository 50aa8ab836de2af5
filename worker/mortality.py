"""A worker's ports with the crash points of `pipeline.machine.crash_points` around what they make durable.

Only a chaos run puts these decorators on; they forward everything and change nothing.
"""

from dataclasses import replace
from typing import Any, cast

from pipeline.agents.crew import Crew
from pipeline.effects.effect import Effect
from pipeline.effects.kinds import Payload, kind_of
from pipeline.events import Event
from pipeline.machine.crash_points import Reached, around
from pipeline.ports import Journal, JournalEntry, JournalKey, Repository
from pipeline.ports.records import Effects, Results
from pipeline.records import StageResult
from pipeline.stage.context import StageContext


def mortal(context: StageContext, reached: Reached) -> StageContext:
    """Return the context with crash points around results, effects, journal entries and snapshots."""
    crew = cast("Crew", context.agents)
    repositories = {name: cast("Repository", _Trees(one, reached)) for name, one in context.repositories.items()}
    agents = replace(
        crew, journal=cast("Journal", _Entries(crew.journal, reached)), repositories=repositories.__getitem__
    )
    results = cast("Results", _Results(context.results, reached))
    effects = cast("Effects", _Effects(context.effects, reached))
    return replace(context, agents=agents, results=results, effects=effects)


class _Forwarding:
    def __init__(self, port: Any, reached: Reached) -> None:
        self._port = port
        self._reached = reached

    def __getattr__(self, name: str) -> Any:
        return getattr(self._port, name)


class _Results(_Forwarding):
    """Implements `pipeline.ports.records.Results`."""

    async def save(self, result: StageResult, *, announced_by: Event) -> None:
        """See the port."""
        before, after = around("result", result.stage.value)
        self._reached(before)
        await self._port.save(result, announced_by=announced_by)
        self._reached(after)


class _Effects(_Forwarding):
    """Implements `pipeline.ports.records.Effects`."""

    async def intend(self, *, key: str, repository: str | None, payload: Payload) -> Effect:
        """See the port."""
        before, after = around("effect", kind_of(payload), "intend")
        self._reached(before)
        effect: Effect = await self._port.intend(key=key, repository=repository, payload=payload)
        self._reached(after)
        return effect


class _Entries(_Forwarding):
    """Implements `pipeline.ports.Journal`."""

    async def append(self, key: JournalKey, entry: JournalEntry) -> None:
        """See the port."""
        before, after = around("journal", entry.kind.value)
        self._reached(before)
        await self._port.append(key, entry)
        self._reached(after)


class _Trees(_Forwarding):
    """Implements `pipeline.ports.Repository`. A snapshot ends with the ref that holds it."""

    async def snapshot(self, path: Any, *, parent: str, message: str, **named: Any) -> str:
        """See the port; the message names the role."""
        self._reached(around("snapshot", _role(message))[0])
        commit: str = await self._port.snapshot(path, parent=parent, message=message, **named)
        self._reached(around("snapshot", _role(message))[1])
        return commit


def _role(message: str) -> str:
    return message.removeprefix("Snapshot of ").split()[0]
