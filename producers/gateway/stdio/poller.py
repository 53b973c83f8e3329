"""Waiting for many descriptors, and reading one that is ready."""

from __future__ import annotations

import os
import select

__all__ = ["CHUNK", "IN", "OUT", "Poller", "read_chunk"]

IN, OUT = select.POLLIN, select.POLLOUT
CHUNK = 65_536  # bytes


class Poller:
    """Keeps what it was told last: between two messages hardly anything changes."""

    def __init__(self) -> None:
        self._poll = select.poll()
        self._watched: dict[int, int] = {}

    def ready(self, wanted: dict[int, int], timeout_ms: float | None) -> set[int]:
        """Those of `wanted` (descriptor to events) that can make progress; waits at most `timeout_ms`."""
        if wanted != self._watched:
            for fd in self._watched.keys() - wanted.keys():
                self._poll.unregister(fd)
            for fd, events in wanted.items():
                self._poll.register(fd, events)
            self._watched = wanted
        return {fd for fd, _ in self._poll.poll(timeout_ms)}


def read_chunk(fd: int) -> bytes | None:
    """A chunk, empty at the end of the stream; None when somebody else took what was ready."""
    try:
        return os.read(fd, CHUNK)
    except BlockingIOError:
        return None
    except OSError:  # a terminal that hung up, a connection that was reset: the end of the stream
        return b""
