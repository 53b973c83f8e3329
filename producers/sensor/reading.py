"""Raw input to kernel events: ring records, and the tables of connections and files. Pure; live and replay share it."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import replace

from .decode import KernelEvent, decode, decode_file, decode_flow
from .totals import Entry, Totals

__all__ = ["Reading"]

_MOST_NAMES = 16_384


class Reading:
    """Remembers what one reading must know of those before it: totals, and the names of files."""

    def __init__(self) -> None:
        self._flows = Totals(decode_flow)
        self._files = Totals(decode_file)
        self._names: OrderedDict[tuple[int, int], KernelEvent] = OrderedDict()  # by device and inode

    def record(self, record: bytes) -> KernelEvent | None:
        """The event of one ring record; None for the first touch of a file, which only brings its name.

        Raises DecodeError.
        """
        event = decode(record)
        if event.inode and event.path is not None and event.path_source == "kernel":
            self._names[event.device, event.inode] = event
            self._names.move_to_end((event.device, event.inode))
            if len(self._names) > _MOST_NAMES:
                self._names.popitem(last=False)
        return None if event.kind == "io" else event

    def flows(
        self, entries: Iterable[Entry], is_finished: Callable[[KernelEvent], bool]
    ) -> tuple[list[KernelEvent], list[bytes]]:
        """What was sent and received since the last call, and the keys to delete."""
        return self._flows.added(entries, is_finished)

    def files(
        self, entries: Iterable[Entry], is_finished: Callable[[KernelEvent], bool]
    ) -> tuple[list[KernelEvent], list[bytes]]:
        """What was read and written since the last call, and the keys to delete."""
        events, over = self._files.added(entries, is_finished)
        return [self._named(event) for event in events], over

    def _named(self, event: KernelEvent) -> KernelEvent:
        known = self._names.get((event.device, event.inode))
        if known is None:
            return event
        return replace(event, path=known.path, path_source="kernel", layer=known.layer, links=known.links)
