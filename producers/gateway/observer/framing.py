"""Lines out of a byte stream, for inspection only: the layer to replace when a transport frames messages otherwise.

Delivery never waits for it. A line ends at LF. Some servers also end one at a bare CR, so a bare CR ends a fragment
here, and the whole line is given once more at its LF: both readings of one stream must be seen. After 64 bare CRs in a
line only those count that could end or start a message.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

__all__ = ["Frame", "Lines"]

_BARE_CR = re.compile(rb"\r(?!\n)(?=.)", re.DOTALL)
_MOST_CUTS = 64  # in a line, whatever stands around them
_OPENING = frozenset(b"{[ \t")
End = Literal["lf", "cr", "line", "eof"]


@dataclass(frozen=True, slots=True)
class Frame:
    """One candidate message: its bytes without line end (at most the bound), and where it lies in the stream."""

    data: bytes
    start: int
    end: int
    mark: End = "lf"  # cr: a fragment before a bare CR; line: the whole of a line that was cut into fragments
    complete: bool = True  # false when the bound cut the data

    @property
    def size(self) -> int:
        return self.end - self.start


class Lines:
    """Cuts one direction of a stream. Keeps at most `bound` bytes of an unfinished line and counts the rest."""

    def __init__(self, bound: int) -> None:
        self._bound = bound
        self._kept = bytearray()
        self._start = 0  # of the line
        self._end = 0  # of what was fed
        self._cuts = 0
        self._fragment = 0  # where the current fragment starts, relative to the line

    def feed(self, chunk: bytes) -> list[Frame]:
        """The frames that `chunk` completes, in order."""
        frames: list[Frame] = []
        first = 0
        while (cut := chunk.find(b"\n", first)) >= 0:
            self._take(chunk[first : cut + 1], frames)
            self._close(frames)
            first = cut + 1
        if first < len(chunk):
            self._take(chunk[first:] if first else chunk, frames)
        return frames

    def finish(self) -> list[Frame]:
        """What is left at the end of the stream: servers differ in whether they run it."""
        if self._end == self._start:
            return []
        data = bytes(self._kept[self._fragment :])
        return [Frame(data, self._start + self._fragment, self._end, "eof", self._whole)] if data else []

    def _take(self, piece: bytes, frames: list[Frame]) -> None:
        """Add a piece of the current line and emit the fragments that bare CRs end in it."""
        known = len(self._kept)
        self._kept += piece[: max(0, self._bound - known)]
        self._end += len(piece)
        if b"\r" not in piece and not (known and self._kept[known - 1] == 0x0D):
            return
        for match in _BARE_CR.finditer(self._kept, max(self._fragment, known - 1)):
            cut = match.end()
            self._cuts += 1
            if self._cuts > _MOST_CUTS and _OPENING.isdisjoint((self._kept[self._fragment], self._kept[cut])):
                continue
            data = bytes(self._kept[self._fragment : cut - 1])
            frames.append(Frame(data, self._start + self._fragment, self._start + cut, "cr"))
            self._fragment = cut

    @property
    def _whole(self) -> bool:
        return len(self._kept) == self._end - self._start

    def _close(self, frames: list[Frame]) -> None:
        line = bytes(self._kept)
        line = line[:-2] if line.endswith(b"\r\n") else line.removesuffix(b"\n")
        if self._fragment:
            frames.append(Frame(line[self._fragment :], self._start + self._fragment, self._end, "cr", self._whole))
            frames.append(Frame(line, self._start, self._end, "line", self._whole))
        else:
            frames.append(Frame(line, self._start, self._end, "lf", self._whole))
        self._kept.clear()
        self._start = self._end
        self._fragment = self._cuts = 0
