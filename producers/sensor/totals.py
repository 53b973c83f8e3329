"""Running totals of the kernel's flow table to what was added since last time. Pure.

Totals are read, not taken: an entry that programs may still be adding to is never deleted, so no byte is lost.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from .decode import KernelEvent, decode_flow

__all__ = ["FlowTotals"]


class FlowTotals:
    """Remembers each entry's totals between two readings."""

    def __init__(self) -> None:
        self._seen: dict[bytes, tuple[int, int]] = {}

    def added(
        self, entries: Iterable[tuple[bytes, bytes]], finished: Callable[[KernelEvent], bool]
    ) -> tuple[list[KernelEvent], list[bytes]]:
        """Events with the bytes added since the last call, and the keys to delete.

        A key may go once it is `finished` (its epoch is over, or it has long been silent) and added nothing since the
        last reading.
        """
        events: list[KernelEvent] = []
        over: list[bytes] = []
        for key, value in entries:
            total = decode_flow(key, value)
            out, received = self._seen.get(key, (0, 0))
            if (total.bytes_out, total.bytes_in) == (out, received):
                if finished(total):
                    over.append(key)
                    self._seen.pop(key, None)
                continue
            self._seen[key] = (total.bytes_out, total.bytes_in)
            events.append(replace(total, bytes_out=total.bytes_out - out, bytes_in=total.bytes_in - received))
        return events, over
