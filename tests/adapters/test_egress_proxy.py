"""The way out of a build: listed hosts over TLS, and nothing that points inside."""

import asyncio
import socket
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from pipeline.adapters.network.egress_proxy import EgressProxy
from pipeline.adapters.sandbox.bubblewrap import Bubblewrap
from pipeline.ports import CommandResult, Network, SandboxCommand
from tests.adapters.conftest import SETTINGS
from tests.addresses import NEVER, ODD_SPELLINGS, OWN, PRIVATE

DOCUMENTATION = {"198.51.100.7", "2001:db8::1", "3fff::1"}
"""Isolated networks map registries to these ranges."""
WALLED = [one for one in (*PRIVATE, *OWN, *NEVER) if one not in DOCUMENTATION]
ADDRESSES = {
    "registry.example": ["93.184.215.14"],
    "mirror.example": ["10.1.2.3"],
    "rebound.example": ["93.184.215.14", "127.0.0.1"],
    "inside.example": ["10.1.2.3"],
    "metadata.example": ["169.254.169.254"],
    "six.example": ["::1"],
    "wrapped.example": ["::ffff:127.0.0.1"],
    "nat.example": ["64:ff9b::7f00:1"],
    "loop-mirror.example": ["127.0.0.1"],
    "nowhere.example": [],
    **{f"walled-{number}.example": [address] for number, address in enumerate(WALLED)},
}

CONNECT = """
import os, socket, sys
host, port = os.environ["HTTPS_PROXY"].removeprefix("http://").split(":")
s = socket.create_connection((host, int(port)))
s.sendall(sys.argv[1].replace("~", "\\r\\n").encode())
got = b""
while chunk := s.recv(65536):
    got += chunk
    if b"established" in got and b"echo" not in got: s.sendall(b"hello"); s.shutdown(socket.SHUT_WR)
print(got.decode())
"""


class Registry:
    """A server that echoes, and the resolver and dialler that lead to it in place of the internet."""

    def __init__(self) -> None:
        self.dialled: list[tuple[str, int]] = []
        self.port = 0

    async def resolve(self, host: str, _port: int) -> Sequence[str]:
        return ADDRESSES[host]

    async def dial(self, address: str, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        self.dialled.append((address, port))
        return await asyncio.open_connection("127.0.0.1", self.port)


async def _echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"echo:" + await reader.read())
    await writer.drain()
    writer.close()


@pytest.fixture
async def registry() -> AsyncIterator[Registry]:
    found = Registry()
    server = await asyncio.start_server(_echo, "127.0.0.1", 0)
    found.port = server.sockets[0].getsockname()[1]
    async with server:
        yield found


@pytest.fixture
async def online(bubblewrap: Bubblewrap, registry: Registry) -> Bubblewrap:
    """A sandbox whose listed hosts are those of `ADDRESSES`."""
    mirrors = ("mirror.example", "loop-mirror.example")
    egress = EgressProxy(ADDRESSES, private_hosts=mirrors, resolve=registry.resolve, dial=registry.dial)
    sandbox = Bubblewrap(SETTINGS, egress, hidden=())
    await sandbox.probe()
    return sandbox


async def ask(sandbox: Bubblewrap, tree: Path, request: str) -> CommandResult:
    (tree / "connect.py").write_text(CONNECT)
    command = SandboxCommand(
        argv=("/usr/bin/env", "python3", "connect.py", request),
        cwd=tree,
        writable=(tree,),
        network=Network.REGISTRIES,
        timeout_s=30,
    )
    return await sandbox.run(command)


@pytest.mark.parametrize("host", ["registry.example", "REGISTRY.example.", "mirror.example"])
async def test_a_listed_host_is_reached_over_the_proxy(
    online: Bubblewrap, registry: Registry, tree: Path, host: str
) -> None:
    result = await ask(online, tree, f"CONNECT {host}:443 HTTP/1.1~Host: {host}~~")
    assert "200 Connection established" in result.output
    assert result.output.rstrip().endswith("echo:hello")
    assert registry.dialled == [(ADDRESSES[host.lower().rstrip(".")][0], 443)]


REFUSED = (
    "CONNECT elsewhere.example:443",
    "CONNECT registry.example:22",
    "CONNECT registry.example:80",
    "CONNECT sub.registry.example:443",
    "CONNECT registry.example.evil.example:443",
    "CONNECT registry.example@127.0.0.1:443",
    "CONNECT 127.0.0.1:443",
    "CONNECT [::1]:443",
    "CONNECT 169.254.169.254:443",
    "CONNECT 2130706433:443",
    "CONNECT localhost:443",
    "CONNECT rebound.example:443",
    "CONNECT inside.example:443",
    "CONNECT metadata.example:443",
    "CONNECT six.example:443",
    "CONNECT wrapped.example:443",
    "CONNECT nat.example:443",
    "CONNECT loop-mirror.example:443",
    "CONNECT nowhere.example:443",
    "GET http://registry.example/",
    "GET http://127.0.0.1:8321/",
    "POST /",
    "nonsense",
)


@pytest.mark.parametrize("request_line", REFUSED)
async def test_everything_else_is_refused_without_a_connection(
    online: Bubblewrap, registry: Registry, tree: Path, request_line: str
) -> None:
    result = await ask(online, tree, f"{request_line} HTTP/1.1~Host: registry.example~~")
    assert result.output.startswith("HTTP/1.1 403")
    assert registry.dialled == []


async def test_no_address_of_the_corpus_and_no_odd_spelling_is_dialled(registry: Registry) -> None:
    egress = EgressProxy([*ADDRESSES, *ODD_SPELLINGS], resolve=registry.resolve, dial=registry.dial)
    hosts = [host for host in ADDRESSES if host.startswith("walled")] + [*OWN, *NEVER, *ODD_SPELLINGS]
    async with egress.serving() as path:
        for host in hosts:
            reader, writer = await asyncio.open_unix_connection(path)
            writer.write(f"CONNECT {host}:443 HTTP/1.1\r\n\r\n".encode())
            assert (await reader.read()).startswith(b"HTTP/1.1 403"), host
            writer.close()
            await writer.wait_closed()
    assert registry.dialled == []


async def test_an_endless_request_head_is_cut_off(online: Bubblewrap, registry: Registry, tree: Path) -> None:
    result = await ask(online, tree, "CONNECT " + "a" * 100_000)
    assert "200" not in result.output
    assert registry.dialled == []


async def test_a_build_with_network_still_reaches_no_socket_of_the_host(
    online: Bubblewrap, registry: Registry, tree: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        script = f"exec 3<>/dev/tcp/127.0.0.1/{port} && echo reached"
        command = SandboxCommand(
            argv=("bash", "-c", script), cwd=tree, writable=(tree,), network=Network.REGISTRIES, timeout_s=30
        )
        result = await online.run(command)
    assert "reached" not in result.output


async def test_without_the_registries_network_there_is_no_proxy(online: Bubblewrap, tree: Path) -> None:
    command = SandboxCommand(argv=("sh", "-c", "env; ls -A /run/changeline"), cwd=tree, writable=(tree,))
    result = await online.run(command)
    assert "PROXY" not in result.output.upper()
    assert "egress" not in result.output


async def test_a_build_ends_with_the_exit_code_of_its_command(online: Bubblewrap, tree: Path) -> None:
    for script, code in (("exit 3", 3), ("kill -9 $$", 137), ("true", 0)):
        command = SandboxCommand(
            argv=("sh", "-c", script), cwd=tree, writable=(tree,), network=Network.REGISTRIES, timeout_s=30
        )
        assert (await online.run(command)).exit_code == code
