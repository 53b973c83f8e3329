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
_TAIL = 4096
End = Literal["lf", "cr", "line", "eof"]


@dataclass(slots=True, init=False)  # with a plain constructor: there is one a message
class Frame:
    """One candidate message: its bytes without line end (at most the bound), and where it lies in the stream.

    `mark`: cr is a fragment before a bare CR, line the whole of a line that was cut into fragments. `complete` is false
    when the bound cut the data; `tail` is then the last of what was cut off: where some write the id.
    """

    data: bytes
    start: int
    end: int
    mark: End
    complete: bool
    tail: bytes

    def __init__(  # noqa: PLR0917 - one a message: names would cost more than the rest of it
        self, data: bytes, start: int, end: int, mark: End = "lf", complete: bool = True, tail: bytes = b""
    ) -> None:
        self.data, self.start, self.end = data, start, end
        self.mark, self.complete, self.tail = mark, complete, tail

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
        self._tail = b""  # of what is beyond the bound

    def feed(self, chunk: bytes) -> list[Frame]:
        """The frames that `chunk` completes, in order."""
        plain, size = b"\r" not in chunk, len(chunk)
        if plain and self._start == self._end and 0 <= chunk.find(b"\n") == size - 1 < self._bound:  # one: mostly
            start = self._start
            self._start = self._end = start + size
            return [Frame(chunk[:-1], start, start + size)]
        return self._cut(chunk, plain=plain)

    def _cut(self, chunk: bytes, *, plain: bool) -> list[Frame]:
        frames: list[Frame] = []
        first = 0
        while (cut := chunk.find(b"\n", first) + 1) > 0:
            if plain and self._start == self._end and cut - first <= self._bound:
                self._start = self._end = start = self._end + cut - first
                frames.append(Frame(chunk[first : cut - 1], start - (cut - first), start))
            else:
                self._take(chunk[first:cut], frames)
                self._close(frames)
            first = cut
        if first < len(chunk):
            self._take(chunk[first:] if first else chunk, frames)
        return frames

    def finish(self) -> list[Frame]:
        """What is left at the end of the stream: servers differ in whether they run it."""
        if self._end == self._start:
            return []
        data = bytes(self._kept[self._fragment :])
        start = self._start + self._fragment
        left = [Frame(data, start, self._end, "eof", self._whole, self._tail)] if data else []
        self._begin()
        return left

    def _take(self, piece: bytes, frames: list[Frame]) -> None:
        """Add a piece of the current line and emit the fragments that bare CRs end in it."""
        known = len(self._kept)
        room = max(0, self._bound - known)
        self._kept += piece[:room]
        self._end += len(piece)
        if len(piece) > room:
            self._tail = (self._tail + piece[room:][-_TAIL:])[-_TAIL:]
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
        whole, tail = self._whole, self._tail
        if self._fragment:
            start = self._start + self._fragment
            frames.append(Frame(line[self._fragment :], start, self._end, "cr", whole, tail))
            frames.append(Frame(line, self._start, self._end, "line", whole, tail))
        else:
            frames.append(Frame(line, self._start, self._end, "lf", whole, tail))
        self._begin()

    def _begin(self) -> None:
        """A line after the last."""
        self._kept.clear()
        self._start = self._end
        self._fragment = self._cuts = 0
        self._tail = b""
