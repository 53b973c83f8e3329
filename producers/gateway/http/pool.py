"""Connections to the server: one carries one exchange at a time, and serves the next once its response ended.

Nothing is ever sent twice. A connection that the server closed while it was idle is found out before it is used; where
the close crosses the request, the client sees what it would have seen without us.
"""

from __future__ import annotations

import asyncio
import select
import ssl
import time
from collections.abc import Awaitable, Callable
from typing import Protocol, cast

from ....models.events import SocketPair
from .address import Upstream
from .head import Heads, response_head
from .written import NOTHING, Written, written

__all__ = ["Pool", "ServerConnection"]

_HIGH_WATER = 256 << 10


class Carried(Protocol):
    """What a connection carries."""

    def received(self, data: bytes) -> None: ...
    def server_closed(self, error: Exception | None) -> None: ...
    def server_busy(self, busy: bool) -> None: ...
    def surplus(self) -> None: ...


class ServerConnection(asyncio.Protocol):
    """One connection to the server."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._poll = select.poll()
        self.heads = Heads(response_head)
        self.exchange: Carried | None = None
        self._last: Carried | None = None
        self.pair: Written = NOTHING  # both ends, as events tell them
        self.idle_since = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.transport.set_write_buffer_limits(_HIGH_WATER)
        self._poll.register(transport.get_extra_info("socket").fileno(), select.POLLIN | select.POLLRDHUP)
        ours, theirs = transport.get_extra_info("sockname"), transport.get_extra_info("peername")
        if isinstance(ours, tuple) and isinstance(theirs, tuple):
            pair = SocketPair(
                local_address=ours[0], local_port=ours[1], remote_address=theirs[0], remote_port=theirs[1]
            )
            self.pair = written(upstream=pair)

    def data_received(self, data: bytes) -> None:
        if self.exchange is not None:
            self.exchange.received(data)
            return
        self.abort()  # bytes that answer nothing would answer the next request
        if self._last is not None:
            self._last.surplus()
            self._last = None

    def connection_lost(self, error: Exception | None) -> None:
        self._pool.lost(self)
        exchange, self.exchange = self.exchange, None
        if exchange is not None:
            exchange.server_closed(error)

    def pause_writing(self) -> None:
        if self.exchange is not None:
            self.exchange.server_busy(True)

    def resume_writing(self) -> None:
        if self.exchange is not None:
            self.exchange.server_busy(False)

    def quiet(self) -> bool:
        """Whether the server neither closed it nor said anything since its last response."""
        return not (self.transport.is_closing() or self._poll.poll(0))

    def idle(self) -> None:
        """Its exchange is over."""
        self._last, self.exchange = self.exchange, None
        self.idle_since = time.monotonic()

    def abort(self) -> None:
        self.exchange = None
        self.transport.abort()


class Pool:
    """The idle connections, the latest first."""

    def __init__(
        self,
        upstream: Upstream,
        tls: ssl.SSLContext | None,
        settle: Callable[[ServerConnection], Awaitable[None]],
        *,
        idle_s: float,
        connect_s: float,
    ) -> None:
        self._upstream, self._tls, self._settle = upstream, tls, settle
        self._idle_s, self._connect_s = idle_s, connect_s
        self._idle: list[ServerConnection] = []
        self._sweep: asyncio.TimerHandle | None = None
        self._closed = False

    def take(self) -> ServerConnection | None:
        """An idle connection that can be used at once."""
        now = time.monotonic()
        while self._idle:
            connection = self._idle.pop()
            if now - connection.idle_since < self._idle_s and connection.quiet():
                return connection
            connection.transport.abort()
        return None

    async def dial(self) -> ServerConnection:
        """A new connection. Raises OSError (TimeoutError and ssl.SSLError among them)."""
        loop, upstream = asyncio.get_running_loop(), self._upstream
        made: Callable[[], ServerConnection] = lambda: ServerConnection(self)  # noqa: E731
        async with asyncio.timeout(self._connect_s):
            if upstream.socket:
                _, connection = await loop.create_unix_connection(made, upstream.socket)
            else:
                name = upstream.host if self._tls else None
                _, connection = await loop.create_connection(
                    made, upstream.host, upstream.port, ssl=self._tls, server_hostname=name
                )
        await self._settle(connection)
        return connection

    def give_back(self, connection: ServerConnection) -> None:
        """The response on it ended and nothing stands in the way of another."""
        connection.idle()
        if self._closed or connection.transport.is_closing():
            connection.transport.close()
            return
        self._idle.append(connection)
        if self._sweep is None:
            self._sweep = asyncio.get_running_loop().call_later(self._idle_s, self._expire)

    def lost(self, connection: ServerConnection) -> None:
        if connection in self._idle:
            self._idle.remove(connection)

    def close(self) -> None:
        self._closed = True
        if self._sweep is not None:
            self._sweep.cancel()
        for connection in self._idle:
            connection.transport.close()
        self._idle.clear()

    def _expire(self) -> None:
        now = time.monotonic()
        old = [one for one in self._idle if now - one.idle_since >= self._idle_s]
        self._idle = [one for one in self._idle if now - one.idle_since < self._idle_s]
        for connection in old:
            connection.transport.close()
        again = bool(self._idle)
        self._sweep = asyncio.get_running_loop().call_later(self._idle_s, self._expire) if again else None
