"""The processes of one server while their client is there: started when needed, replaced when they die, ended as one.

A process that dies takes its calls with it: nobody runs them again, because a tool call is no question one may ask
twice. Where a client of the older era is bound to the process, or the process never wrote a byte, the gateway ends with
it and its status, as the server alone would.
"""

from __future__ import annotations

import signal
import sys
from typing import TYPE_CHECKING

from .child import StartError

if TYPE_CHECKING:
    from collections.abc import Callable

    from .member import Member
    from .router import Router

__all__ = ["Pool"]

_FIRST_PAUSE_NS = 250_000_000
_LONGEST_PAUSE_NS = 8_000_000_000
_GRACE_NS = 1_500_000_000
_MOST_SILENT_DEATHS = 3


class Pool:
    """`start` makes a process under its number or raises StartError; `lost` hears of requests (ids as JSON text) that
    a process left unanswered when it ended with a status.
    """

    def __init__(
        self,
        start: Callable[[int], Member],
        router: Router,
        lost: Callable[[int, list[str], int], None],
        monotonic_ns: Callable[[], int],
    ) -> None:
        self._start, self._router, self._lost, self._clock = start, router, lost, monotonic_ns
        self.members: dict[int, Member] = {0: start(0)}
        self.closing = False
        self._status: int | None = None
        self._statuses: dict[int, int] = {}
        self._deaths: dict[int, int] = {}  # in a row, without a byte of output
        self._back_at: dict[int, int] = {}
        self._kill_at = 0
        self._signalled = False

    @property
    def done(self) -> bool:
        return self.closing and not self.members

    @property
    def status(self) -> int:
        """Of all as one: of the process whose end was the end of all, else the first that is no success."""
        if self._status is not None:
            return self._status
        return next((self._statuses[number] for number in sorted(self._statuses) if self._statuses[number]), 0)

    @property
    def wait_ms(self) -> float | None:
        """How long nothing has to be done here; None for ever."""
        times = [*self._back_at.values(), *([self._kill_at] if self._kill_at else [])]
        return max(0.0, (min(times) - self._clock()) / 1e6) + 1 if times else None

    def member(self, number: int) -> Member | None:
        """The process under this number, started if there is none; None where it cannot be."""
        if number not in self.members and not self.closing:
            try:
                self.members[number] = self._start(number)
            except StartError as error:
                print(f"triptych-gateway: {error}", file=sys.stderr)
                self._replace(number, error.status, spoke=False)
        return self.members.get(number)

    def ended(self, member: Member) -> None:
        """A process has exited, and all it wrote is forwarded."""
        status = member.reap()
        del self.members[member.number]
        if self.closing:
            self._statuses[member.number] = status
        elif self._signalled:
            self._status = status
            self.close()
        elif member.number == 0 and (self._router.mode != "replica" or not member.spoke):
            self._end_with(status)
        else:
            self._replace(member.number, status, spoke=member.spoke)

    def close(self) -> None:
        """The client's stream has ended, and so do those of all processes."""
        self.closing = True
        self._back_at.clear()
        for member in self.members.values():
            member.no_more()

    def signal(self, number: int) -> None:
        """Who ends from now on was asked to: nobody is started in its place."""
        self._signalled = True
        for member in self.members.values():
            member.signal(number)

    def tick(self) -> list[tuple[int, bytes]]:
        """What time has brought: held lines for processes that may be started again."""
        now = self._clock()
        if self._kill_at and now >= self._kill_at:
            self._kill_at = 0
            self.signal(signal.SIGKILL)
        due = [number for number, at in self._back_at.items() if now >= at]
        for number in due:
            del self._back_at[number]
        return [send for number in due for send in self._router.back(number)]

    def _end_with(self, status: int) -> None:
        """The others have nothing to do any more."""
        self._status = status
        self.close()
        self.signal(signal.SIGTERM)
        self._kill_at = self._clock() + _GRACE_NS if self.members else 0

    def _replace(self, number: int, status: int, *, spoke: bool) -> None:
        deaths = self._deaths[number] = 1 if spoke else self._deaths.get(number, 0) + 1
        self._lost(number, self._router.lost(number), status)
        if deaths < _MOST_SILENT_DEATHS or number == 0:
            pause = min(_FIRST_PAUSE_NS << (deaths - 1), _LONGEST_PAUSE_NS)
            self._back_at[number] = self._clock() + pause
        else:
            print(_UNFIT.format(number, status), file=sys.stderr)


_UNFIT = (
    "triptych-gateway: G21 replica {} ended with status {} before it wrote anything, three times in a row; going on"
    " without it\n    try: run the server's command twice at a time by hand, or set dispatch_mode to concurrent"
)
