"""The latest so many entries of a mapping, at the cost of a dict: two generations, the older one is dropped whole."""

from __future__ import annotations

from typing import Generic, TypeVar

__all__ = ["Recent"]

K = TypeVar("K")
V = TypeVar("V")


class Recent(Generic[K, V]):
    """Keeps at least the last `count` entries that were put and not taken out, and at most twice as many."""

    __slots__ = ("_before", "_count", "_now")

    def __init__(self, count: int) -> None:
        self._count = count
        self._now: dict[K, V] = {}
        self._before: dict[K, V] = {}

    def put(self, key: K, value: V) -> None:
        self._now[key] = value
        if len(self._now) >= self._count:
            self._now, self._before = {}, self._now

    def get(self, key: K) -> V | None:
        return self._now[key] if key in self._now else self._before.get(key)

    def pop(self, key: K) -> V | None:
        old = self._before.pop(key, None)
        return self._now.pop(key, old)

    def __contains__(self, key: object) -> bool:
        return key in self._now or key in self._before
