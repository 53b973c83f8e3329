"""What the body of a request or response is to an MCP server: whether it holds JSON-RPC, and its plain bytes."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

import orjson

from ..observer.parse import parse
from .coding import decoder
from .head import Head, RequestHead, ResponseHead

__all__ = ["EVENT_STREAM", "Plain", "is_text", "plain", "speaks", "streams"]

EVENT_STREAM = "text/event-stream"
_CHARSET = re.compile(r';\s*charset\s*=\s*"?([\w.:-]{1,32})', re.ASCII)
_WIDE = {"utf-16": "utf-16", "utf-16le": "utf-16-le", "utf-16be": "utf-16-be", "utf-32": "utf-32"}
_WIDE |= {"utf-32le": "utf-32-le", "utf-32be": "utf-32-be", "utf-7": "utf-7", "iso-8859-1": "latin-1"}
_OURS = frozenset({"jsonrpc", "method"})
_REPLY = frozenset({"result", "error"})
_MOST_LOOKED_AT = 64
_LEADING = b" \t\r\n\xef\xbb\xbf"  # blanks and a byte order mark, before a JSON text
_NAMED = EVENT_STREAM.encode()


@dataclass(slots=True)
class Plain:
    """`data` is what a server would parse; `whole` is false where a part of it is missing, `sure` where another server
    may read something else in the same bytes.
    """

    data: bytes
    whole: bool
    sure: bool = True
    notes: tuple[tuple[str, str], ...] = ()


def plain(head: Head, body: bytes, whole: bool, bound: int) -> Plain:
    """A body without its content coding and in UTF-8. Both are rare on requests, and a place to hide: many servers heed
    neither header, so what is JSON as it stands is read as it stands.
    """
    start = body[:4]  # of what is JSON in UTF-8 both are ASCII
    if not head.coded and start.isascii() and b"\0" not in start:
        return Plain(body, whole)
    read = Plain(body, whole)
    if b"content-encoding" in head.fields:
        _decoded(read, head.text(b"content-encoding"), bound)
    charset = _charset(read.data, head.fields.get(b"content-type", b"").lower())
    if charset is not None:
        read.notes += (("content-charset", charset),)
        _replaced(read, read.data.decode(charset, "replace").encode())
    return read


def _decoded(read: Plain, coding: str | None, bound: int) -> None:
    """Undo a content coding where it can be undone."""
    undo = decoder(coding, bound)
    text = undo.feed(read.data, bound)
    text += undo.finish(bound - len(text))
    read.notes += (("content-coded", "" if undo.readable else "unreadable"),)
    if not undo.readable:
        read.sure = False
    elif _replaced(read, text):
        read.whole = read.whole and len(text) < bound


def _replaced(read: Plain, data: bytes) -> bool:
    """Whether `data` is what is read from here on, and not what stands there."""
    if data == read.data:
        return False
    found = parse(read.data, complete=read.whole)
    stands = isinstance(found.value, dict | list) and "bom" not in found.anomalies
    read.sure = read.sure and not stands
    if stands and "invalid-utf8" not in found.anomalies:
        return False
    read.data = data
    return True


def _charset(body: bytes, kind: bytes) -> str | None:
    """The encoding of a body that is not in UTF-8: the one its first bytes show (as Python's reader of JSON has it, in
    spite of any header), else the one it is said to have.
    """
    shown = json.detect_encoding(body[:4])
    if shown != "utf-8":
        return shown
    match = _CHARSET.search(kind.decode("latin-1"))
    return _WIDE.get(match[1]) if match else None


def is_text(head: ResponseHead) -> bool:
    """Whether a response's payload is its content as it stands."""
    return b"content-encoding" not in head.fields


def streams(head: ResponseHead, asked: RequestHead) -> bool:
    """Whether a client may read a response as events: one that names the type anywhere, or answers a GET that asked
    for a stream, whatever it calls itself. Clients differ in how closely they look.
    """
    if asked.method == "GET" and head.status == 200 and _NAMED in asked.fields.get(b"accept", b"").lower():
        return True
    return _NAMED in head.fields.get(b"content-type", b"").lower()


def speaks(head: Head, body: Plain, at_endpoint: bool | None) -> bool:
    """Whether a request's body is for MCP. `at_endpoint` is None where the endpoint's path is not known.

    Elsewhere (tokens, registrations) only what has the members of JSON-RPC counts: servers listen at more paths than
    one, and a second spelling of the path must hide no call.
    """
    if not (body.data or body.notes):
        return False
    if at_endpoint:
        return True
    try:
        value = orjson.loads(body.data)
    except ValueError:
        text = not body.sure or body.data.lstrip(_LEADING)[:1] in (b"{", b"[")
        return text or (at_endpoint is None and "form" not in head.media)
    items = value if isinstance(value, list) else [value]
    return len(items) > _MOST_LOOKED_AT or any(map(_ours, items))


def _ours(value: object) -> bool:
    """Whether it has the members of a JSON-RPC message, in any case as some servers read them; or is a batch."""
    if not isinstance(value, dict):
        return isinstance(value, list)
    names = set(map(str.casefold, value))
    return not _OURS.isdisjoint(names) or ("id" in names and not _REPLY.isdisjoint(names))
