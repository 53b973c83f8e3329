"""How much of the bodies that pass may be kept for inspection, all exchanges together: nobody can fill the memory."""

from __future__ import annotations

__all__ = ["Hold", "Memory"]


class Memory:
    """A bound on bytes that several keep at a time."""

    def __init__(self, limit: int) -> None:
        self._left = limit

    def take(self, size: int) -> bool:
        if size > self._left:
            return False
        self._left -= size
        return True

    def give(self, size: int) -> None:
        self._left += size


class Hold:
    """Parts of one body, at most `bound` bytes of them. What came in one piece is not counted: it is there anyway."""

    __slots__ = ("_bound", "_counted", "_memory", "_parts", "_size", "whole")

    def __init__(self, memory: Memory, bound: int) -> None:
        self._memory, self._bound = memory, bound
        self._parts: list[bytes] = []
        self._size = self._counted = 0
        self.whole = True  # false once a part had no room

    def add(self, part: bytes, beside: int = 0) -> bool:
        """Whether there was room for all of it, and for the bytes `beside` it that its keeper keeps too."""
        if not (part and self.whole):
            return self.whole
        if not self._parts and len(part) <= self._bound:
            self._parts.append(part)
            self._size = len(part)
            return True
        kept = part[: self._bound - self._size]
        if self._parts and not self._count(len(kept) + beside):
            kept = b""
        self.whole = len(kept) == len(part)
        if kept:
            self._parts.append(kept)
            self._size += len(kept)
        return self.whole

    def bytes(self) -> bytes:
        """What was kept."""
        if len(self._parts) > 1:
            self._parts = [b"".join(self._parts)]
        return self._parts[0] if self._parts else b""

    def clear(self) -> None:
        if self._counted:
            self._memory.give(self._counted)
            self._counted = 0
        self._parts.clear()
        self._size = 0
        self.whole = True

    def _count(self, size: int) -> bool:
        """The first part is counted once a second one follows it."""
        owed = size + (self._size if not self._counted else 0)
        if not self._memory.take(owed):
            return False
        self._counted += owed
        return True
