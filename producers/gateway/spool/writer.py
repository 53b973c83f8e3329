"""Events on disk before the bytes they tell of are forwarded: append-only segments, one writer each, one folder a node.

A record is a 4-byte length and a JSON text. A crash of the gateway loses none that was appended; records are not
synced, so a crash of the machine may. A segment is locked while its writer lives; a shipper deletes what is
acknowledged and no longer locked. Every segment holds the heads its events name, so it can be read alone.
"""

from __future__ import annotations

import fcntl
import os
import struct
from collections.abc import Iterable
from pathlib import Path

from ....models.errors import ConfigError
from .record import Entry

__all__ = ["HEADER", "SUFFIX", "Spool", "SpoolError", "split"]

SUFFIX = ".spool"
_LENGTH = struct.Struct(">I")
HEADER = _LENGTH.size
_SEGMENT_BYTES = 64 << 20


class SpoolError(ConfigError):
    """The spool folder cannot be used."""

    code = "G03"

    def __init__(self, folder: Path, error: OSError) -> None:
        super().__init__(
            f"the spool folder {folder} cannot be written: {error.strerror}", "set spool_dir to a folder of your own"
        )


class Spool:
    """The writer's side. `limit` bounds the bytes in the whole folder, whoever wrote them."""

    def __init__(self, folder: Path, instance: str, limit: int, segment_bytes: int = _SEGMENT_BYTES) -> None:
        self._folder, self._instance = folder, instance
        self._limit, self._segment_bytes = limit, segment_bytes
        self._fd, self._size, self._number = -1, 0, 0
        self._heads: set[int] = set()  # of this segment
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._open()
        except OSError as error:
            raise SpoolError(folder, error) from error

    def append(self, entries: Iterable[Entry]) -> bool:
        """Whether all were kept, in one write; False when the disk or the limit is full. Never raises."""
        try:
            if (self._size >= self._segment_bytes or self._fd < 0) and not self._next():
                return False
            fresh: set[int] = set()
            data = self._framed(entries, fresh)
            if os.write(self._fd, data) != len(data):
                os.ftruncate(self._fd, self._size)  # half a record would end the segment for its readers
                return False
        except OSError:
            return False
        self._size += len(data)
        self._heads |= fresh
        return True

    def close(self) -> None:
        """Hand the segment over to the shipper."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _framed(self, entries: Iterable[Entry], fresh: set[int]) -> bytes:
        """The bytes of the records, before each the head that it is the first to name."""
        parts: list[bytes] = []
        for head, record in entries:
            if head.number not in self._heads and head.number not in fresh:
                fresh.add(head.number)
                parts += (_LENGTH.pack(len(head.record)), head.record)
            parts += (_LENGTH.pack(len(record)), record)
        return b"".join(parts)

    def _next(self) -> bool:
        """Whether there is room for another segment."""
        self.close()
        if self._used() >= self._limit:
            return False
        self._open()
        return True

    def _open(self) -> None:
        self._number += 1
        path = self._folder / f"gateway-{self._instance}-{self._number}{SUFFIX}"
        hidden = path.with_suffix(".new")  # a shipper must not find the segment before it is locked
        self._fd = os.open(hidden, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
        fcntl.flock(self._fd, fcntl.LOCK_EX)
        hidden.rename(path)
        self._size = 0
        self._heads.clear()

    def _used(self) -> int:
        return sum(path.stat().st_size for path in self._folder.glob("*" + SUFFIX))


def split(data: bytes) -> tuple[list[bytes], int]:
    """The whole records at the start of `data`, and how many bytes they take."""
    records = []
    at = 0
    while at + HEADER <= len(data):
        (length,) = _LENGTH.unpack_from(data, at)
        end = at + HEADER + length
        if end > len(data):
            break
        records.append(data[at + HEADER : end])
        at = end
    return records, at
