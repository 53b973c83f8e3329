"""One HTTP message out of the bytes of a connection: what to forward, what it carries, and what lies behind its end."""

from __future__ import annotations

from .body import Body, request_body, response_body
from .errors import Refusal
from .head import Heads, RequestHead, ResponseHead

__all__ = ["RequestReader", "ResponseReader"]

_SWITCHING = 101


class RequestReader:
    """Reads one request. `surplus` holds what follows it; `heads` are those of its connection."""

    __slots__ = ("_body", "_heads", "_limit", "_start", "done", "head", "surplus")

    def __init__(self, heads: Heads[RequestHead], head_bytes: int) -> None:
        self._heads, self._limit = heads, head_bytes
        self._start = b""
        self._body: Body | None = None
        self.head: RequestHead | None = None
        self.done = False
        self.surplus = b""

    def feed(self, data: bytes) -> tuple[bytes, bytes]:
        """Bytes of this request, once its head is known, and the payload among them. Raises Refusal."""
        at = 0
        if self._body is None:
            data = self._start + data if self._start else data
            head = self._heads.read(data, self._limit)
            if head is None:
                self._start = data
                return b"", b""
            self._start, at = b"", head.size
            self.head = head
            if len(data) - at == head.length:  # in one piece, as nearly all come
                self.done = True
                return data, data[at:]
            self._body = request_body(head)
        payload, rest = _fed(self._body, data[at:] if at else data)
        self.done, self.surplus = self._body.done, rest
        return data[: len(data) - len(rest)] if rest else data, payload


class ResponseReader:
    """Reads the response to a request of `method`; interim responses pass and are not kept."""

    __slots__ = ("_body", "_heads", "_limit", "_method", "_start", "done", "head", "surplus")

    def __init__(self, method: str, heads: Heads[ResponseHead], head_bytes: int) -> None:
        self._method, self._heads, self._limit = method, heads, head_bytes
        self._start = b""
        self._body: Body | None = None
        self.head: ResponseHead | None = None
        self.done = False
        self.surplus = b""

    def feed(self, data: bytes) -> tuple[bytes, bytes]:
        """Bytes to forward and the payload among them. A head is forwarded as a whole. Raises Refusal."""
        if self._start:
            data, self._start = self._start + data, b""
        at = 0
        while self._body is None:
            head = self._heads.read(data[at:] if at else data, self._limit)
            if head is None:
                self._start = data[at:]
                return data[:at], b""
            at += head.size
            if len(data) - at == head.length and head.status >= 200 and not head.bodiless(self._method):
                self.head, self.done = head, True
                return data, data[at:]
            self._interim(head)
        payload, rest = _fed(self._body, data[at:] if at else data)
        self.done, self.surplus = self._body.done, rest
        return data[: len(data) - len(rest)] if rest else data, payload

    @property
    def ends_with_connection(self) -> bool:
        """Whether the end of the connection is that of the body."""
        head = self.head
        return head is not None and not (self.done or head.chunked or head.length is not None)

    def _interim(self, head: ResponseHead) -> None:
        if head.status == _SWITCHING:
            raise Refusal("upgrade", 502)  # behind it nothing could be read
        if head.status >= 200:
            self.head, self._body = head, response_body(head, self._method)


def _fed(body: Body, data: bytes) -> tuple[bytes, bytes]:
    return (b"", data) if body.done else body.feed(data)
