"""The last things seen, bounded: what repeats is told from what is new without remembering for ever. Pure.

Kept are hashes and not the ids, which senders make as long as they like. Python's are keyed by the process: nobody can
find two ids that are one, and by chance one in a hundred thousand billion is.
"""

from __future__ import annotations

from collections import deque

__all__ = ["Recent"]


class Recent:
    """A set of at most `size` ids; the oldest is forgotten first."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._order: deque[int] = deque()
        self._known: set[int] = set()

    def __contains__(self, thing: str) -> bool:
        return hash(thing) in self._known

    def add(self, thing: str) -> bool:
        """Whether `thing` is new."""
        mark = hash(thing)
        if mark in self._known:
            return False
        if len(self._order) == self._size:
            self._known.discard(self._order.popleft())
        self._known.add(mark)
        self._order.append(mark)
        return True
