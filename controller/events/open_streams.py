"""Which streams are open, and ending those that must not go on.

Problem: a token is checked when a request comes, and a stream is one request that lasts for days; a timer and a query for
each of a thousand clients would cost more than serving them. Choice: one look at all of them at the pace of signs of
life, one query for each tenant somebody watches. Invariants: a stream ends within one such interval after its token was
revoked or ran out, or its principal may no longer look; while the database is away nobody is let in and nobody thrown out.
"""

import asyncio
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from pipeline.access import Role
from pipeline.store.engine import Database
from pipeline.store.principals import Principals


class OpenStream(Protocol):
    """A stream to one client."""

    @property
    def tenant(self) -> str:
        """Whose events it carries."""

    @property
    def token_hash(self) -> str:
        """What the client was let in by."""

    @property
    def giving_since(self) -> float | None:
        """Since when, by the event loop's clock, the client was given something that it has not taken."""

    def end(self, cause: str) -> None:
        """End it soon."""


class OpenStreams:
    """All streams of this process; both ticks are called by the supervisor."""

    def __init__(self, database: Database, *, stall_s: float) -> None:
        self._database = database
        self._stall_s = stall_s
        self._open: set[OpenStream] = set()

    @contextmanager
    def opened(self, stream: OpenStream) -> Iterator[None]:
        """Watch over a stream inside."""
        self._open.add(stream)
        try:
            yield
        finally:
            self._open.discard(stream)

    async def end_stalled(self) -> None:
        """Cut off clients that took nothing for the given time; they resume by `Last-Event-ID`."""
        latest = asyncio.get_running_loop().time() - self._stall_s
        for stream in list(self._open):
            if stream.giving_since is not None and stream.giving_since <= latest:
                stream.end("client_takes_nothing")

    async def end_unwelcome(self) -> None:
        """End the streams of tokens that are revoked or ran out, and of principals who lost every role."""
        tenants: defaultdict[str, defaultdict[str, list[OpenStream]]] = defaultdict(lambda: defaultdict(list))
        for stream in self._open:
            tenants[stream.tenant][stream.token_hash].append(stream)
        for tenant, by_token in tenants.items():
            async with self._database.transaction(tenant) as connection:
                welcome = await Principals(connection).welcome(by_token, Role.VIEWER)
            for token_hash in by_token.keys() - welcome:
                for stream in by_token[token_hash]:
                    stream.end("no_longer_allowed")
