"""Where the body of an HTTP/1.1 message ends, and what it holds without its framing. Strict, as in `head`.

A decoder is fed the bytes behind the head and gives back the payload and what lies behind the message's end.
"""

from __future__ import annotations

import re
from typing import Protocol

from .errors import SMUGGLING, Refusal
from .head import RequestHead, ResponseHead

__all__ = ["Body", "request_body", "response_body"]

_SIZE = re.compile(rb"([0-9A-Fa-f]{1,15})((?:[ \t]*;[^\x00-\x08\x0a-\x1f\x7f]*)?)\r\n")
_TRAILER = re.compile(rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[^\x00-\x08\x0a-\x1f\x7f]*\r\n")
_MOST_SIZE_LINE = 1024
_MOST_EXTENSIONS = 16 << 10
_MOST_TRAILERS = 16 << 10
# A server that merges trailers into the headers would take these for the request's own.
_NO_TRAILERS = frozenset({b"content-length", b"transfer-encoding", b"host", b"authorization", b"content-type"})


class Body(Protocol):
    """`done` once the message ended; then `feed` is not called again."""

    done: bool

    def feed(self, data: bytes) -> tuple[bytes, bytes]:
        """Payload and surplus of `data`. Raises Refusal."""


class Sized:
    """A body of known length; of length 0 it is done at once."""

    def __init__(self, length: int) -> None:
        self._left = length
        self.done = not length

    def feed(self, data: bytes) -> tuple[bytes, bytes]:
        left = self._left
        if len(data) < left:
            self._left = left - len(data)
            return data, b""
        self.done = True
        return (data, b"") if len(data) == left else (data[:left], data[left:])


class UntilClose:
    """A response whose end is that of the connection."""

    done = False

    def feed(self, data: bytes) -> tuple[bytes, bytes]:
        return data, b""


class Chunked:
    """Chunks, extensions and trailers."""

    def __init__(self) -> None:
        self.done = False
        self._left = 0  # bytes of the current chunk, its line end included
        self._line = b""  # a size line or trailer that is not complete
        self._trailing = False
        self._extensions = self._trailers = 0

    def feed(self, data: bytes) -> tuple[bytes, bytes]:
        payload: list[bytes] = []
        if self._line:
            data, self._line = self._line + data, b""
        at = 0
        while at < len(data) and not self.done:
            if self._left:
                at = self._chunk(data, at, payload)
            else:
                end = data.find(b"\n", at) + 1
                if not end:
                    self._keep(data[at:])
                    break
                self._control(data[at:end])
                at = end
        return payload[0] if len(payload) == 1 else b"".join(payload), data[at:] if self.done else b""

    def _chunk(self, data: bytes, at: int, payload: list[bytes]) -> int:
        """Takes what `data` has of the current chunk."""
        end = min(at + self._left, len(data))
        content = at + self._left - 2  # where its line end starts
        if content > at:
            payload.append(data[at : min(end, content)])
        if end > content and data[max(at, content) : end] != b"\r\n"[max(at, content) - content : end - content]:
            raise Refusal(SMUGGLING, detail="chunk")
        self._left -= end - at
        return end

    def _keep(self, part: bytes) -> None:
        if len(part) > (_MOST_TRAILERS if self._trailing else _MOST_SIZE_LINE):
            raise Refusal(SMUGGLING, detail="chunk")
        self._line = part

    def _control(self, line: bytes) -> None:
        if self._trailing:
            self._trailer(line)
            return
        match = _SIZE.fullmatch(line)
        if match is None or len(line) > _MOST_SIZE_LINE:
            raise Refusal(SMUGGLING, detail="chunk")
        self._extensions += len(match[2])
        if self._extensions > _MOST_EXTENSIONS:
            raise Refusal(SMUGGLING, detail="chunk")
        size = int(match[1], 16)
        self._left = size + 2 if size else 0
        self._trailing = not size

    def _trailer(self, line: bytes) -> None:
        self._trailers += len(line)
        if line == b"\r\n":
            self.done = True
            return
        match = _TRAILER.fullmatch(line)
        if match is None or match[1].lower() in _NO_TRAILERS or self._trailers > _MOST_TRAILERS:
            raise Refusal(SMUGGLING, detail="trailer")


def request_body(head: RequestHead) -> Body:
    return Chunked() if head.chunked else Sized(head.length or 0)


def response_body(head: ResponseHead, method: str) -> Body:
    """The decoder for the response to a request of `method`."""
    if head.bodiless(method):
        return Sized(0)
    if head.chunked:
        return Chunked()
    return UntilClose() if head.length is None else Sized(head.length)
