"""Serving the controller on an address, inside a process that may do other things too.

The socket is bound here, so that a taken port is one clear sentence and port 0 is known before the first request. Event
streams end before the server waits for connections, so that stopping does not wait for browsers.
"""

import asyncio
import contextlib
import resource
import socket
from collections.abc import Callable, Iterator

import uvicorn
from fastapi import FastAPI

from controller import logs
from controller.binding import check_binding
from controller.connections import OpenProtocol
from controller.context import ControllerContext
from controller.framing import HEAD_MAX_BYTES
from pipeline.errors import CallerError
from pipeline.settings.process import ProcessSettings

_GRACE_S = 5
_OPEN_FILES = 65_536

Ready = Callable[[str], None]
"""Called once with the base URL when requests are answered."""


async def serve(
    app: FastAPI,
    settings: ProcessSettings,
    *,
    on_ready: Ready,
    stop: asyncio.Event | None = None,
    host: str | None = None,
    port: int | None = None,
    set_up_logs: bool = True,
) -> None:
    """Serve until `stop` is set; without `stop`, until SIGINT or SIGTERM. Raises `CallerError` when it cannot listen."""
    if set_up_logs:
        logs.set_up(settings.log_level)
    check_binding(settings)
    door = settings.controller
    context: ControllerContext = app.state.context
    listener = bind(host or door.host, door.port if port is None else port)
    _allow_many_connections()
    _forget_the_deaf(listener, context.wiring.pace.client_stall_s)
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        server_header=False,
        lifespan="on",
        http=OpenProtocol.within(door.request_timeout_s),
        h11_max_incomplete_event_size=HEAD_MAX_BYTES,
        ws="none",
        timeout_graceful_shutdown=_GRACE_S,
        proxy_headers=door.behind_proxy,
        ssl_certfile=door.tls_certificate,
        ssl_keyfile=door.tls_key,
    )
    scheme = "https" if door.tls_certificate else "http"
    server = _Server(config, context, signals=stop is None, ready=lambda: on_ready(_url(scheme, listener)))
    async with asyncio.TaskGroup() as group:
        watcher = group.create_task(_stop_when(stop, server)) if stop is not None else None
        try:
            await server.serve(sockets=[listener])
        finally:
            listener.close()
            if watcher is not None:
                watcher.cancel()


def bind(host: str, port: int) -> socket.socket:
    """Return a listening socket or raise `CallerError` with one clear sentence."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind, protocol)
    except OSError as error:
        raise CallerError(
            f"{host} is not an address of this machine.", field="controller.host", remedy="Listen on 127.0.0.1."
        ) from error
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(2048)
    except OSError as error:
        listener.close()
        raise CallerError(
            f"Port {port} on {host} cannot be used: {error.strerror}.", field="controller.port",
            remedy="Stop what listens there, or set CHANGELINE_CONTROLLER__PORT (0 takes any free port).",
        ) from error  # fmt: skip
    listener.setblocking(False)
    return listener


def _allow_many_connections() -> None:
    """Take what the system grants: a thousand streams do not fit into the usual soft limit of open files."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _OPEN_FILES if hard == resource.RLIM_INFINITY else min(hard, _OPEN_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _forget_the_deaf(listener: socket.socket, after_s: float) -> None:
    """Have the system end connections whose other side takes nothing: a closing one would wait for it for ever."""
    if hasattr(socket, "TCP_USER_TIMEOUT"):
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(after_s * 1000))


class _Server(uvicorn.Server):
    def __init__(
        self, config: uvicorn.Config, context: ControllerContext, *, signals: bool, ready: Callable[[], None]
    ) -> None:
        super().__init__(config)
        self._context = context
        self._signals = signals
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        await self._context.tailer.close()
        await super().shutdown(sockets)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        if not self._signals:
            yield
            return
        with super().capture_signals():
            yield


async def _stop_when(stop: asyncio.Event, server: uvicorn.Server) -> None:
    await stop.wait()
    server.should_exit = True


def _url(scheme: str, listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"
