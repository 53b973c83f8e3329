"""One request and its response between two connections: observed before it is forwarded, forwarded as it came.

A body is held until it is whole, so that what is judged, spooled and leased is what the server then gets in one piece;
beyond the bounds it flows, flagged. A response flows at once and is described behind it.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Protocol

from ....models.events import Lease
from ..observer.ledger import Call
from .errors import Refusal
from .head import END_OF_HEAD, RequestHead, ResponseHead, addressed
from .lease import AsyncLease
from .memory import Hold, Memory
from .pool import Pool, ServerConnection
from .reader import ResponseReader
from .written import Written

__all__ = ["Client", "Exchange", "Means", "Watch"]

_CONTINUE = b"100-continue"


class Client(Protocol):
    """The connection that asked."""

    busy: bool

    def write(self, data: bytes) -> None: ...
    def read_on(self, wanted: bool) -> None: ...
    def finished(self, *, keep: bool) -> None: ...
    def refuse(self, refusal: Refusal, body: bytes = b"") -> None: ...
    def abort(self) -> None: ...


class Watch(Protocol):
    """What observes an exchange. Nothing it does may raise."""

    def judge(self, body: bytes, whole: bool) -> bytes | None:
        """The error body where the request is forbidden."""

    def request(self, body: bytes, size: int, pair: Written) -> list[Call]:
        """What goes over this connection next; the calls it starts."""

    def dispatch(self, lease: Lease) -> None:
        """It goes now: on disk when this returns."""

    def response(self, head: ResponseHead | None, payload: bytes, done: bool) -> None:
        """More of the response was forwarded. The head comes once, with what came with it."""

    def incident(self, anomaly: str, detail: str = "") -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """What all exchanges of a gateway share. `inspect_bytes` of a request are held at most."""

    pool: Pool
    lease: AsyncLease
    memory: Memory
    inspect_bytes: int
    head_bytes: int
    host: bytes | None = None  # takes the place of the client's Host


class Exchange:
    """Made for one request head. What most exchanges never change stands in the class."""

    _size = 0
    _whole = False
    _released = False
    _sent = False
    _over = False
    _answered = False
    _described = False
    _paused = False
    _half_closed = False
    _connection: ServerConnection | None = None
    _dialling: asyncio.Task[None] | None = None
    _reader: ResponseReader  # of the connection, once there is one

    def __init__(self, client: Client, head: RequestHead, watch: Watch, means: Means) -> None:
        self._client, self._head, self._watch, self._means = client, head, watch, means
        self._hold = Hold(means.memory, means.inspect_bytes)
        self._raw: list[bytes] = []
        self._expects = b"expect" in head.fields and head.fields[b"expect"].lower() == _CONTINUE

    def request(self, raw: bytes, payload: bytes, *, done: bool) -> None:
        """More bytes of the request, its head first."""
        self._whole = done
        if self._sent and self._connection is not None and not self._expects:
            self._connection.transport.write(raw)
            return
        host = self._means.host
        self._raw.append(raw if self._raw or host is None else addressed(raw, self._head, host))
        self._size += len(payload)
        if self._released:
            return
        if not self._hold.add(payload, len(raw) - len(payload)) or done:
            self._release()
        elif self._expects and self._connection is None:
            self._acquire()

    def received(self, data: bytes) -> None:
        """Bytes of the server."""
        reader = self._reader
        try:
            raw, payload = reader.feed(data)
        except Refusal as refusal:
            self._broken(refusal)
            return
        if raw:
            self._answered = True
            self._client.write(raw)
            if self._client.busy:
                self.client_busy(True)
        head = None if self._described else reader.head
        self._described = reader.head is not None
        if reader.done:
            self._finish(head, payload)
        elif head is not None or payload:
            self._watch.response(head, payload, False)

    def server_closed(self, error: Exception | None) -> None:
        """The connection to the server is gone."""
        self._connection = None
        if self._over:
            return
        if error is None and self._reader.ends_with_connection:
            self._finish(None, b"")
            return
        self._end("client-disconnected" if self._half_closed else "server-disconnected")
        if error is None:
            self._client.finished(keep=False)
        else:
            self._client.abort()

    def surplus(self) -> None:
        """The server said more than its response, when nobody had asked again."""
        self._watch.incident("response-surplus")

    def server_busy(self, busy: bool) -> None:
        self._client.read_on(not busy)

    def client_busy(self, busy: bool) -> None:
        """Whether the client is slower than the server."""
        if self._connection is not None and busy != self._paused:
            self._paused = busy
            transport = self._connection.transport
            if not transport.is_closing():
                (transport.pause_reading if busy else transport.resume_reading)()

    def client_ended(self) -> bool:
        """The client will send no more. Whether it may still get its response, for the server to decide."""
        connection = self._connection
        if not self._whole or (connection is not None and not connection.transport.can_write_eof()):
            return False
        self._half_closed = True
        if self._sent and connection is not None:
            connection.transport.write_eof()
        return True

    def client_gone(self) -> None:
        """The client's connection is gone, and with it the server's."""
        if not self._over:
            self._end("client-disconnected")

    def refused(self, refusal: Refusal) -> None:
        """The rest of the request is none."""
        self._end(refusal.anomaly, refusal.detail)
        if self._answered:
            self._client.abort()
        else:
            self._client.refuse(refusal)

    def _release(self) -> None:
        """Nothing more is needed to decide."""
        self._released = True
        forbidden = self._watch.judge(self._hold.bytes(), self._whole)
        if forbidden is not None:
            self._end("")
            self._client.refuse(Refusal("forbidden", 403), forbidden)
            return
        if not self._whole:
            self._client.read_on(False)
        if self._connection is not None:
            self._observe(self._connection)
        elif self._dialling is None:
            self._acquire()

    def _acquire(self) -> None:
        connection = self._means.pool.take()
        if connection is None:
            self._dialling = asyncio.get_running_loop().create_task(self._dial())
        else:
            self._connected(connection)

    async def _dial(self) -> None:
        try:
            connection = await self._means.pool.dial()
        except OSError:
            self._end("server-unreachable")
            self._client.refuse(Refusal("server-unreachable", 502))
            return
        self._dialling = None
        self._connected(connection)

    def _connected(self, connection: ServerConnection) -> None:
        connection.exchange = self
        self._connection = connection
        self._reader = ResponseReader(self._head.method, connection.heads, self._means.head_bytes)
        if self._released:
            self._observe(connection)
        else:  # the server is asked whether it wants the body
            first = self._raw[0]
            end = first.index(END_OF_HEAD) + len(END_OF_HEAD)
            self._raw[0] = first[end:]
            connection.transport.write(first[:end])

    def _observe(self, connection: ServerConnection) -> None:
        calls = self._watch.request(self._hold.bytes(), self._size, connection.pair)
        self._hold.clear()
        self._means.lease.begin(calls, self._send)

    def _send(self, lease: Lease) -> None:
        """To the server, in one piece."""
        if self._over or self._connection is None:
            return
        self._watch.dispatch(lease)
        raw, self._raw = self._raw, []
        self._sent, self._expects = True, False
        if not self._whole:
            self._client.read_on(True)  # before the write, which may find that the server is busy
        self._connection.transport.write(raw[0] if len(raw) == 1 else b"".join(raw))
        if self._whole and self._half_closed:
            self._connection.transport.write_eof()

    def _finish(self, head: ResponseHead | None, payload: bytes) -> None:
        """The response is whole with `payload`."""
        reader, connection, answer = self._reader, self._connection, self._reader.head
        self._connection, self._over = None, True
        again = answer is not None and answer.persistent and self._head.persistent
        again = again and self._whole and not self._half_closed
        self._watch.response(head, payload, True)
        if reader.surplus:
            self.surplus()
        if connection is not None:
            self._let_go(connection, again=again and not reader.surplus)
        self._client.finished(keep=again and not reader.ends_with_connection)

    def _let_go(self, connection: ServerConnection, *, again: bool) -> None:
        if self._paused and not connection.transport.is_closing():
            connection.transport.resume_reading()
        if again and self._sent:
            self._means.pool.give_back(connection)
        else:
            connection.abort()

    def _broken(self, refusal: Refusal) -> None:
        """The response cannot be told from what follows it."""
        self._end("response-" + refusal.anomaly, refusal.detail)
        if self._answered:
            self._client.abort()
        else:
            self._client.refuse(Refusal("response-" + refusal.anomaly, 502))

    def _end(self, anomaly: str, detail: str = "") -> None:
        """Both sides part before the response ended."""
        self._over = True
        self._hold.clear()
        if self._dialling is not None and self._dialling is not asyncio.current_task():
            self._dialling.cancel()
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.abort()
        if anomaly:
            self._watch.incident(anomaly, detail)
