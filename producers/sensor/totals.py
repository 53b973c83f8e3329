"""Running totals of a table in the kernel to what was added since last time. Pure.

Totals are read, not taken: an entry that programs may still be adding to is never deleted, so no byte is lost.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import NamedTuple

from .decode import LONG, KernelEvent

__all__ = ["Entry", "Totals", "Use"]

Entry = tuple[bytes, bytes]  # key and value in a table

_OWNER = struct.Struct("<4xIQ")  # every key: tgid, root, epoch
_TIME = struct.Struct("<Q")


class Use(NamedTuple):
    """Whose an entry is, and when it was added to."""

    root: int
    epoch: int
    last_ns: int


class Totals:
    """Remembers each entry's totals between two readings. `decode` makes an event of an entry whose time of last use
    stands at byte `last_at` of its value."""

    def __init__(self, decode: Callable[[bytes, bytes], KernelEvent], last_at: int) -> None:
        self._decode = decode
        self._last_at = last_at
        self._seen: dict[bytes, tuple[bytes, tuple[int, int, int]]] = {}

    def added(
        self, entries: Iterable[Entry], is_finished: Callable[[Use], bool]
    ) -> tuple[list[KernelEvent], list[bytes]]:
        """Events with the bytes added since the last call, and the keys to delete.

        A key may go once it is finished (its epoch is over, or it has long been silent) and added nothing since the
        last reading. Most entries of a full table rest: they are not decoded, or who fills it would stall the reader.
        """
        events: list[KernelEvent] = []
        over: list[bytes] = []
        for key, value in entries:
            before, sums = self._seen.get(key, (b"", (0, 0, 0)))
            if before == value:
                if is_finished(Use(*_OWNER.unpack_from(key), *_TIME.unpack_from(value, self._last_at))):
                    over.append(key)
                    del self._seen[key]
                continue
            total = self._decode(key, value)
            self._seen[key] = value, (total.bytes_out, total.bytes_in, total.mapped)
            out, received, mapped = ((now - then) & LONG for now, then in zip(self._seen[key][1], sums, strict=True))
            if out or received or mapped:  # a sum that comes round is one that grew
                events.append(replace(total, bytes_out=out, bytes_in=received, mapped=mapped))
        return events, over
