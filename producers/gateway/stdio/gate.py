"""Serialised dispatch: of the tool calls of one server at most one is in flight, so its effects are its own.

Everything else overtakes: cancellations, replies to the server and continued calls must, or a server that waits for
them would wait for ever. Order among tool calls stays. Only whole lines pass, counted as the observer cuts them.
"""

from __future__ import annotations

from collections import deque

from ..observer.framing import Lines
from ..observer.message import shapes

__all__ = ["Gate"]

_MOST_HELD = 16 << 20  # bytes


class Gate:
    """Between the client's bytes and the observer. A line longer than `bound` passes as it comes."""

    def __init__(self, bound: int) -> None:
        self._bound = bound
        self._line = bytearray()
        self._passing = False
        self._held: deque[bytes] = deque()
        self._waiting = 0
        self._running = 0

    @property
    def full(self) -> bool:
        """Whether so much is held that no more should come."""
        return self._waiting >= _MOST_HELD

    def admit(self, chunk: bytes) -> bytes:
        """What of the client's bytes may go now; at the end of the stream (an empty chunk) all that is left."""
        if not chunk:
            return self._all()
        out = bytearray()
        for piece in _lines(chunk):
            self._line += piece
            self._passing = self._passing or len(self._line) > self._bound
            if not self._passing and not piece.endswith(b"\n"):
                continue
            line = bytes(self._line)
            self._line.clear()
            out += line if self._passing else self._decide(line)
            self._passing = self._passing and not piece.endswith(b"\n")
        return bytes(out)

    def finished(self) -> bytes:
        """A tool call is over (once for each): the next line that was held."""
        self._running = max(0, self._running - 1)
        if self._running or not self._held:
            return b""
        line = self._held.popleft()
        self._waiting -= len(line)
        self._running = self._tool_calls(line)
        return line

    def _decide(self, line: bytes) -> bytes:
        calls = self._tool_calls(line)
        if calls and (self._running or self._held):
            self._held.append(line)
            self._waiting += len(line)
            return b""
        self._running += calls
        return line

    def _all(self) -> bytes:
        rest = b"".join((*self._held, bytes(self._line)))
        self._held.clear()
        self._line.clear()
        self._waiting = 0
        return rest

    def _tool_calls(self, line: bytes) -> int:
        """How many tool calls a line starts."""
        return sum(shape.starts_tool for frame in Lines(self._bound).feed(line) for shape in shapes(frame))


def _lines(chunk: bytes) -> list[bytes]:
    parts = [part + b"\n" for part in chunk.split(b"\n")]
    parts[-1] = parts[-1][:-1]
    return [part for part in parts if part]
