"""Handlers reach the connection under their response, where what they write to it is framed as the server frames it."""

import asyncio
import socket
from collections.abc import AsyncGenerator

import pytest
import uvicorn
from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from controller.background.live_streams import chunked
from controller.connections import OpenProtocol, line_of


async def _two_ways(scope: Scope, receive: Receive, send: Send) -> None:
    line = line_of(Request(scope))

    async def body() -> AsyncGenerator[bytes]:
        yield b"sent by the server\n"
        if line is not None:
            line.write(chunked(b"written to the connection\n"))
        yield b"sent again\n"

    await StreamingResponse(body())(scope, receive, send)


@pytest.mark.parametrize(
    ("version", "written"), [("1.1", [b"written to the connection"]), ("1.0", [])], ids=["chunked", "until-it-closes"]
)
async def test_what_is_written_to_a_connection_stands_between_what_the_server_sends(
    version: str, written: list[bytes]
) -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(_two_ways, http=OpenProtocol, ws="none", log_config=None, lifespan="off")
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    reader, writer = await asyncio.open_connection(*listener.getsockname())
    writer.write(f"GET / HTTP/{version}\r\nHost: here\r\nConnection: close\r\n\r\n".encode())
    head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    writer.close()
    server.should_exit = True
    await serving
    said = [line.strip() for line in body.splitlines() if line.strip(b"0123456789abcdef\r\n")]
    assert said == [b"sent by the server", *written, b"sent again"]
    assert (b"transfer-encoding: chunked" in head.lower()) == (version == "1.1")
