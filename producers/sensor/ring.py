"""Reads a BPF ring buffer: by mmap on x86-64 (one copy for all records, one store to free them), elsewhere by libbpf.

A plain load is an acquire on x86 only. Elsewhere a record could be seen as complete before its bytes are there.
"""

from __future__ import annotations

import ctypes
import mmap
import os
import platform
import struct
from typing import Protocol

from .libbpf import SAMPLE, libbpf

__all__ = ["LibbpfRing", "MappedRing", "Ring", "complete", "open_ring"]

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


class Ring(Protocol):
    """The consumer of one ring. There must be no other."""

    def read(self) -> tuple[bytes, list[tuple[int, int]]]:
        """A copy of what is new, and (offset, length) of each record in it. What is returned is gone from the ring."""
        ...

    def close(self) -> None: ...


def open_ring(descriptor: int, size: int) -> Ring:
    """The consumer that this machine's memory order allows, of a ring of `size` bytes. Raises OSError."""
    return (MappedRing if platform.machine() == "x86_64" else LibbpfRing)(descriptor, size)


class MappedRing:
    """Shares the kernel's pages: no call for a record."""

    def __init__(self, descriptor: int, size: int) -> None:
        page = mmap.PAGESIZE
        self._mask = size - 1
        self._data_at = page
        self._consumer = mmap.mmap(descriptor, page, mmap.MAP_SHARED, mmap.PROT_READ | mmap.PROT_WRITE, offset=0)
        # The kernel maps the data twice in a row, so a slice never wraps.
        self._producer = mmap.mmap(descriptor, page + 2 * size, mmap.MAP_SHARED, mmap.PROT_READ, offset=page)
        self._position = _POSITION.unpack_from(self._consumer, 0)[0]

    def read(self) -> tuple[bytes, list[tuple[int, int]]]:
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


class LibbpfRing:
    """Lets libbpf order the loads: a call for every record, some microseconds each."""

    def __init__(self, descriptor: int, size: int) -> None:
        self._most = size
        self._block = bytearray()
        self._records: list[tuple[int, int]] = []
        self._sample = SAMPLE(self._take)  # kept: libbpf holds only its address
        self._handle = libbpf().ring_buffer__new(descriptor, self._sample, None, None)
        if not self._handle:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))

    def read(self) -> tuple[bytes, list[tuple[int, int]]]:
        self._block, self._records = bytearray(), []
        libbpf().ring_buffer__consume(self._handle)
        return bytes(self._block), self._records

    def close(self) -> None:
        libbpf().ring_buffer__free(self._handle)

    def _take(self, _context: int | None, address: int, length: int) -> int:
        self._records.append((len(self._block), length))
        self._block += ctypes.string_at(address, length)
        return -1 if len(self._block) >= self._most else 0  # a writer that never rests must not hold us
