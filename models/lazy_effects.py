"""Effects as they stand on the wire, put together from the bytes of the events that they were (lazy_events.py)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Final, get_args

from .events import Binding
from .lazy_events import LazyEvent
from .specialised import Raw
from .varint import spelt

__all__ = ["array", "head_of", "option", "sized", "text"]

_CODES: Final[dict[Binding, bytes]] = {binding: bytes([2 * number]) for number, binding in enumerate(get_args(Binding))}


def head_of(event: LazyEvent, wall_ns: int, binding: Binding, candidates: Sequence[str], evidence: bytes) -> bytes:
    """The body of the Effect that an event is for a call, up to `declared`."""
    body = event.body
    tie = body.tie
    if candidates or binding != body.binding or evidence != body.evidence:
        tie = _CODES[binding] + array(len(candidates), map(text, candidates)) + evidence
    return b"".join((body.kind, spelt(wall_ns << 1), event.ids, body.named, event.opened, body.traffic, tie))


def array(many: int, items: Iterable[bytes]) -> Raw:
    """An array of `many` items as it stands on the wire."""
    return Raw(spelt(many << 1) + b"".join(items) + b"\0") if many else Raw(b"\0")


@lru_cache(1024)
def option(of_few: str | None) -> bytes:
    """One of few texts, or none, as it stands on the wire."""
    return b"\0" if of_few is None else b"\2" + text(of_few)


def text(plain: str) -> bytes:
    """A text as it stands on the wire: its length, then UTF-8."""
    return sized(plain.encode())


def sized(body: bytes) -> bytes:
    """UTF-8, its length in front."""
    return spelt(len(body) << 1) + body
