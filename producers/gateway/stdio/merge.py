"""One output out of many, line by line: a line of one source never stands inside the line of another.

A source passes whole lines at once and its unfinished line when it has grown beyond `bound`; it then has the floor
until that line ends, and the others wait. With one source and a bound of 0 every byte passes as it comes.
"""

from __future__ import annotations

from collections.abc import Hashable

__all__ = ["Merger"]

_MOST_HELD = 1 << 20


class Merger:
    """Sources are any hashable names; what each has written goes out in its order."""

    def __init__(self, bound: int) -> None:
        self._bound = bound
        self._held: dict[Hashable, bytearray] = {}
        self._floor: Hashable | None = None

    def put(self, source: Hashable, data: bytes) -> bytes:
        """What may go out now."""
        self._held.setdefault(source, bytearray()).extend(data)
        return self._flow() if self._floor in (None, source) else b""

    def end(self, source: Hashable) -> bytes:
        """The source writes no more. A line that it began aloud is ended; one that nobody saw yet is dropped."""
        held = self._held.get(source, bytearray())
        del held[held.rfind(b"\n") + 1 :]
        if self._floor != source:
            return b""
        self._floor = None
        return b"\n" + self._flow()

    def rest(self, source: Hashable) -> bytes:
        """All that is left of the last source: its unfinished line, where it ended without a line end."""
        return bytes(self._held.pop(source, b"")) if self._floor in (None, source) else b""

    def waits(self, source: Hashable) -> bool:
        """Whether the source should write no more for now."""
        return self._floor not in (None, source) and len(self._held.get(source, b"")) >= _MOST_HELD

    def _flow(self) -> bytes:
        """Who has the floor goes first; when its line ends the others follow."""
        out = b""
        for source in [self._floor, *self._held] if self._floor in self._held else [*self._held]:
            if self._floor in (None, source):
                out += self._speak(source)
        return out

    def _speak(self, source: Hashable) -> bytes:
        held = self._held[source]
        cut = held.rfind(b"\n") + 1
        within = self._floor == source and not cut  # still inside the line it began
        if within or len(held) - cut > self._bound:
            self._floor, cut = source, len(held)
        else:
            self._floor = None
        out = bytes(held[:cut])
        del held[:cut]
        return out
