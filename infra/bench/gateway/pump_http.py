"""The least that can stand between an HTTP client and its server: bytes from one connection to another, unread."""

from __future__ import annotations

import asyncio
import sys
from typing import cast

import uvloop

__all__ = ["main"]


class _End(asyncio.Protocol):
    """One end of a pair; what comes before the pair is complete waits."""

    def __init__(self) -> None:
        self.other: asyncio.Transport | None = None
        self.transport: asyncio.Transport | None = None
        self._early: list[bytes] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's are no subclasses

    def pair(self, other: asyncio.Transport) -> None:
        self.other = other
        for data in self._early:
            other.write(data)

    def data_received(self, data: bytes) -> None:
        if self.other is None:
            self._early.append(data)
        else:
            self.other.write(data)

    def connection_lost(self, _: Exception | None) -> None:
        if self.other is not None:
            self.other.close()


async def main(listen: int, upstream: int) -> None:
    """Listen on one loopback port, connect to another, for ever."""
    loop = asyncio.get_running_loop()
    dials: set[asyncio.Task[None]] = set()

    async def dial(front: _End) -> None:
        transport, back = await loop.create_connection(_End, "127.0.0.1", upstream)
        if front.transport is not None:
            back.pair(front.transport)
            front.pair(transport)

    class Front(_End):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            super().connection_made(transport)
            task = loop.create_task(dial(self))
            dials.add(task)
            task.add_done_callback(dials.discard)

    server = await loop.create_server(Front, "127.0.0.1", listen, backlog=512)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1]), int(sys.argv[2])))
