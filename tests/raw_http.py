"""Raw HTTP for tests: requests as bytes, and servers that record every byte they receive."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"


def post(body: bytes = b"{}", *fields: bytes, target: bytes = b"/mcp") -> bytes:
    lines = b"".join(field + b"\r\n" for field in (b"Host: 127.0.0.1", b"Content-Length: %d" % len(body), *fields))
    return b"POST " + target + b" HTTP/1.1\r\n" + lines + b"\r\n" + body


class Tee(asyncio.StreamReader):
    """Keeps a copy of what it was fed."""

    def __init__(self, copy: bytearray) -> None:
        super().__init__()
        self._copy = copy

    def feed_data(self, data: bytes) -> None:
        self._copy += data
        super().feed_data(data)


@contextlib.asynccontextmanager
async def serving(handler: Handler, received: list[bytearray]) -> AsyncIterator[int]:
    """A server that records every byte and answers as `handler` does; its port."""
    loop = asyncio.get_running_loop()

    def made() -> asyncio.StreamReaderProtocol:
        received.append(bytearray())
        return asyncio.StreamReaderProtocol(Tee(received[-1]), handler)

    server = await loop.create_server(made, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


async def answering(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """One fixed answer a request, for as long as there are requests with a length."""
    with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
        while True:
            await request_of(reader)
            writer.write(OK)
    writer.close()


async def request_of(reader: asyncio.StreamReader) -> bytes:
    """One request: its head and as much body as it announces."""
    head = await reader.readuntil(b"\r\n\r\n")
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return head + await reader.readexactly(int(value))
        if name.lower() == b"transfer-encoding":
            return head + await reader.readuntil(b"\r\n\r\n")
    return head


def replying(*parts: bytes, close: bool = False) -> Handler:
    """A handler that answers every request with the same parts."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                await request_of(reader)
                for part in parts:
                    writer.write(part)
                    await writer.drain()
                    await asyncio.sleep(0)
                if close:
                    break
        writer.close()

    return handle
