"""Redis stopped, flushed or slow: nobody who waits for an event or a worker notices more than a moment."""

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from redis import Redis

from tests.adapters.test_redis_bell import needs_redis, port, redis
from tests.controller.conftest import PACE, Starter

__all__ = ["port"]
ONLY_BELLS = replace(PACE, events_s=600, dispatch_s=600, outbox_s=600)
"""No loop looks by itself in time: what arrives was rung for."""


class SlowDoor:
    """A TCP proxy before Redis that holds back everything for `delay_s`."""

    def __init__(self, redis_port: int) -> None:
        self.redis_port = redis_port
        self.delay_s = 0.0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = [self._listener]
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self._listener.getsockname()[1]}/0"

    def close(self) -> None:
        for one in self._open:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()
        for one in self._open:
            one.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                outer, _ = self._listener.accept()
                self._open.append(outer)
                with suppress(OSError):
                    inner = socket.create_connection(("127.0.0.1", self.redis_port))
                    self._open.append(inner)
                    for one, other in ((outer, inner), (inner, outer)):
                        self._threads.append(threading.Thread(target=self._pass, args=(one, other)))
                        self._threads[-1].start()
                    continue
                outer.shutdown(socket.SHUT_RDWR)

    def _pass(self, source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while chunk := source.recv(65_536):
                time.sleep(self.delay_s)
                sink.sendall(chunk)
        with suppress(OSError):
            sink.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def door(tmp_path: Path, port: int) -> Iterator[SlowDoor]:
    with redis(tmp_path, port):
        opened = SlowDoor(port)
        yield opened
        opened.close()


def _slow(door: SlowDoor) -> None:
    door.delay_s = 2.5


def _stopped(door: SlowDoor) -> None:
    with Redis(port=door.redis_port) as client:
        client.shutdown(nosave=True)


def _flushed(door: SlowDoor) -> None:
    with Redis(port=door.redis_port) as client:
        client.flushall()


@needs_redis
@pytest.mark.parametrize("fault", [_slow, _stopped, _flushed])
def test_streams_and_dispatch_go_on_without_redis(
    start: Starter, door: SlowDoor, fault: Callable[[SlowDoor], None]
) -> None:
    with start.running(pace=ONLY_BELLS, redis_url=door.url) as controller:
        first = controller.submit()["id"]
        with controller.client().stream("GET", "/api/v1/events?after=0") as stream:
            seen = (json.loads(line[6:]) for line in stream.iter_lines() if line.startswith("data: "))
            numbers = [_until_running(seen, first)]
            fault(door)
            numbers += [_until_running(seen, controller.submit()["id"]) for _ in range(3)]
    assert numbers == sorted(set(numbers))


def _until_running(seen: Iterator[dict[str, object]], cr_id: str) -> int:
    """Read to the dispatch of a change request, and return its event's number."""
    for event in (one for one in seen if "payload" in one):
        payload = event["payload"]
        assert isinstance(payload, dict)
        if (event["cr_id"], payload.get("status")) == (cr_id, "running"):
            return int(str(event["seq"]))
    raise AssertionError("the stream ended")
