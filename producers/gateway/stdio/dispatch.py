"""Which of a server's processes gets a line, and when: one that works on a call gets the next only when it is over.

Everything that is no work overtakes: cancellations, replies to the server and continued calls must, or a server that
waits for them would wait for ever. What is held stays in order.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

__all__ = ["Dispatch", "Line", "Send"]

_MOST_HELD = 16 << 20  # bytes
Send = tuple[int, bytes]


@dataclass(slots=True)
class Line:
    """One line of the client. `work` counts its calls that occupy a member; `member` is the only one it may go to, and
    the one it went to once it is `sent`.
    """

    data: bytes
    work: int = 0
    member: int | None = None
    sent: bool = False
    behind: list[bytes] = field(default_factory=list)  # cancellations of its calls

    @property
    def size(self) -> int:
        return len(self.data) + sum(map(len, self.behind))


class Dispatch:
    """Members are numbered from 0; only the first is there from the start. Every method returns what goes out now."""

    def __init__(self, members: int) -> None:
        self._busy = [0] * members
        self._started = {0}
        self._away: set[int] = set()
        self._held: deque[Line] = deque()
        self._waiting = 0

    @property
    def full(self) -> bool:
        """Whether so much is held that no more should come."""
        return self._waiting >= _MOST_HELD

    def put(self, line: Line) -> list[Send]:
        """A line of the client."""
        member = self._free(line)
        if member is not None:
            return self._send(member, line)
        self._held.append(line)
        self._waiting += len(line.data)
        return []

    def behind(self, line: Line, data: bytes) -> None:
        """Let more bytes follow a line that is still held."""
        line.behind.append(data)
        self._waiting += len(data)

    def over(self, member: int) -> list[Send]:
        """A member is done with one call."""
        self._busy[member] = max(0, self._busy[member] - 1)
        return self._next()

    def gone(self, member: int) -> None:
        """A member has ended, and gets nothing until it is back."""
        self._busy[member] = 0
        self._started.discard(member)
        self._away.add(member)

    def back(self, member: int) -> list[Send]:
        """A member may be started again."""
        self._away.discard(member)
        return self._next(work_only=False)

    def all(self, *, first: bool = False) -> list[Send]:
        """Everything that is held, spread over the members that are there, or all to the first."""
        there = [0] if first else sorted(self._started - self._away) or [0]
        sends: list[Send] = []
        for turn, line in enumerate(self._held):
            sends += self._send(there[turn % len(there)] if line.member not in there else line.member, line)
        self._held.clear()
        self._waiting = 0
        return sends

    def _next(self, *, work_only: bool = True) -> list[Send]:
        """Held lines that can go, the oldest first. What is no work is only held for a member that is away."""
        sends: list[Send] = []
        kept: deque[Line] = deque()
        while self._held and (self._open() or not work_only):
            line = self._held.popleft()
            member = self._free(line)
            if member is None:
                kept.append(line)
                continue
            self._waiting -= line.size
            sends += self._send(member, line)
        self._held.extendleft(reversed(kept))
        return sends

    def _open(self) -> bool:
        return any(not busy and member not in self._away for member, busy in enumerate(self._busy))

    def _free(self, line: Line) -> int | None:
        """The member that may take the line now: one that runs before one that would have to be started."""
        if line.member is not None:
            free = line.member not in self._away and not (line.work and self._busy[line.member])
            return line.member if free else None
        free_ones = (number for number, busy in enumerate(self._busy) if not busy and number not in self._away)
        return min(free_ones, key=lambda number: (number not in self._started, number), default=None)

    def _send(self, member: int, line: Line) -> list[Send]:
        self._busy[member] += line.work
        self._started.add(member)
        line.member, line.sent = member, True
        return [(member, data) for data in (line.data, *line.behind)]
