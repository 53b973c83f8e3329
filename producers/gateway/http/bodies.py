"""What the body of a request or response is to an MCP server: whether it holds JSON-RPC, and its plain bytes."""

from __future__ import annotations

import re
from dataclasses import dataclass

import orjson

from .coding import decoder
from .head import Head, ResponseHead

__all__ = ["EVENT_STREAM", "Plain", "is_text", "plain", "speaks"]

EVENT_STREAM = "text/event-stream"
_CHARSET = re.compile(r';\s*charset\s*=\s*"?([\w.:-]{1,32})', re.ASCII)
_WIDE = {"utf-16": "utf-16", "utf-16le": "utf-16-le", "utf-16be": "utf-16-be", "utf-32": "utf-32"}
_WIDE |= {"utf-32le": "utf-32-le", "utf-32be": "utf-32-be", "utf-7": "utf-7", "iso-8859-1": "latin-1"}
_OURS = frozenset({"jsonrpc", "method"})
_REPLY = frozenset({"result", "error"})
_MOST_LOOKED_AT = 64


@dataclass(slots=True)
class Plain:
    """`data` is what a server would parse; `whole` is false where a part of it is missing or could not be decoded."""

    data: bytes
    whole: bool
    notes: tuple[tuple[str, str], ...] = ()


def plain(head: Head, body: bytes, whole: bool, bound: int) -> Plain:
    """A body without its content coding and in UTF-8. Both are rare on requests, and a place to hide."""
    if not head.coded:
        return Plain(body, whole)
    fields = head.fields
    value = fields.get(b"content-type", b"").lower()
    notes: list[tuple[str, str]] = []
    if b"content-encoding" in fields:
        undo = decoder(head.text(b"content-encoding"), bound)
        plain = undo.feed(body, bound)
        body = plain + undo.finish(bound - len(plain))
        whole = whole and undo.readable and len(body) < bound
        notes.append(("content-coded", "" if undo.readable else "unreadable"))
    match = _CHARSET.search(value.decode("latin-1"))
    charset = _WIDE.get(match[1]) if match else None
    if charset is not None:
        body = body.decode(charset, "replace").encode()
        notes.append(("content-charset", charset))
    return Plain(body, whole, tuple(notes))


def is_text(head: ResponseHead) -> bool:
    """Whether a response's payload is its content as it stands."""
    return head.media != EVENT_STREAM and b"content-encoding" not in head.fields


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
        return b'"jsonrpc"' in body.data or (at_endpoint is None and "form" not in head.media)
    return any(map(_ours, value[:_MOST_LOOKED_AT] if isinstance(value, list) else [value]))


def _ours(value: object) -> bool:
    """Whether it has the members of a JSON-RPC message."""
    return isinstance(value, dict) and (not _OURS.isdisjoint(value) or ("id" in value and not _REPLY.isdisjoint(value)))
