"""Effects as they stand on the wire, put together from the bytes of the events that they were (lazy_events.py)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import get_args

from .events import Binding
from .lazy_events import LazyEvent
from .specialised import Raw
from .varint import put

__all__ = ["array", "head_of", "option", "text"]

_LENGTHS = [bytes((size << 1,)) for size in range(64)]
_CODES = {binding: bytes([2 * number]) for number, binding in enumerate(get_args(Binding))}


def head_of(event: LazyEvent, wall_ns: int, binding: Binding, candidates: Sequence[str], evidence: bytes) -> bytes:
    """The body of the Effect that an event is for a call, up to `declared`."""
    body = event.body
    tie = body.tie
    if candidates or binding != body.binding or evidence != body.evidence:
        tie = _CODES[binding] + array(len(candidates), map(text, candidates)) + evidence
    return b"".join((body.kind, _time(wall_ns), event.ids, body.named, event.opened, body.traffic, tie))


def array(many: int, items: Iterable[bytes]) -> Raw:
    """An array of `many` items as it stands on the wire."""
    if not many:
        return Raw(b"\0")
    out = bytearray()
    put(many << 1, out)
    out += b"".join(items)
    out.append(0)
    return Raw(bytes(out))


def _time(wall_ns: int) -> bytes:
    """A time of day as it stands on the wire. What changes within a tenth of a second are its first four bytes."""
    n = wall_ns << 1
    if n < 1 << 28:
        out = bytearray()
        put(n, out)
        return bytes(out)
    low = n & 0x7F | (n & 0x3F80) << 1 | (n & 0x1FC000) << 2 | (n & 0xFE00000) << 3 | 0x80808080
    return low.to_bytes(4, "little") + _rest(n >> 28)


@lru_cache(64)
def _rest(n: int) -> bytes:
    out = bytearray()
    put(n, out)
    return bytes(out)


@lru_cache(1024)
def option(of_few: str | None) -> bytes:
    """One of few texts, or none, as it stands on the wire."""
    return b"\0" if of_few is None else b"\2" + text(of_few)


def text(plain: str) -> bytes:
    """A text as it stands on the wire: its length, then UTF-8."""
    body = plain.encode()
    if len(body) < 64:
        return _LENGTHS[len(body)] + body
    out = bytearray()
    put(len(body) << 1, out)
    return bytes(out) + body
