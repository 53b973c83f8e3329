"""The MCP server behind the HTTP gateways of this benchmark: one JSON reply a POST, no sessions, no streams."""

from __future__ import annotations

import asyncio
import os
import sys
from typing import cast

import httptools
import uvloop

from .answers import answer

__all__ = ["main"]

_NOBODY = 65_534
_OK = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
_ACCEPTED = b"HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n"
_NO_STREAM = b"HTTP/1.1 405 Method Not Allowed\r\nallow: POST\r\ncontent-length: 0\r\n\r\n"


class _Echo(asyncio.Protocol):
    """One connection; the parser calls the `on_` methods."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's are no subclasses
        self._parser = httptools.HttpRequestParser(self)
        self._body = b""

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_body(self, body: bytes) -> None:
        self._body += body

    def on_message_complete(self) -> None:
        body, self._body = self._body, b""
        if self._parser.get_method() != b"POST":
            self._transport.write(_NO_STREAM)
            return
        reply = answer(body)
        self._transport.write(_ACCEPTED if reply is None else _OK % len(reply) + reply)


async def main(port: int) -> None:
    """Listen on a loopback port, for ever."""
    if not os.getuid():
        os.setuid(_NOBODY)  # a sensor believes a gateway about servers of other users only
    server = await asyncio.get_running_loop().create_server(_Echo, "127.0.0.1", port, backlog=512)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1])))
