"""Server-sent events out of the payload of a response (WHATWG HTML 9.2), for inspection only; delivery never waits.

Lines end at CR, LF or CRLF. At most `bound` bytes of an event's data are kept; the rest is counted.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

__all__ = ["Event", "EventStream"]

_LINE_END = re.compile(rb"\r\n|\n|\r")
_BOM = b"\xef\xbb\xbf"
_LONGEST_NAME = 16  # a field name with its colon and blank stands beside the bound


@dataclass(frozen=True, slots=True)
class Event:
    """One dispatched event. `size` is that of all its data, which is `complete` unless the bound cut it."""

    name: bytes
    data: bytes
    size: int
    complete: bool


class EventStream:
    """Cuts one stream. `bound` may be lowered on the way.

    Without a data line there is no event (comments, retry); a priming event has empty data.
    """

    def __init__(self, bound: int) -> None:
        self.bound = bound
        self._rest = bytearray()  # of a line that is not complete
        self._skipped = 0  # bytes of that line beyond the bound
        self._started = self._after_cr = False
        self._name = b""
        self._data = bytearray()
        self._lines = self._size = 0  # of the event's data

    @property
    def held(self) -> int:
        """Bytes that are kept."""
        return len(self._rest) + len(self._data)

    def feed(self, data: bytes) -> list[Event]:
        """The events that `data` completes."""
        if not data:
            return []
        if self._after_cr:
            self._after_cr = False
            data = data[data.startswith(b"\n") :]
        events: list[Event] = []
        at = 0
        for match in _LINE_END.finditer(data):
            self._line(self._complete(data[at : match.start()]), events)
            at = match.end()
        self._after_cr = at == len(data) and data.endswith(b"\r")
        self._hold(data[at:])
        return events

    def _complete(self, part: bytes) -> bytes:
        """The line that `part` ends, without what is beyond the bound."""
        if self._rest or len(part) > self.bound:
            self._hold(part)
            part = bytes(self._rest)
            self._rest.clear()
        if not self._started:
            self._started = True
            part = part.removeprefix(_BOM)
        return part

    def _hold(self, part: bytes) -> None:
        kept = part[: max(0, self.bound + _LONGEST_NAME - len(self._rest))]
        self._rest += kept
        self._skipped += len(part) - len(kept)

    def _line(self, line: bytes, events: list[Event]) -> None:
        skipped, self._skipped = self._skipped, 0
        if not line:
            if self._lines:
                events.append(Event(self._name, bytes(self._data), self._size, len(self._data) == self._size))
            self._data.clear()
            self._name, self._lines, self._size = b"", 0, 0
            return
        name, _, value = line.partition(b":")
        value = value[value.startswith(b" ") :]
        if name == b"data":
            self._add(value, skipped)
        elif name == b"event":
            self._name = value

    def _add(self, value: bytes, skipped: int) -> None:
        if self._lines:
            value = b"\n" + value
        self._lines += 1
        self._size += len(value) + skipped
        self._data += value[: max(0, self.bound - len(self._data))]
