"""The last things seen, bounded: what repeats is told from what is new without remembering for ever. Pure."""

from __future__ import annotations

from collections import deque

__all__ = ["Recent"]


class Recent:
    """A set of at most `size` ids; the oldest is forgotten first."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._order: deque[str] = deque()
        self._known: set[str] = set()

    def __contains__(self, thing: str) -> bool:
        return thing in self._known

    def add(self, thing: str) -> bool:
        """Whether `thing` is new."""
        if thing in self._known:
            return False
        if len(self._order) == self._size:
            self._known.discard(self._order.popleft())
        self._known.add(thing)
        self._order.append(thing)
        return True
