"""The payload of a response cut into frames: a JSON body at its end, each event of a stream as it comes."""

from __future__ import annotations

from dataclasses import dataclass

from ..observer.framing import Frame
from .bodies import EVENT_STREAM
from .coding import decoder
from .head import ResponseHead
from .memory import Hold, Memory
from .sse import EventStream

__all__ = ["Piece", "Reply"]


@dataclass(slots=True)
class Piece:
    """A frame, and the name of the event that brought it."""

    frame: Frame
    event: bytes = b""


class Reply:
    """One response. Bodies that are no stream are only kept where `wanted`.

    What is `streamed` under another type than that of events may also be read as a body: it is one without events.
    """

    __slots__ = (
        "_ambiguous",
        "_counted",
        "_decoder",
        "_hold",
        "_left",
        "_memory",
        "_offset",
        "_stream",
        "_wanted",
        "_wire",
        "streamed",
    )

    def __init__(self, head: ResponseHead, memory: Memory, bound: int, *, wanted: bool, streamed: bool) -> None:
        self._left = bound  # of what a coded body may become
        self.streamed = streamed
        self._ambiguous = streamed and head.media != EVENT_STREAM
        coded = b"content-encoding" in head.fields
        self._decoder = decoder(head.text(b"content-encoding"), bound) if coded else None
        self._stream = EventStream(bound) if self.streamed else None
        self._memory, self._counted = memory, 0
        self._hold = Hold(memory, bound)
        self._wanted = wanted
        self._wire = self._offset = 0

    @property
    def readable(self) -> bool:
        return self._decoder is None or self._decoder.readable

    def feed(self, data: bytes) -> list[Piece]:
        """The events that `data` completes."""
        self._wire += len(data)
        if self._decoder is not None:
            data = self._decoder.feed(data, self._left)
            self._left -= 0 if self.streamed else len(data)
        return self._pieces(data)

    def finish(self) -> list[Piece]:
        """The body, if there is one."""
        pieces = self._pieces(self._decoder.finish(self._left)) if self._decoder is not None else []
        body, whole = self._hold.bytes(), self._hold.whole and self.readable and self._left > 0
        self.drop()
        return [Piece(Frame(body, 0, self._wire, complete=whole))] if body else pieces

    def drop(self) -> None:
        """Nothing more of it is of interest."""
        self._hold.clear()
        self._memory.give(self._counted)
        self._counted, self._stream = 0, None

    def _pieces(self, data: bytes) -> list[Piece]:
        if self._wanted and (self._ambiguous or self._stream is None):
            self._hold.add(data)
        if self._stream is None:
            return []
        pieces = []
        for event in self._stream.feed(data):
            start, self._offset = self._offset, self._offset + event.size
            pieces.append(Piece(Frame(event.data, start, self._offset, complete=event.complete), event.name))
        if pieces:
            self._ambiguous = False
            self._hold.clear()
        self._account(self._stream)
        return pieces

    def _account(self, stream: EventStream) -> None:
        """What a stream keeps of an event that is not complete counts as bodies do."""
        more = stream.held - self._counted
        if more > 0 and not self._memory.take(more):
            stream.bound = stream.held
            return
        if more < 0:
            self._memory.give(-more)
        self._counted += more
