"""Reads a BPF ring buffer by mmap: two mappings, one copy for all complete records, one store to free them.

Relies on x86's ordering of loads and stores (a plain load is an acquire there); the probe refuses other machines.
"""

from __future__ import annotations

import mmap
import struct

__all__ = ["Ring", "complete"]

_BUSY = 1 << 31
_DISCARDED = 1 << 30
_HEADER = 8
_POSITION = struct.Struct("<Q")
_LENGTH = struct.Struct("<I")


def complete(block: bytes) -> tuple[list[tuple[int, int]], int]:
    """(offset, length) of every complete record at the head of `block`, and how many bytes they take.

    A record still being written ends the list: those behind it wait for it (Documentation/bpf/ringbuf.rst).
    """
    records: list[tuple[int, int]] = []
    at = 0
    while at < len(block):
        head = _LENGTH.unpack_from(block, at)[0]
        if head & _BUSY:
            break
        length = head & ~_DISCARDED
        if not head & _DISCARDED:
            records.append((at + _HEADER, length))
        at += (length + _HEADER + 7) & ~7
    return records, at


class Ring:
    """The consumer of one ring of `size` bytes. There must be no other."""

    def __init__(self, descriptor: int, size: int) -> None:
        page = mmap.PAGESIZE
        self._mask = size - 1
        self._data_at = page
        self._consumer = mmap.mmap(descriptor, page, mmap.MAP_SHARED, mmap.PROT_READ | mmap.PROT_WRITE, offset=0)
        # The kernel maps the data twice in a row, so a slice never wraps.
        self._producer = mmap.mmap(descriptor, page + 2 * size, mmap.MAP_SHARED, mmap.PROT_READ, offset=page)
        self._position = _POSITION.unpack_from(self._consumer, 0)[0]

    def read(self) -> tuple[bytes, list[tuple[int, int]]]:
        """A copy of what is new, and (offset, length) of each record in it. What is returned is gone from the ring."""
        waiting = _POSITION.unpack_from(self._producer, 0)[0] - self._position
        if not waiting:
            return b"", []
        start = self._data_at + (self._position & self._mask)
        block = self._producer[start : start + waiting]
        records, used = complete(block)
        self._position += used
        _POSITION.pack_into(self._consumer, 0, self._position)
        return block, records

    def close(self) -> None:
        self._consumer.close()
        self._producer.close()
