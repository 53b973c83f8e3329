"""What was forwarded and is not yet described: a small segment in shared memory, so that a record costs no system call.

The pages belong to the file, so they survive the process. Its space is reserved: a full disk cannot hurt the writer.
"""

from __future__ import annotations

import mmap
import os
from collections.abc import Iterable
from pathlib import Path

from .record import HEADER, Entry, framed
from .writer import OWNED, PENDING, placed

__all__ = ["Pending"]

_BYTES = 65_536
_NOTHING = bytes(HEADER)  # the length of what is not there: where a reader stops


class Pending:
    """The writer's side, for one gateway process. Raises OSError where there is no room for it."""

    def __init__(self, folder: Path, instance: str, size: int = _BYTES) -> None:
        name = f"{OWNED}{instance}{PENDING}"
        self._path, self._size = folder / name, size
        self._fd = placed(folder, name, os.O_RDWR)
        try:
            os.posix_fallocate(self._fd, 0, size)
            self._memory = mmap.mmap(self._fd, size)
        except OSError:
            self._path.unlink()
            os.close(self._fd)
            raise
        self._at = 0
        self._heads: set[int] = set()

    def add(self, entries: Iterable[Entry]) -> bool:
        """Whether there was room. All of them appear at once, with the length of the first."""
        fresh: set[int] = set()
        data = framed(entries, self._heads, fresh) + _NOTHING
        at, end = self._at, self._at + len(data)
        if end > self._size:
            return False
        first = at + HEADER
        self._memory[first:end] = data[HEADER:]
        self._memory[at:first] = data[:HEADER]
        self._at = end - HEADER
        self._heads |= fresh
        return True

    def clear(self) -> None:
        """Nothing is pending any more."""
        if self._at:
            self._memory[: self._at] = bytes(self._at)
            self._at = 0
            self._heads.clear()

    def close(self) -> None:
        """Leave no trace, unless something is pending."""
        self._memory.close()
        if not self._at:
            self._path.unlink(missing_ok=True)
        os.close(self._fd)
