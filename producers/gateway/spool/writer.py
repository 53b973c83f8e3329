"""Events on disk before the bytes they tell of are forwarded: append-only segments, one writer each, one folder a node.

A record is a 4-byte length and a JSON text. A crash of the gateway loses none that was appended; records are not
synced, so a crash of the machine may. A segment is locked while its writer lives; a shipper deletes what is
acknowledged and no longer locked. Every segment holds the heads its events name, so it can be read alone.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from ....models.errors import ConfigError
from .record import HEADER, framed, split

if TYPE_CHECKING:
    from .pending import Pending
    from .record import Entry

__all__ = ["HEADER", "OWNED", "PENDING", "SUFFIX", "Spool", "SpoolError", "placed", "split"]

SUFFIX = ".spool"
OWNED = "gateway-"  # how the names of segments begin
PENDING = f"-pending{SUFFIX}"  # and how that of one ends which holds what its writer is yet to describe
_SEGMENT_BYTES = 64 << 20


class SpoolError(ConfigError):
    """The spool folder cannot be used."""

    code = "G03"

    def __init__(self, folder: Path, error: OSError) -> None:
        super().__init__(
            f"the spool folder {folder} cannot be written: {error.strerror}", "set spool_dir to a folder of your own"
        )


class Spool:
    """The writer's side. `limit` bounds the bytes in the whole folder, whoever wrote them: beyond it no segment is
    begun, and none is longer than a quarter of it.
    """

    def __init__(self, folder: Path, instance: str, limit: int, segment_bytes: int = _SEGMENT_BYTES) -> None:
        self._folder, self._instance = folder, instance
        self._limit, self._segment_bytes = limit, min(segment_bytes, max(1, limit // 4))
        self._fd, self._size, self._number = -1, 0, 0
        self._heads: set[int] = set()  # of this segment
        self._pending: Pending | None = None
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._next()
        except OSError as error:
            raise SpoolError(folder, error) from error

    def append(self, entries: Iterable[Entry]) -> bool:
        """Whether all were kept, in one write; False when the disk or the limit is full. Never raises."""
        try:
            if (self._size >= self._segment_bytes or self._fd < 0) and not self._next():
                return False
            fresh: set[int] = set()
            data = framed(entries, self._heads, fresh)
            if os.write(self._fd, data) != len(data):
                os.ftruncate(self._fd, self._size)  # half a record would end the segment for its readers
                return False
        except OSError:
            return False
        self._size += len(data)
        self._heads |= fresh
        return True

    def announce(self, entries: Iterable[Entry]) -> bool:
        """Keep what stands for records that are yet to be made: a shipper takes it for them if this writer dies before.

        False where there is no room for all of them: `append` what was announced before, and then `fulfil`.
        """
        try:
            if self._pending is None:
                from .pending import Pending  # noqa: PLC0415 - only some gateways describe later

                self._pending = Pending(self._folder, self._instance)
            return self._pending.add(entries)
        except OSError:
            return False

    def fulfil(self) -> None:
        """All that was announced is appended, or lost for a reason that was counted."""
        if self._pending is not None:
            self._pending.clear()

    def close(self) -> None:
        """Hand the segment over to the shipper."""
        self._end()
        if self._pending is not None:
            self._pending.close()

    def _end(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _next(self) -> bool:
        """Whether there is room for another segment."""
        self._end()
        if self._used() >= self._limit:
            return False
        self._open()
        return True

    def _open(self) -> None:
        self._number += 1
        name = f"{OWNED}{self._instance}-{self._number}{SUFFIX}"
        self._fd = placed(self._folder, name, os.O_WRONLY | os.O_APPEND)
        self._size = 0
        self._heads.clear()

    def _used(self) -> int:
        used = 0
        for path in self._folder.glob("*" + SUFFIX):
            with contextlib.suppress(FileNotFoundError):  # a shipper is done with it
                used += path.stat().st_size
        return used


def placed(folder: Path, name: str, flags: int) -> int:
    """A new file under `name`, locked by us. A shipper must not find it before it is locked."""
    hidden = folder / f"{name}.new"
    fd = os.open(hidden, flags | os.O_CREAT | os.O_EXCL, 0o600)
    fcntl.flock(fd, fcntl.LOCK_EX)
    hidden.rename(folder / name)
    return fd
