"""What models say while they say it, for people who watch: gathered, cleared of secrets, and never waited for.

Problem: a model's text comes in pieces of a few letters, forty a second from each of several agents; a secret may lie
across two pieces; and whoever listens must not slow the agent down. Choice: the ear only appends to a bounded buffer; a
task of its own sends what was gathered every `pause_s`, held back to the last blank, so that a word leaves whole and was
judged with what came before it on its line. Invariant: nothing of this is durable and nothing depends on it; what cannot
be sent at once is dropped, and a text that looks like a secret is named, not told.
"""

import asyncio
import json
from dataclasses import dataclass, field
from typing import Self

from pipeline.agents.job import Job
from pipeline.errors import TransientError
from pipeline.ports import DELTA_MAX_BYTES, DeltaListener, Deltas, TurnListener
from pipeline.proof.secret_shapes import redacted

PAUSE_S = 0.1
AWAY_S = 5.0
GATHERED_MAX_CHARS = 1_500
"""Of one agent between two sendings; also as JSON and in UTF-8 it fits into one delta."""
WORD_MAX_CHARS = 400
CONTEXT_CHARS = 4_000
_KEY_BEGINS = "-----BEGIN "


@dataclass(slots=True)
class _Voice:
    """One try of one turn of one agent."""

    place: dict[str, object]
    heard: str = ""
    """Not yet sent."""
    before: str = ""
    """Sent, as far as it helps to judge what follows."""
    number: int = 0
    cut: bool = False
    """Something was left out before what comes next."""

    def hear(self, text: str) -> None:
        room = GATHERED_MAX_CHARS + WORD_MAX_CHARS - len(self.heard)
        self.cut = self.cut or len(text) > room
        self.heard += text[: max(room, 0)]

    def take(self) -> bytes | None:
        """Return the next delta, up to the last blank, or None when there is nothing to tell yet."""
        stop = max(self.heard.rfind(blank) for blank in " \n\t") + 1
        if len(self.heard) - stop > WORD_MAX_CHARS:
            # No word is this long; whatever it is, it is not for watching.
            self.heard, self.cut = self.heard[:stop], True
        if stop == 0:
            return None
        judged, start = self.before + self.heard[:stop], len(self.before)
        said = redacted(judged, start)
        self.heard, self.before = self.heard[stop:], _context(judged)
        delta = {**self.place, "part": self.number, "cut": self.cut, "text": said}
        self.number, self.cut = self.number + 1, False
        return json.dumps(delta, ensure_ascii=False).encode("utf-8", errors="replace")


@dataclass(slots=True)
class LiveText:
    """The live text of one worker. Enter it to have it sent; leaving drops what is left."""

    deltas: Deltas
    cr_id: str
    pause_s: float = PAUSE_S
    _voices: dict[tuple[str, ...], _Voice] = field(default_factory=dict)
    _spoken: asyncio.Event = field(default_factory=asyncio.Event)
    _sender: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._sender = asyncio.create_task(self._send(), name="live-text")
        return self

    async def __aexit__(self, *_exception: object) -> None:
        if self._sender is not None:
            self._sender.cancel()
            await asyncio.gather(self._sender, return_exceptions=True)
        await self.deltas.close()

    def of(self, job: Job) -> TurnListener:
        """Return what opens the ear for each turn of one agent."""
        place: dict[str, object] = {
            "cr_id": self.cr_id, "stage": job.stage.value, "repository": job.repository,
            "role": job.variables.role.value, "instance": job.instance,
        }  # fmt: skip
        name = tuple(str(value) for value in place.values())

        def open_turn(turn: int) -> DeltaListener:
            self._voices[name] = voice = _Voice({**place, "turn": turn})

            def hear(text: str) -> None:
                voice.hear(text)
                self._spoken.set()

            return hear

        return open_turn

    async def _send(self) -> None:
        while True:
            await self._spoken.wait()
            self._spoken.clear()
            for voice in list(self._voices.values()):
                delta = voice.take()
                if delta is None:
                    continue
                if len(delta) > DELTA_MAX_BYTES:
                    voice.cut = True
                    continue
                try:
                    await self.deltas.send(delta)
                except TransientError:
                    await self._keep_quiet()
            await asyncio.sleep(self.pause_s)

    async def _keep_quiet(self) -> None:
        """Nobody can be reached: forget what is said for a while instead of trying each time."""
        await asyncio.sleep(AWAY_S)
        for voice in self._voices.values():
            voice.heard, voice.cut = "", True


def _context(sent: str) -> str:
    """Keep the line, or the private key, that what follows may belong to."""
    begun = sent.rfind(_KEY_BEGINS)
    if begun >= 0 and "-----END" not in sent[begun:]:
        return sent[begun : begun + WORD_MAX_CHARS]
    return sent[sent.rfind("\n") + 1 :][-CONTEXT_CHARS:]


def first_line(text: str) -> str:
    """Return what an event shows of a text: its first line, cut to 200 characters."""
    line = text.strip().split("\n", 1)[0]
    return line if len(line) <= 200 else f"{line[:197]}..."  # noqa: PLR2004 - one line of the live view
