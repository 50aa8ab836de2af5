"""Many cheap clients of one event stream in one process: raw sockets that note when each event arrived, and in which order.

Told what to do by one line of JSON on standard input; says `ready` when every connection has its headers, and one line of
JSON when all have everything or waited long enough.
"""

import asyncio
import json
import re
import resource
import sys
import time
from array import array
from dataclasses import dataclass, field

from bench.figures import percentile

MARK = re.compile(rb'"stamp (\d+) (\d+)"')
"""The number of an event and when it was written, in monotonic nanoseconds; events end with an empty line."""
_CONNECT_AT_ONCE = 50


def stamp(number: int) -> str:
    """Return the text that makes an event measurable; call it at the moment it is written."""
    return f"stamp {number} {time.monotonic_ns()}"


@dataclass(slots=True)
class Tally:
    """What all clients saw together."""

    expected: int
    clients: int
    latencies_ms: "array[float]" = field(default_factory=lambda: array("d"))
    out_of_order: int = 0
    doubled: int = 0
    complete: int = 0
    opened: int = 0
    began: tuple[float, float] | None = None
    """Wall and processor time when the first event arrived."""
    ready: asyncio.Event = field(default_factory=asyncio.Event)
    done: asyncio.Event = field(default_factory=asyncio.Event)

    def report(self) -> dict[str, float]:
        """Return the figures."""
        seen = self.latencies_ms
        wall, computed = self.began or (0.0, 0.0)
        busy = (time.process_time() - computed) / (time.perf_counter() - wall) if self.began else 0.0
        return {
            "p50_ms": percentile(seen, 0.5) if seen else 0.0, "p99_ms": percentile(seen, 0.99) if seen else 0.0,
            "received": len(seen), "lost": self.expected * self.clients - len(seen), "doubled": self.doubled,
            "out_of_order": self.out_of_order, "clients_busy": busy,
        }  # fmt: skip


class _Client(asyncio.Protocol):
    __slots__ = ("_last", "_opened", "_request", "_rest", "_tally")

    def __init__(self, request: bytes, tally: Tally) -> None:
        self._request = request
        self._tally = tally
        self._rest = b""
        self._last = -1
        self._opened = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask."""
        if isinstance(transport, asyncio.WriteTransport):
            transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        """Note what arrived."""
        tally, now = self._tally, time.monotonic_ns()
        if not self._opened and b"\r\n\r\n" in data:
            self._opened = True
            tally.opened += 1
            if tally.opened == tally.clients:
                tally.ready.set()
        whole, end, rest = (self._rest + data).rpartition(b"\n\n")
        self._rest = rest
        if not end:
            return
        if tally.began is None:
            tally.began = time.perf_counter(), time.process_time()
        for number_text, written in MARK.findall(whole):
            number = int(number_text)
            if number == self._last + 1:
                tally.latencies_ms.append((now - int(written)) / 1e6)
                self._last = number
            elif number <= self._last:
                tally.doubled += 1
            else:
                tally.out_of_order += 1
        if self._last == tally.expected - 1:
            self._last += 1
            tally.complete += 1
            if tally.complete == tally.clients:
                tally.done.set()


async def _run(told: dict[str, str | int]) -> Tally:
    tally = Tally(expected=int(told["expected"]), clients=int(told["clients"]))
    host, port = str(told["host"]), int(told["port"])
    request = str(told["request"]).encode()
    loop = asyncio.get_running_loop()
    for start in range(0, tally.clients, _CONNECT_AT_ONCE):
        some = min(_CONNECT_AT_ONCE, tally.clients - start)
        await asyncio.gather(
            *(loop.create_connection(lambda: _Client(request, tally), host, port) for _ in range(some))
        )
    async with asyncio.timeout(60):
        await tally.ready.wait()
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    try:
        async with asyncio.timeout(int(told["patience_s"])):
            await tally.done.wait()
    except TimeoutError:
        return tally
    return tally


def main() -> None:
    """Read the order, carry it out, report."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    told = json.loads(sys.stdin.readline())
    sys.stdout.write(json.dumps(asyncio.run(_run(told)).report()) + "\n")


if __name__ == "__main__":
    main()
