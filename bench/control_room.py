"""How a change request with a long history opens and scrolls: at the controller's door, and in a real browser.

The floor of opening is a page of the same application that shows nothing, in the same browser with the same cold cache;
the floor of scrolling are the frames of that page while nothing moves. Without a browser the rows say so.
"""

import asyncio
import time
from statistics import median
from typing import TYPE_CHECKING, Any

import httpx2

from bench.browser import NoBrowser, browser
from bench.figures import Figure, Floor, figure, unmeasured
from bench.installation import Installation
from bench.leased import Leased, leased
from pipeline import events
from pipeline.change_request import Stage
from pipeline.store.events import Events

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, StorageState

GROUP = "control room"
HISTORY = 10_000
TURNS_PER_ROUND = 100
_TRANSACTION = 1_000
_OPENS_IN_MS = 1_000.0
_FRAME_MS = 1_000 / 60
_NAME = f"open a change request with {HISTORY:,} events"
_EMPTY_PAGE = "/no-such-page"
_EMPTY, _STAGES, _ROW = ".state-empty", "nav[aria-label=Stages]", "[role=log] .event"
_PIXELS_PER_FRAME, _FRAMES = 120, 400

_WATCH = """
window.firstSeen = {};
const look = () => {
  for (const wanted of %s)
    if (!(wanted in firstSeen) && document.querySelector(wanted)) firstSeen[wanted] = performance.now();
  requestAnimationFrame(look);
};
requestAnimationFrame(look);
"""
"""Looks at every frame: what counts is what is there to be painted, not what was answered."""

_SCROLL = """
async ([frames, pixels]) => {
  const log = document.querySelector('[role=log]');
  const took = [];
  let last = await new Promise(requestAnimationFrame);
  for (let frame = 0; frame < frames; frame++) {
    if (log) log.scrollTop -= pixels;
    const now = await new Promise(requestAnimationFrame);
    took.push(now - last);
    last = now;
  }
  return took;
}
"""


def measure(installation: Installation, *, quick: bool) -> list[Figure]:
    """Store a long history, then open it at the door and in a browser."""
    return asyncio.run(_measure(installation, rounds=3 if quick else 7))


async def _measure(installation: Installation, *, rounds: int) -> list[Figure]:
    async with leased(installation) as lease:
        await _work(lease)
        rows = await _at_the_door(installation, lease.identity.cr_id, rounds=rounds)
        # The browser's driver brings an event loop of its own.
        return [*rows, *await asyncio.to_thread(_in_a_browser, installation, lease.identity.cr_id, rounds)]


async def _work(lease: Leased) -> None:
    """Write what agents leave behind: many turns and tool calls, a stage and its loop now and then."""
    for start in range(0, HISTORY, _TRANSACTION):
        async with lease.database.transaction() as connection:
            for number in range(start, start + _TRANSACTION):
                await Events(connection).append(lease.identity.cr_id, _event(number))


def _event(number: int) -> events.Event:
    at: dict[str, Any] = {"stage": Stage.DEVELOPMENT, "repository": "bench"}
    agent: dict[str, Any] = {**at, "role": "code_writer", "instance": "bench", "turn": number % TURNS_PER_ROUND}
    if number % TURNS_PER_ROUND == 0:
        return events.StageEntered(round=1 + number // TURNS_PER_ROUND, **at)
    if number % 2:
        return events.AgentTurn(text=f"Turn {number} says one line that people read in the live view.", **agent)
    return events.ToolCalled(tool="bash", summary=f"python -m pytest -q tests/test_{number}.py", ok=True, **agent)


async def _at_the_door(installation: Installation, cr_id: str, *, rounds: int) -> list[Figure]:
    """Time what the page asks for before it shows anything, all at once as a browser does."""
    headers = {"Authorization": f"Bearer {installation.token}"}
    here = f"/api/v1/change-requests/{cr_id}"
    wanted = (here, f"{here}/events/summary", f"{here}/events/newest?limit=400")
    opening, least = list[float](), list[float]()
    async with httpx2.AsyncClient(base_url=installation.url, headers=headers, timeout=60, trust_env=False) as http:
        for _ in range(rounds + 1):
            started = time.perf_counter()
            await http.get("/healthz")
            least.append((time.perf_counter() - started) * 1000)
            started = time.perf_counter()
            for answer in await asyncio.gather(*(http.get(path) for path in wanted)):
                answer.raise_for_status()
            opening.append((time.perf_counter() - started) * 1000)
    floor = Floor("one round trip", median(least[1:]))
    return [figure(GROUP, f"{_NAME}: snapshot, summary and newest events", opening[1:], "ms", floor=floor)]


def _in_a_browser(installation: Installation, cr_id: str, rounds: int) -> list[Figure]:
    try:
        with browser() as opened:
            signed_in = _sign_in(opened, installation)
            return _seen(opened, signed_in, installation.url, cr_id, rounds)
    except NoBrowser as missing:
        return [unmeasured(GROUP, f"{_NAME} in a browser, and scroll it", str(missing))]


def _sign_in(opened: "Browser", installation: Installation) -> "StorageState":
    headers = {"Authorization": f"Bearer {installation.token}"}
    code = httpx2.post(f"{installation.url}/api/v1/login-codes", headers=headers, trust_env=False, timeout=60)
    code.raise_for_status()
    context = opened.new_context()
    context.new_page().goto(installation.url + code.json()["path"])
    state = context.storage_state()
    context.close()
    return state


def _seen(opened: "Browser", signed_in: "StorageState", url: str, cr_id: str, rounds: int) -> list[Figure]:
    empty, stages, rows = list[float](), list[float](), list[float]()
    still, moving = list[float](), list[float]()
    # The first round warms the browser's processes; every one has a cache of its own.
    for _ in range(rounds + 1):
        page = _fresh(opened, signed_in, url + _EMPTY_PAGE, _EMPTY)
        empty.append(page.evaluate("name => firstSeen[name]", _EMPTY))
        still = page.evaluate(_SCROLL, [_FRAMES, 0])
        page.context.close()
        page = _fresh(opened, signed_in, f"{url}/change-requests/{cr_id}", _ROW)
        stages.append(page.evaluate("name => firstSeen[name]", _STAGES))
        rows.append(page.evaluate("name => firstSeen[name]", _ROW))
        moving = page.evaluate(_SCROLL, [_FRAMES, _PIXELS_PER_FRAME])
        page.context.close()
    floor = Floor("an empty page of the same application", median(empty[1:]))
    frame = Floor("frames of that page while nothing moves", median(still))
    scrolling = f"scroll it, {_PIXELS_PER_FRAME * _FRAMES:,} pixels with older events loading: time per frame"
    return [
        figure(GROUP, f"{_NAME} in a browser: stages", stages[1:], "ms", floor=floor, aim=_OPENS_IN_MS),
        figure(GROUP, f"{_NAME} in a browser: newest events", rows[1:], "ms", floor=floor, aim=_OPENS_IN_MS),
        figure(GROUP, scrolling, moving, "ms", floor=frame, aim=_FRAME_MS * 1.1),
        Figure(group=GROUP, name=f"{scrolling}, the slowest", value=max(moving), unit="ms"),
    ]


def _fresh(opened: "Browser", signed_in: "StorageState", address: str, wanted: str) -> "Page":
    """Open a page with an empty cache and return when it shows what is wanted."""
    context = opened.new_context(storage_state=signed_in, viewport={"width": 1360, "height": 900})
    page = context.new_page()
    page.add_init_script(_WATCH % [_EMPTY, _STAGES, _ROW])
    page.goto(address)
    page.wait_for_function("name => name in firstSeen", arg=wanted)
    return page
