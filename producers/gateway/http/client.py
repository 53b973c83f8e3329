"""A client's connection: requests one at a time, each answered before the next is read."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import Protocol, cast

from .errors import Refusal
from .exchange import Exchange
from .head import Heads, RequestHead, request_head
from .reader import RequestReader

__all__ = ["ClientConnection", "Front"]

_HIGH_WATER = 256 << 10
_MOST_EARLY = 64 << 10  # bytes of requests that came before the response to the one before them
_LINGER_S = 1.0  # for a client that still sends while it is refused


class Front(Protocol):
    """What all client connections share."""

    head_bytes: int
    head_s: float
    stopping: bool

    def opened(self, client: ClientConnection) -> bool: ...
    def closed(self, client: ClientConnection) -> None: ...

    def begin(self, client: ClientConnection, head: RequestHead) -> Exchange:
        """Raises Refusal."""

    def turned_away(self, client: ClientConnection, refusal: Refusal, head: RequestHead | None) -> None:
        """A request that never became an exchange."""


class ClientConnection(asyncio.Protocol):
    """One connection of a client."""

    def __init__(self, front: Front) -> None:
        self._front = front
        self._heads = Heads(request_head)
        self._reader = RequestReader(self._heads, front.head_bytes)
        self._exchange: Exchange | None = None
        self._early = b""
        self._timer: asyncio.TimerHandle | None = None
        self._leaving = self._ended = self._stopped = False
        self.busy = False
        self.known: object = None  # what the front found out about the peer

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.transport.set_write_buffer_limits(_HIGH_WATER)
        if not self._front.opened(self):
            self.transport.abort()

    def data_received(self, data: bytes) -> None:
        if self._leaving:
            return
        if self._exchange is not None and self._reader.done:
            self._early += data
            if len(self._early) > _MOST_EARLY:
                self.read_on(False)
            return
        self._read(data)

    def eof_received(self) -> bool:
        """Whether the connection stays open for what is still to be sent."""
        self._ended = True
        if self._exchange is not None and self._early:
            return True  # what it sent before the end is still to be answered
        return self._exchange is not None and self._exchange.client_ended()

    def connection_lost(self, error: Exception | None) -> None:
        self._front.closed(self)
        self._disarm()
        exchange, self._exchange = self._exchange, None
        if exchange is not None:
            exchange.client_gone()

    def pause_writing(self) -> None:
        self.busy = True
        if self._exchange is not None:
            self._exchange.client_busy(True)

    def resume_writing(self) -> None:
        self.busy = False
        if self._exchange is not None:
            self._exchange.client_busy(False)

    def write(self, data: bytes) -> None:
        self.transport.write(data)

    def read_on(self, wanted: bool) -> None:
        """Whether the client is read."""
        if wanted == self._stopped and not self.transport.is_closing():
            self._stopped = not wanted
            (self.transport.resume_reading if wanted else self.transport.pause_reading)()

    def finished(self, *, keep: bool) -> None:
        """The exchange is over."""
        self._exchange = None
        if not keep or self._front.stopping or (self._ended and not self._early):
            self._leave(silent=self._reader.done)
            return
        self._reader = RequestReader(self._heads, self._front.head_bytes)
        self.read_on(True)
        early, self._early = self._early, b""
        if early:
            self._read(early)
            if self._ended and not self._early:
                self._no_more()

    def stop(self) -> bool:
        """Close it where nothing is in flight; whether something is."""
        if self._exchange is None:
            self.transport.close()
        return self._exchange is not None

    def refuse(self, refusal: Refusal, body: bytes = b"") -> None:
        """Answer in place of the server, and close."""
        self._exchange = None
        self._disarm()
        self.transport.write(_answer(refusal, body))
        self._leave(silent=False)

    def abort(self) -> None:
        self._exchange = None
        self.transport.abort()

    def _no_more(self) -> None:
        """What was just read is the last of it."""
        if not self._leaving and (self._exchange is None or not self._exchange.client_ended()):
            self.transport.close()

    def _leave(self, *, silent: bool) -> None:
        """Close behind what was written. What a client still sends is read away: a reset could cost it the answer."""
        self._leaving = True
        if silent or self._ended or not self.transport.can_write_eof():
            self.transport.close()
            return
        self.transport.write_eof()
        self.read_on(True)
        self._timer = asyncio.get_running_loop().call_later(_LINGER_S, self.transport.abort)

    def _read(self, data: bytes) -> None:
        reader, exchange = self._reader, self._exchange
        try:
            raw, payload = reader.feed(data)
            if exchange is None:
                if reader.head is None:
                    self._arm()
                    return
                self._disarm()
                self._exchange = exchange = self._front.begin(self, reader.head)
        except Refusal as refusal:
            self._turn_away(refusal)
            return
        self._early, reader.surplus = reader.surplus, b""
        exchange.request(raw, payload, done=reader.done)

    def _turn_away(self, refusal: Refusal) -> None:
        if self._exchange is not None:
            self._exchange.refused(refusal)
        else:
            self._front.turned_away(self, refusal, self._reader.head)
            self.refuse(refusal)

    def _arm(self) -> None:
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self._front.head_s, self._slow)

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _slow(self) -> None:
        self._timer = None
        self._turn_away(Refusal("head-slow", 408))


def _answer(refusal: Refusal, body: bytes) -> bytes:
    """A response of the gateway's own. Plain text: a JSON-RPC error without id would tell a client that probes for an
    era that the server knows the older one only.
    """
    kind = "application/json" if body else "text/plain"
    body = body or f"the gateway refused this request: {refusal.anomaly}\n".encode()
    reason = HTTPStatus(refusal.status).phrase
    head = f"HTTP/1.1 {refusal.status} {reason}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n"
    return head.encode() + b"Connection: close\r\n\r\n" + body
