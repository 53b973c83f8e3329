"""Who is due when: a heap by event time in which a key can be moved without being searched for. Pure."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from heapq import heapify, heappop, heappush, heapreplace
from typing import Final, Generic, TypeVar

__all__ = ["Deadlines"]

_SLACK: Final = 1024

K = TypeVar("K", bound=Hashable)


class Deadlines(Generic[K]):
    """One deadline per key. Equal deadlines come out in the order they were set."""

    def __init__(self) -> None:
        self._heap: list[tuple[int, int, K]] = []
        self._current: dict[K, tuple[int, int]] = {}
        self._count = 0

    def __len__(self) -> int:
        return len(self._current)

    def set(self, key: K, at: int) -> None:
        """Let `key` be due at `at`, whatever was set before."""
        current = self._current.get(key)
        if current is not None and current[0] == at:
            return
        self._count += 1
        self._current[key] = (at, self._count)
        if current is None or at < current[0]:
            heappush(self._heap, (at, self._count, key))  # one that moves back is moved when its old place comes up
            if len(self._heap) > 2 * len(self._current) + _SLACK:
                self._heap = [(*current, key) for key, current in self._current.items()]
                heapify(self._heap)

    def discard(self, key: K) -> None:
        """Let `key` never be due, if it was to be."""
        self._current.pop(key, None)

    def next(self) -> int | None:
        """The earliest deadline."""
        heap = self._heap
        while heap:
            at, count, key = heap[0]
            current = self._current.get(key)
            if current is None:
                heappop(heap)
            elif current[1] == count:
                return at
            else:
                heapreplace(heap, (*current, key))
        return None

    def due(self, now: int) -> Iterator[K]:
        """Take out every key whose deadline is at or before `now`, earliest first; keys set meanwhile included."""
        while (at := self.next()) is not None and at <= now:
            key = heappop(self._heap)[2]
            del self._current[key]
            yield key
