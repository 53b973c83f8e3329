"""A TCP relay on loopback that keeps every byte, and HTTP/1.1 messages cut out of what it kept."""

from __future__ import annotations

import contextlib
import re
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

__all__ = ["Exchange", "Wiretap", "exchanges", "same"]

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_WITHOUT_BODY = re.compile(rb"HTTP/1\.1 (?:1|204|304)")
_IN_BETWEEN = b"HTTP/1.1 1"
_LAST_CHUNK = b"\r\n0\r\n\r\n"
_CHUNKED = re.compile(rb"\r\ntransfer-encoding: *chunked", re.IGNORECASE)


@dataclass(frozen=True, order=True)
class Exchange:
    """The exact bytes of one request and its response; `whole` says whether the response came to its end."""

    request: bytes
    response: bytes
    whole: bool = field(default=True, compare=False)


class Wiretap:
    """Between clients and the server at `port`. Use it as a context; `port` is then its own."""

    def __init__(self, upstream: int) -> None:
        self._upstream = upstream
        self._streams: list[tuple[bytearray, bytearray]] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]

    def __enter__(self) -> Wiretap:
        threading.Thread(target=self._serve, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def exchanges(self) -> list[Exchange]:
        """Of all connections, in an order that does not depend on them."""
        return sorted(one for sent, answered in self._streams for one in exchanges(bytes(sent), bytes(answered)))

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(("127.0.0.1", self._upstream))
                kept = (bytearray(), bytearray())
                self._streams.append(kept)
                for source, target, copy in ((client, server, kept[0]), (server, client, kept[1])):
                    threading.Thread(target=_relay, args=(source, target, copy), daemon=True).start()


def _relay(source: socket.socket, target: socket.socket, copy: bytearray) -> None:
    with contextlib.suppress(OSError):
        while chunk := source.recv(1 << 16):
            copy += chunk
            target.sendall(chunk)
    for end in (source, target):  # a client that goes must be seen to go
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)


def same(front: Exchange, back: Exchange) -> bool:
    """Whether not a byte differs. A stream that the client left may end earlier on its side."""
    if front.request != back.request:
        return False
    return front.response == back.response or (not front.whole and back.response.startswith(front.response))


def exchanges(sent: bytes, answered: bytes) -> Iterator[Exchange]:
    """The exchanges of one connection, from all that was sent and all that was answered."""
    while sent:
        size, _ = _message(sent, response=False)
        length, whole = _message(answered, response=True)
        while answered.startswith(_IN_BETWEEN):
            answered = answered[length:]
            length, whole = _message(answered, response=True)
        yield Exchange(sent[:size], answered[:length], whole)
        sent, answered = sent[size:], answered[length:]


def _message(data: bytes, *, response: bool) -> tuple[int, bool]:
    """Length of the first message in `data`, and whether all of it is there."""
    end = data.find(b"\r\n\r\n") + 4
    if end < 4:
        return len(data), False
    head = data[:end]
    if response and _WITHOUT_BODY.match(head):
        return end, True
    if _CHUNKED.search(head):
        last = data.find(_LAST_CHUNK, end - 2)
        return (last + len(_LAST_CHUNK), True) if last >= 0 else (len(data), False)
    length = _LENGTH.search(head)
    if length is None:
        return (len(data), False) if response else (end, True)
    end += int(length[1])
    return min(len(data), end), len(data) >= end
