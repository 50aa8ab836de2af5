"""What models say leaves in whole words, gathered, without secrets, and never holds anything up."""

import asyncio
import json
from dataclasses import dataclass, field
from typing import Any

import pytest

from pipeline.agents.fences import Untrusted
from pipeline.agents.job import Job
from pipeline.agents.live_text import AWAY_S, GATHERED_MAX_CHARS, LiveText
from pipeline.agents.prompt_variables import InputScreenerVariables
from pipeline.change_request import Stage
from pipeline.errors import TransientError
from pipeline.ports import DELTA_MAX_BYTES
from pipeline.proof.secret_shapes import redacted

KEY = "sk-ant-api03-" + "Ab3dEf6hIj9k" * 4
PEM = "-----BEGIN RSA PRIVATE KEY-----\nMIIEowIBAAKCAQEA7\nq83vEjRWeJq83vEj\n-----END RSA PRIVATE KEY-----\n"


@dataclass
class Wire:
    """Remembers what was sent; an `away` one refuses."""

    away: bool = False
    tried: int = 0
    sent: list[dict[str, Any]] = field(default_factory=list)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)

    async def send(self, body: bytes) -> None:
        self.tried += 1
        assert len(body) <= DELTA_MAX_BYTES
        if self.away:
            self.arrived.set()
            raise TransientError("away")
        self.sent.append(json.loads(body))
        self.arrived.set()

    async def close(self) -> None:
        pass

    @property
    def text(self) -> str:
        return "".join(delta["text"] for delta in self.sent)

    async def until(self, words: str) -> None:
        while words not in self.text:
            self.arrived.clear()
            await self.arrived.wait()


def job() -> Job:
    return Job(
        variables=InputScreenerVariables(raw_request=Untrusted("request", "")), stage=Stage.DEVELOPMENT, activation="a", instance="1",
        repository="sample",
    )  # fmt: skip


async def test_a_text_arrives_in_parts_that_name_who_says_it() -> None:
    wire = Wire()
    async with LiveText(wire, "cr-1", pause_s=0.001) as live:
        hear = live.of(job())(3)
        for piece in ("I will lo", "ok at the ", "tests.", " Th", "en "):
            hear(piece)
            await asyncio.sleep(0.002)
        await wire.until("Then ")
        live.of(job())(4)("Again ")
        await wire.until("Again ")
    assert wire.text == "I will look at the tests. Then Again "
    first, last = wire.sent[0], wire.sent[-1]
    assert {key: first[key] for key in ("cr_id", "stage", "repository", "role", "instance", "turn", "part")} == {
        "cr_id": "cr-1", "stage": "development", "repository": "sample", "role": "input_screener", "instance": "1",
        "turn": 3, "part": 0,
    }  # fmt: skip
    assert (last["turn"], last["part"]) == (4, 0)


@pytest.mark.parametrize("step", [1, 7, 1_000])
async def test_secrets_are_named_not_told_however_the_text_is_cut(step: int) -> None:
    wire = Wire()
    said = f"Use {KEY} now.\n{PEM}postgresql://me:hunter2hunter@db/x end.\nDone. "
    async with LiveText(wire, "cr-1", pause_s=0) as live:
        hear = live.of(job())(1)
        for start in range(0, len(said), step):
            hear(said[start : start + step])
            await asyncio.sleep(0)
        await wire.until("Done. ")
    for secret in (KEY, KEY[10:30], "MIIEowIBAAKCAQEA7", "q83vEjRWeJq83vEj", "hunter2hunter"):
        assert secret not in wire.text
    assert "now." in wire.text
    assert "postgresql://me:" in wire.text


async def test_more_than_can_be_sent_is_cut_and_said_to_be() -> None:
    wire = Wire()
    async with LiveText(wire, "cr-1", pause_s=0.001) as live:
        hear = live.of(job())(1)
        for _ in range(1_000):
            hear("a few words ")
        await wire.until("a few words ")
        hear("\nthe end ")
        await wire.until("the end ")
    assert len(wire.text) <= 2 * GATHERED_MAX_CHARS
    assert any(delta["cut"] for delta in wire.sent)


async def test_while_nobody_can_be_reached_nothing_waits_and_nothing_piles_up() -> None:
    wire = Wire(away=True)
    async with LiveText(wire, "cr-1", pause_s=0) as live:
        hear = live.of(job())(1)
        for _ in range(10_000):
            hear("word ")
        await wire.arrived.wait()
        assert AWAY_S > 1
        assert wire.tried == 1
        assert sum(len(voice.heard) for voice in live._voices.values()) < 2 * GATHERED_MAX_CHARS


def test_events_are_cleared_by_the_same_shapes() -> None:
    assert redacted(f"token {KEY}.") == f"token [sk-a… ({len(KEY)} characters)]."
    assert redacted("sk-ant-api03-your-key-placeholder-goes-here") == "sk-ant-api03-your-key-placeholder-goes-here"
    assert redacted("No secret: 3f2a, main.py") == "No secret: 3f2a, main.py"
