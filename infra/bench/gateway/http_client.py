"""A client over loopback HTTP: requests are bytes made beforehand, one connection for each call in flight."""

from __future__ import annotations

import select
import socket
import time
from collections.abc import Iterator, Sequence

from ..errors import BenchError
from .client import Killable, Span, undisturbed, watched
from .traffic import INITIALIZE, INITIALIZED, LIST

__all__ = ["HttpClient"]

_CHUNK = 1 << 18
_HEAD_END = b"\r\n\r\n"
_LAST_CHUNK = b"0\r\n\r\n"
_ACCEPTED = (b"200", b"202", b"204")
_START_S = 30.0
_MODERN = b'"io.modelcontextprotocol/protocolVersion":"2026-07-28"'


class HttpClient:
    """Of a listener on a loopback port. `start_ms` is the time from `began_ns` to the first reply."""

    def __init__(self, port: int, process: Killable, began_ns: int, pid: int) -> None:
        self.pid = pid
        self._port, self._process = port, process
        self._session = b""
        self._socket = self._listening(began_ns)
        head, _ = self._exchange(INITIALIZE)
        self.start_ms = (time.perf_counter_ns() - began_ns) / 1e6
        self._session = _header(head, b"mcp-session-id")
        self._exchange(INITIALIZED)
        self.ask(LIST)

    def close(self) -> None:
        self._socket.close()

    def ask(self, message: bytes) -> bytes:
        """POST one message and return the body that answers."""
        _, body = self._exchange(message)
        if b'"result"' not in body:
            raise BenchError(f"it answered {body[:200]!r}")
        return body

    def one_by_one(self, messages: Sequence[bytes]) -> list[float]:
        """Microseconds a call, on one connection."""
        clock, requests = time.perf_counter_ns, [self._request(message) for message in messages]
        spent = []
        with watched(self._process), undisturbed():
            for request in requests:
                began = clock()
                self._socket.sendall(request)
                reply = self._received()
                while not _complete(reply):
                    reply += self._received()
                spent.append((clock() - began) / 1000)
        return spent

    def at_once(self, messages: Sequence[bytes], in_flight: int) -> Span:
        """Over `in_flight` connections with one call each."""
        requests = iter([self._request(message) for message in messages])
        sockets = {sock.fileno(): sock for sock in (self._connect() for _ in range(in_flight))}
        try:
            with watched(self._process), undisturbed() as span:
                _drive(sockets, requests)
                return span()
        finally:
            for sock in sockets.values():
                sock.close()

    def _exchange(self, message: bytes) -> tuple[bytes, bytes]:
        with watched(self._process):
            self._socket.sendall(self._request(message))
            reply = bytearray(self._received())
            while not _complete(reply):
                reply += self._received()
        head, _, body = bytes(reply).partition(_HEAD_END)
        if head.split(b" ", 2)[1] not in _ACCEPTED:
            raise BenchError(f"it answered {head[:200]!r}")
        return head, body

    def _request(self, message: bytes) -> bytes:
        body = message.rstrip(b"\n")
        version = b"2026-07-28" if _MODERN in body else b"2025-11-25"
        session = b"mcp-session-id: %s\r\n" % self._session if self._session else b""
        names = b"mcp-method: tools/call\r\nmcp-name: echo\r\n" if version == b"2026-07-28" else b""
        return (
            b"POST /mcp HTTP/1.1\r\nhost: 127.0.0.1:%d\r\nuser-agent: bench/1\r\naccept: application/json, "
            b"text/event-stream\r\ncontent-type: application/json\r\nmcp-protocol-version: %s\r\n%s%s"
            b"content-length: %d\r\n\r\n%s" % (self._port, version, names, session, len(body), body)
        )

    def _received(self) -> bytes:
        data = self._socket.recv(_CHUNK)
        if not data:
            raise BenchError("it closed the connection in the middle of a run")
        return data

    def _connect(self) -> socket.socket:
        sock = socket.create_connection(("127.0.0.1", self._port))
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return sock

    def _listening(self, began_ns: int) -> socket.socket:
        while True:
            try:
                return self._connect()
            except OSError as error:
                if time.perf_counter_ns() - began_ns > _START_S * 1e9:
                    raise BenchError(f"it did not listen within {_START_S:.0f} s") from error
                time.sleep(0.002)


def _drive(sockets: dict[int, socket.socket], requests: Iterator[bytes]) -> None:
    """Keep a call open on every connection until there are no more."""
    partial: dict[int, bytes] = {}
    poll = select.epoll()
    open_calls = 0
    for fd, sock in sockets.items():
        if (request := next(requests, None)) is not None:
            poll.register(fd, select.EPOLLIN)
            sock.send(request)
            open_calls += 1
    while open_calls:
        for fd, _ in poll.poll():
            data = sockets[fd].recv(_CHUNK)
            reply = partial.pop(fd) + data if fd in partial else data
            if not _complete(reply):
                partial[fd] = reply
                if not data:
                    raise BenchError("it closed a connection in the middle of a call")
                continue
            if reply[9:12] != b"200":
                raise BenchError(f"it answered {reply[:200]!r}")
            if (request := next(requests, None)) is not None:
                sockets[fd].send(request)
            else:
                open_calls -= 1


def _complete(reply: bytes | bytearray) -> bool:
    """Whether a whole response has arrived, by its length or its last chunk."""
    end = reply.find(_HEAD_END)
    if end < 0:
        return False
    length = _header(reply[:end], b"content-length")
    if length:
        return len(reply) - end - len(_HEAD_END) >= int(length)
    if _header(reply[:end], b"transfer-encoding"):
        return reply.endswith(_LAST_CHUNK)
    return True


def _header(head: bytes | bytearray, name: bytes) -> bytes:
    """A header's value, empty where it is missing."""
    at = head.lower().find(b"\r\n" + name + b":")
    return bytes(head[at + len(name) + 3 :]).split(b"\r\n", 1)[0].strip() if at >= 0 else b""
