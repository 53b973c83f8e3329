"""The head of an HTTP/1.1 message, read strictly: what two parsers could read in two ways is refused, never repaired.

RFC 9112. The bytes themselves are forwarded as they came; this tells where a message ends and what it asks for.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, Protocol, Self, TypeVar

from .errors import SMUGGLING, Refusal

__all__ = ["END_OF_HEAD", "Heads", "RequestHead", "ResponseHead", "addressed", "request_head", "response_head"]

_TOKEN = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
_VALUE = rb"[^\x00-\x08\x0a-\x1f\x7f]*"
_FIELD = re.compile(rb"(%b):[ \t]*(%b)\r\n" % (_TOKEN, _VALUE))
_FIELDS = rb"((?:%b:%b\r\n)*)\r\n" % (_TOKEN, _VALUE)
_REQUEST = re.compile(rb"(%b) ([^\x00-\x20\x7f]+) HTTP/1\.([01])\r\n%b" % (_TOKEN, _FIELDS))
_RESPONSE = re.compile(rb"HTTP/1\.([01]) ([1-9][0-9]{2})(?: %b)?\r\n%b" % (_VALUE, _FIELDS))
_HOST = re.compile(rb"\r\nhost:[ \t]*(%b?)[ \t]*\r\n" % _VALUE, re.IGNORECASE)
_MOST_DIGITS = 18
_MOST_REMEMBERED = 4096  # bytes of a head
_LENGTH = re.compile(rb"[0-9]{1,%d}" % _MOST_DIGITS)
_LENGTH_FIELD = re.compile(rb"\r\ncontent-length:[ \t]*([0-9]+)", re.IGNORECASE)
END_OF_HEAD = b"\r\n\r\n"
_MOST_FIELDS = 256
_NONE: frozenset[bytes] = frozenset()
_ONCE = frozenset({b"host", b"content-length", b"transfer-encoding"})
# Servers that pass headers on as variables (CGI, WSGI) read these as the names with a hyphen.
_DISGUISED = frozenset({b"content_length", b"transfer_encoding"})
_BODILESS = frozenset({204, 304})


@dataclass(slots=True)
class Head:
    """What every head has. `fields` holds the first value under each lower-case name, `repeated` the names that came
    more than once, `size` the bytes of the head. Content-Length stands in `length` only.
    """

    size: int
    fields: dict[bytes, bytes]
    repeated: frozenset[bytes]
    length: int | None
    chunked: bool
    persistent: bool
    media: str  # type of the content in lower case, without parameters
    coded: bool  # whether the content may be other than plain UTF-8

    def text(self, name: bytes) -> str | None:
        """A value as its sender's text, bytes beyond ASCII as Latin-1 has them."""
        value = self.fields.get(name)
        return None if value is None else value.decode("latin-1")


@dataclass(slots=True)
class RequestHead(Head):
    method: str
    target: str

    def resized(self, size: int, length: int) -> RequestHead:
        """The same with another Content-Length."""
        return RequestHead(
            size,
            self.fields,
            self.repeated,
            length,
            False,
            self.persistent,
            self.media,
            self.coded,
            self.method,
            self.target,
        )

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]


@dataclass(slots=True)
class ResponseHead(Head):
    status: int

    def resized(self, size: int, length: int) -> ResponseHead:
        """The same with another Content-Length."""
        return ResponseHead(
            size, self.fields, self.repeated, length, False, self.persistent, self.media, self.coded, self.status
        )

    def bodiless(self, method: str) -> bool:
        """Whether no body follows, whatever the fields say (RFC 9112 6.3)."""
        return method == "HEAD" or self.status < 200 or self.status in _BODILESS


class _Resizable(Protocol):
    size: int
    length: int | None

    def resized(self, size: int, length: int) -> Self: ...


H = TypeVar("H", bound=_Resizable)


def request_head(data: bytes, limit: int) -> RequestHead | None:
    """The request head at the start of `data`; None while its end is missing. Raises Refusal."""
    size = _size(data, limit)
    if not size:
        return None
    match = _REQUEST.fullmatch(data, 0, size)
    if match is None:
        raise Refusal("head-invalid")
    method, target, minor, block = match.groups()
    fields, repeated = _fields(block)
    _check_request(method, target, minor, fields, repeated)
    return RequestHead(
        size,
        fields,
        repeated,
        *_framing(fields, repeated),
        _persistent(minor, fields),
        *_content(fields),
        method.decode(),
        target.decode("latin-1"),
    )


def response_head(data: bytes, limit: int) -> ResponseHead | None:
    """The response head at the start of `data`; None while its end is missing. Raises Refusal."""
    size = _size(data, limit)
    if not size:
        return None
    match = _RESPONSE.fullmatch(data, 0, size)
    if match is None:
        raise Refusal("head-invalid")
    minor, status, block = match.groups()
    fields, repeated = _fields(block)
    return ResponseHead(
        size, fields, repeated, *_framing(fields, repeated), _persistent(minor, fields), *_content(fields), int(status)
    )


class Heads(Generic[H]):
    """The heads of one connection: one that differs from the last in Content-Length alone is not read again."""

    def __init__(self, read: Callable[[bytes, int], H | None]) -> None:
        self._read: Callable[[bytes, int], H | None] = read
        self._last: H | None = None
        self._before = self._after = b""

    def read(self, data: bytes, limit: int) -> H | None:
        """As `request_head` and `response_head`."""
        last, start = self._last, len(self._before)
        if last is not None and data.startswith(self._before):
            after = self._after
            end = data.find(b"\r", start, start + _MOST_DIGITS + 1)
            if end > start and (digits := data[start:end]).isdigit() and data.startswith(after, end):
                return last.resized(end + len(after), int(digits))
        head = self._read(data, limit)
        match = _LENGTH_FIELD.search(data, 0, head.size) if head is not None and head.length is not None else None
        if head is not None and match is not None and head.size <= _MOST_REMEMBERED:
            self._last, self._before, self._after = head, data[: match.start(1)], data[match.end(1) : head.size]
        return head


def addressed(data: bytes, head: RequestHead, host: bytes) -> bytes:
    """`data`, which starts with `head`, with another value of Host: the only change that a setting asks for."""
    match = _HOST.search(data, 0, head.size)
    return data if match is None else data[: match.start(1)] + host + data[match.end(1) :]


def _size(data: bytes, limit: int) -> int:
    end = data.find(END_OF_HEAD, 0, limit)
    if end < 0:
        if len(data) >= limit:
            raise Refusal("head-oversize")
        if b"\n\n" in data or b"\n\r\n" in data:
            raise Refusal("head-invalid")  # it will never end as a strict reader has it; elsewhere it just did
        return 0
    return end + len(END_OF_HEAD)


def _fields(block: bytes) -> tuple[dict[bytes, bytes], frozenset[bytes]]:
    pairs = [(name.lower(), value.rstrip(b" \t")) for name, value in _FIELD.findall(block)]
    if len(pairs) > _MOST_FIELDS:
        raise Refusal("head-oversize")
    fields = dict(pairs)
    if len(fields) == len(pairs):
        return fields, _NONE
    fields, repeated = {}, set()
    for name, value in pairs:
        if name in fields:
            repeated.add(name)
            if name == b"connection":
                fields[name] += b"," + value
        else:
            fields[name] = value
    return fields, frozenset(repeated)


def _framing(fields: dict[bytes, bytes], repeated: frozenset[bytes]) -> tuple[int | None, bool]:
    """Length and whether chunked. Raises Refusal for all that differs between parsers (request smuggling)."""
    if not _ONCE.isdisjoint(repeated):
        raise Refusal(SMUGGLING, detail="repeated " + min(repeated & _ONCE).decode())
    if not _DISGUISED.isdisjoint(fields):
        raise Refusal(SMUGGLING, detail="a framing field with an underscore")
    length, coding = fields.pop(b"content-length", None), fields.get(b"transfer-encoding")
    if coding is not None:
        if length is not None:
            raise Refusal(SMUGGLING, detail="content-length and transfer-encoding")
        if coding.lower() != b"chunked":
            raise Refusal(SMUGGLING, detail="transfer-encoding is not chunked")
        return None, True
    if length is None:
        return None, False
    if _LENGTH.fullmatch(length) is None:
        raise Refusal(SMUGGLING, detail="content-length is no number")
    return int(length), False


def _check_request(
    method: bytes, target: bytes, minor: bytes, fields: dict[bytes, bytes], repeated: frozenset[bytes]
) -> None:
    if minor == b"0" and b"transfer-encoding" in fields:
        raise Refusal(SMUGGLING, detail="transfer-encoding in HTTP/1.0")
    if minor == b"1" and b"host" not in fields:
        raise Refusal("host-missing")
    if not target.startswith(b"/") and (method, target) != (b"OPTIONS", b"*"):
        raise Refusal("target-form")  # an absolute form names a second host, CONNECT asks for a tunnel
    upgrade = fields.get(b"upgrade")
    if upgrade is not None and (upgrade.lower() != b"h2c" or b"upgrade" in repeated):
        raise Refusal("upgrade")  # h2c is a habit of Java clients that servers ignore; a 101 to it is refused


def _persistent(minor: bytes, fields: dict[bytes, bytes]) -> bool:
    """Whether the connection outlives the message (RFC 9112 9.3)."""
    if b"connection" not in fields:
        return minor == b"1"
    options = {one.strip() for one in fields[b"connection"].lower().split(b",")}
    return b"close" not in options and (minor == b"1" or b"keep-alive" in options)


def _content(fields: dict[bytes, bytes]) -> tuple[str, bool]:
    """Its media type, and whether it may be coded."""
    coded, value = b"content-encoding" in fields, fields.get(b"content-type")
    if not value:
        return "", coded
    value = value.lower()
    return value.partition(b";")[0].strip().decode("latin-1"), coded or b"charset" in value
