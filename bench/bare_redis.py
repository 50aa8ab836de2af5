"""Redis without a client library: what a floor needs of its protocol, and no more."""

import asyncio
from collections.abc import AsyncIterator
from urllib.parse import urlsplit


class BareRedis:
    """One connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def open(cls, url: str) -> "BareRedis":
        """Connect and sign in."""
        address = urlsplit(url)
        opened = cls(*await asyncio.open_connection(address.hostname, address.port))
        if address.password:
            await opened._ask(b"AUTH", address.password.encode())
            await opened._reader.readline()
        return opened

    async def publish(self, channel: bytes, body: bytes) -> None:
        """Return when Redis has answered."""
        await self._ask(b"PUBLISH", channel, body)
        await self._reader.readline()

    async def messages(self, channel: bytes) -> AsyncIterator[bytes]:
        """Yield what is published; the first is empty and says that it hears."""
        await self._ask(b"SUBSCRIBE", channel)
        for _ in range(5):
            await self._reader.readline()
        await self._reader.readline()
        yield b""
        while True:
            await self._reader.readline()
            await self._text()
            await self._text()
            yield await self._text()

    def close(self) -> None:
        """Hang up."""
        self._writer.close()

    async def _text(self) -> bytes:
        length = int((await self._reader.readline())[1:])
        return (await self._reader.readexactly(length + 2))[:-2]

    async def _ask(self, *words: bytes) -> None:
        parts = b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in words)
        self._writer.write(b"*%d\r\n%s" % (len(words), parts))
        await self._writer.drain()
