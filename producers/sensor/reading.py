"""Raw input to kernel events: ring records, and the tables of connections and files. Pure; live and replay share it."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import NamedTuple

from ...models.events import FileLayer
from .decode import KernelEvent, decode, decode_file, decode_flow
from .layouts import FILE_LAST, FLOW_LAST
from .totals import Entry, Totals, Use

__all__ = ["Reading"]

_MOST_NAMES = 16_384
_MOST_NAME_BYTES = 2 << 20  # a path may have 4 KB: who opens many such must not fill the memory


class _Name(NamedTuple):
    """What a first touch, or an open, tells of a file."""

    path: bytes
    layer: FileLayer
    links: int


class _Names:
    """Of the files used last, by root (the file of one server may have another name in the next), device and inode."""

    def __init__(self) -> None:
        self._names: OrderedDict[tuple[int, int, int], _Name] = OrderedDict()
        self._bytes = 0

    def put(self, event: KernelEvent, path: bytes) -> None:
        file = event.root, event.device, event.inode
        if before := self._names.pop(file, None):
            self._bytes -= len(before.path)
        self._names[file] = _Name(path, event.layer, event.links)
        self._bytes += len(path)
        while len(self._names) > _MOST_NAMES or self._bytes > _MOST_NAME_BYTES:
            self._bytes -= len(self._names.popitem(last=False)[1].path)

    def of(self, event: KernelEvent) -> _Name | None:
        return self._names.get((event.root, event.device, event.inode))


class Reading:
    """Remembers what one reading must know of those before it: totals, and the names of files."""

    def __init__(self) -> None:
        self._flows = Totals(decode_flow, FLOW_LAST)
        self._files = Totals(decode_file, FILE_LAST)
        self._names = _Names()

    def record(self, record: bytes) -> KernelEvent | None:
        """The event of one ring record; None for the first touch of a file, which only brings its name.

        Raises DecodeError.
        """
        event = decode(record)
        if event.inode and event.path is not None and event.path_source == "kernel":
            self._names.put(event, event.path)
        return None if event.kind == "io" else event

    def flows(
        self, entries: Iterable[Entry], is_finished: Callable[[Use], bool]
    ) -> tuple[list[KernelEvent], list[bytes]]:
        """What was sent and received since the last call, and the keys to delete."""
        return self._flows.added(entries, is_finished)

    def files(
        self, entries: Iterable[Entry], is_finished: Callable[[Use], bool]
    ) -> tuple[list[KernelEvent], list[bytes]]:
        """What was read and written since the last call, and the keys to delete."""
        events, over = self._files.added(entries, is_finished)
        return [self._named(event) for event in events], over

    def _named(self, event: KernelEvent) -> KernelEvent:
        known = self._names.of(event)
        if known is None:
            return event
        return replace(event, path=known.path, path_source="kernel", layer=known.layer, links=known.links)
