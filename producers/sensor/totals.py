"""Running totals of a table in the kernel to what was added since last time. Pure.

Totals are read, not taken: an entry that programs may still be adding to is never deleted, so no byte is lost.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from .decode import KernelEvent

__all__ = ["Entry", "Totals"]

Entry = tuple[bytes, bytes]  # key and value in a table


class Totals:
    """Remembers each entry's totals between two readings. `decode` makes an event of an entry."""

    def __init__(self, decode: Callable[[bytes, bytes], KernelEvent]) -> None:
        self._decode = decode
        self._seen: dict[bytes, tuple[int, int, int]] = {}

    def added(
        self, entries: Iterable[Entry], is_finished: Callable[[KernelEvent], bool]
    ) -> tuple[list[KernelEvent], list[bytes]]:
        """Events with the bytes added since the last call, and the keys to delete.

        A key may go once it is finished (its epoch is over, or it has long been silent) and added nothing since the
        last reading.
        """
        events: list[KernelEvent] = []
        over: list[bytes] = []
        for key, value in entries:
            total = self._decode(key, value)
            out, received, mapped = self._seen.get(key, (0, 0, 0))
            sums = total.bytes_out, total.bytes_in, total.mapped
            if sums == (out, received, mapped):
                if is_finished(total):
                    over.append(key)
                    self._seen.pop(key, None)
                continue
            self._seen[key] = sums
            events.append(replace(total, bytes_out=sums[0] - out, bytes_in=sums[1] - received, mapped=sums[2] - mapped))
        return events, over
