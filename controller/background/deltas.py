"""Hearing text that streams, only while somebody watches it."""

import asyncio
from contextlib import aclosing

from controller.background.events import EventTailer
from pipeline.concurrency.cancellation import ended
from pipeline.errors import TransientError
from pipeline.ports import TenantDeltas

_AWAY_S = 5.0
_LOOK_S = 5.0


class DeltaEar:
    """Hands what it hears to the tailer. `hear` is called again and again by the supervisor."""

    def __init__(self, deltas: TenantDeltas, tailer: EventTailer) -> None:
        self._deltas = deltas
        self._tailer = tailer

    async def hear(self) -> None:
        """Listen from when somebody watches until nobody does any more, or until the connection is lost."""
        await self._tailer.deltas_wanted.wait()
        listening = asyncio.create_task(self._listen())
        try:
            while self._tailer.deltas_wanted.is_set() and not listening.done():
                await asyncio.wait({listening}, timeout=_LOOK_S)
            lost = listening.done()
        finally:
            self._tailer.deltas_live = False
            await ended(listening)
        if lost:
            # Deltas being away is no fault of this process; trying again is enough.
            await asyncio.sleep(_AWAY_S)

    async def _listen(self) -> None:
        try:
            async with aclosing(self._deltas.listen()) as heard:
                async for one in heard:
                    if one is None:
                        self._tailer.deltas_live = True
                    else:
                        self._tailer.tell(*one)
        except TransientError:
            return
