"""The only way out of a sandbox whose network is `registries`.

Problem: building dependencies needs package registries, and a process with a network reaches everything that the host
reaches: its loopback, its neighbours, a cloud's metadata service. Choice: the sandbox keeps a network namespace of its
own; a Unix socket made for the one run leads to this proxy, which speaks CONNECT only, to port 443 of listed hosts,
and connects to the very addresses it has checked. Invariant: a name one of whose addresses is not public is refused
(`addresses.py`), so a registry's name cannot be made to point inside; an operator's own mirror is named explicitly.
"""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import TypeAlias

from pipeline.adapters.network.addresses import AddressPolicy, AddressRefused, Resolve

Dial: TypeAlias = Callable[[str, int], Awaitable[tuple[asyncio.StreamReader, asyncio.StreamWriter]]]
"""Connects to an address and port."""

_PORT = 443
_HEAD_MAX_BYTES = 8192
_HEAD_TIMEOUT_S = 10.0
_IDLE_TIMEOUT_S = 300.0
_CONNECTIONS_MAX = 128
_CHUNK = 64 * 1024


class _Refused(Exception):
    """The client asked for something that is not allowed; worded for the build's log."""


class EgressProxy:
    """An allow-list of hosts. `resolve` and `dial` are the system's unless a test brings its own."""

    def __init__(
        self,
        hosts: Iterable[str],
        *,
        private_hosts: Iterable[str] = (),
        resolve: Resolve | None = None,
        dial: Dial | None = None,
    ) -> None:
        self._hosts = frozenset(host.lower() for host in hosts)
        self._policy = AddressPolicy(private_hosts, own_machine=False, documentation=True, resolve=resolve)
        self._dial = dial or asyncio.open_connection

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[Path]:
        """Listen on a new Unix socket, for the length of one command; all its connections end with it."""
        connections: set[asyncio.Task[None]] = set()

        def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            if len(connections) >= _CONNECTIONS_MAX:
                writer.close()
                return
            task = asyncio.ensure_future(self._serve(reader, writer))
            connections.add(task)
            task.add_done_callback(connections.discard)

        with tempfile.TemporaryDirectory(prefix="changeline-egress-") as directory:
            path = Path(directory) / "s"
            server = await asyncio.start_unix_server(accept, path, limit=_HEAD_MAX_BYTES)
            path.chmod(0o666)  # the directory is closed to others; the sandbox sees the socket alone
            try:
                yield path
            finally:
                server.close()
                for task in connections:
                    task.cancel()
                await asyncio.gather(*connections, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self._tunnel(reader, writer)
        except _Refused as refusal:
            text = f"Changeline's egress proxy: {refusal}\n"
            writer.write(f"HTTP/1.1 403 {refusal}\r\nContent-Length: {len(text)}\r\n\r\n{text}".encode())
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
            writer.write(f"HTTP/1.1 502 {type(error).__name__}\r\nContent-Length: 0\r\n\r\n".encode())
        finally:
            await _close(writer)

    async def _tunnel(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async with asyncio.timeout(_HEAD_TIMEOUT_S):
            head = await reader.readuntil(b"\r\n\r\n")
        far_reader, far_writer = await self._connect(head.split(b"\r\n", 1)[0].decode("latin-1"))
        try:
            writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            async with asyncio.TaskGroup() as both:
                both.create_task(_pump(reader, far_writer))
                both.create_task(_pump(far_reader, writer))
        finally:
            await _close(far_writer)

    async def _connect(self, request_line: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        method, _, rest = request_line.partition(" ")
        host, _, port = rest.partition(" ")[0].rpartition(":")
        host = host.lower().removesuffix(".")
        if method != "CONNECT":
            raise _Refused("only HTTPS is allowed")
        if host not in self._hosts or port != str(_PORT):
            raise _Refused("this host is not a listed registry")
        try:
            addresses = (await self._policy.judge(host, _PORT)).addresses
        except AddressRefused as refused:
            raise _Refused("the host does not resolve to public addresses") from refused
        for address in addresses[:-1]:
            with suppress(OSError, TimeoutError):
                return await self._reach(address)
        return await self._reach(addresses[-1])

    async def _reach(self, address: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        async with asyncio.timeout(_HEAD_TIMEOUT_S):
            return await self._dial(address, _PORT)


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while chunk := await asyncio.wait_for(reader.read(_CHUNK), _IDLE_TIMEOUT_S):
            writer.write(chunk)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()
    except (OSError, TimeoutError):  # one end is gone; closing the other ends the opposite direction too
        writer.close()


async def _close(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with suppress(OSError):  # the other end was faster
        await writer.wait_closed()
