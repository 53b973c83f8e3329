"""Serialised dispatch: of the tool calls of one server at most one is in flight, so its effects are its own.

Everything else overtakes: cancellations, replies to the server and continued calls must, or a server that waits for
them would wait for ever. Order among tool calls stays. Only whole lines pass, so each is read before it goes.
"""

from __future__ import annotations

from collections import deque

from .framing import Frame
from .message import shapes

__all__ = ["Gate"]

_CONTINUES = ("inputResponses", "requestState")


class Gate:
    """Between the client's bytes and the observer. A line longer than `bound` passes as it comes."""

    def __init__(self, bound: int) -> None:
        self._bound = bound
        self._line = bytearray()
        self._passing = False
        self._held: deque[bytes] = deque()
        self._running = 0

    def admit(self, chunk: bytes) -> bytes:
        """What of the client's bytes may go now; at the end of the stream (an empty chunk) all that is left."""
        if not chunk:
            return self._all()
        out = bytearray()
        for piece in _lines(chunk):
            self._line += piece
            if not piece.endswith(b"\n"):
                self._passing = self._passing or len(self._line) > self._bound
                if not self._passing:
                    continue
            line = bytes(self._line)
            self._line.clear()
            out += line if self._passing else self._decide(line)
            self._passing = self._passing and not piece.endswith(b"\n")
        return bytes(out)

    def finished(self) -> bytes:
        """A tool call is over: the next one that was held."""
        self._running = max(0, self._running - 1)
        if self._running or not self._held:
            return b""
        line = self._held.popleft()
        self._running = _tool_calls(line)
        return line

    def _decide(self, line: bytes) -> bytes:
        calls = _tool_calls(line)
        if calls and (self._running or self._held):
            self._held.append(line)
            return b""
        self._running += calls
        return line

    def _all(self) -> bytes:
        rest = b"".join((*self._held, bytes(self._line)))
        self._held.clear()
        self._line.clear()
        return rest


def _lines(chunk: bytes) -> list[bytes]:
    parts = [part + b"\n" for part in chunk.split(b"\n")]
    parts[-1] = parts[-1][:-1]
    return [part for part in parts if part]


def _tool_calls(line: bytes) -> int:
    """How many replies to tool calls a line will bring."""
    requests = [shape for shape in shapes(Frame(line, 0, len(line))) if shape.kind == "request"]
    return sum(
        shape.body["method"] == "tools/call" and not any(name in shape.params for name in _CONTINUES)
        for shape in requests
    )
