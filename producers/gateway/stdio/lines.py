"""Whole lines out of the client's bytes, each cut once: what judges, holds and routes them works on these.

Only used where something may be refused or held back; else chunks pass as they come.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Cutter", "Piece"]


@dataclass(frozen=True, slots=True)
class Piece:
    """A line, or a part of one that is longer than the bound. `last` is true with its LF or the end of the stream."""

    data: bytes
    first: bool = True
    last: bool = True


class Cutter:
    """Keeps at most `bound` bytes of an unfinished line; of a longer one the pieces come as they are read."""

    def __init__(self, bound: int) -> None:
        self._bound = bound
        self._kept = bytearray()
        self._running = False  # inside a line whose first piece was given out

    def feed(self, chunk: bytes) -> list[Piece]:
        """The pieces that `chunk` completes, in order."""
        pieces: list[Piece] = []
        first = 0
        while (cut := chunk.find(b"\n", first) + 1) > 0:
            pieces.append(self._piece(chunk[first:cut], last=True))
            first = cut
        if first < len(chunk):
            self._kept += chunk[first:]
            if self._running or len(self._kept) > self._bound:
                pieces.append(self._piece(b"", last=False))
        return pieces

    def finish(self) -> list[Piece]:
        """What the end of the stream leaves: some servers run it."""
        return [self._piece(b"", last=True)] if self._kept else []

    def _piece(self, tail: bytes, *, last: bool) -> Piece:
        piece = Piece(bytes(self._kept) + tail if self._kept else tail, not self._running, last)
        self._kept.clear()
        self._running = not last
        return piece
