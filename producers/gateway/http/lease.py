"""The lease of `producers/gateway/sensor` on an event loop: no call waits for the sensor's answer to another.

Every wait is bounded and every failure means "go on without a sensor"; events then say `lost`.
"""

from __future__ import annotations

import asyncio
import socket
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ....models.events import Lease
from ...lease import PACKET, READY, Attach, End, Granted, LeaseError, Refused, pack, parse
from ..observer.ledger import Call
from ..sensor import begin_of

__all__ = ["AsyncLease"]

_RETRY_S = 5.0
_MOST_LATE = 8  # answers in a row, after which the sensor counts as gone
Then = Callable[[Lease], None]


@dataclass(slots=True)
class _Wait:
    """A request that goes on once the sensor knows `left` more of its calls, or at `until`; `then` is None when it
    did.
    """

    left: int
    until: float
    then: Then | None


class AsyncLease:
    """One lease for one server process. `state` is what events say of it."""

    def __init__(self, path: Path | None, server: str, *, attach_s: float, ready_s: float) -> None:
        self._path, self._server = path, server
        self._attach_s, self._ready_s = attach_s, ready_s
        self._socket: socket.socket | None = None
        self._waiting: deque[_Wait] = deque()  # in the order of the sensor's answers
        self._timer: asyncio.TimerHandle | None = None  # for the oldest of them, or one before it
        self._retry_at = 0.0
        self._late = 0
        self.state: Lease = "none"

    @property
    def wanted(self) -> bool:
        """Whether to attach (again)."""
        if self._path is None or self._socket is not None:
            return False
        return asyncio.get_running_loop().time() >= self._retry_at

    async def attach(self, pidfd: int) -> Granted | None:
        """Ask for the process behind `pidfd`. None when there is no sensor or it refused."""
        loop = asyncio.get_running_loop()
        sensor = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        sensor.setblocking(False)
        try:
            async with asyncio.timeout(self._attach_s):
                await loop.sock_connect(sensor, str(self._path))
                socket.send_fds(sensor, [pack(Attach(self._server))], [pidfd])
                answer = parse(await loop.sock_recv(sensor, PACKET))
        except (OSError, LeaseError):
            answer = None
        if not isinstance(answer, Granted):
            sensor.close()
            self._retry_at = loop.time() + _RETRY_S
            self.state = "refused" if isinstance(answer, Refused) else "lost"
            return None
        self._socket, self.state = sensor, "granted"
        loop.add_reader(sensor.fileno(), self._answered)
        return answer

    def begin(self, calls: list[Call], then: Then) -> None:
        """Call `then` with what the events of these calls say of the lease: at once without a sensor, else when the
        kernel stamps them or the wait is over.
        """
        if self._socket is None or not calls:
            then(self.state)
            return
        try:
            forwards_ns = time.monotonic_ns() + int(self._ready_s * 1e9)
            for call in calls:
                self._socket.send(begin_of(call, forwards_ns))
        except OSError:
            self._lose()
            then(self.state)
            return
        until = asyncio.get_running_loop().time() + self._ready_s
        self._waiting.append(_Wait(len(calls), until, then))
        if self._timer is None:
            self._arm(until)

    def end(self, call: Call) -> None:
        """The call's effects are over."""
        if self._socket is not None:
            try:
                self._socket.send(pack(End(call.call_id)))
            except OSError:
                self._lose()

    def close(self) -> None:
        """The sensor takes the closed socket as the end of the lease; whoever waits goes on."""
        if self._socket is not None:
            asyncio.get_running_loop().remove_reader(self._socket.fileno())
            self._socket.close()
            self._socket = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        waiting, self._waiting = self._waiting, deque()
        for wait in waiting:
            self._go(wait, self.state)

    def _go(self, wait: _Wait, state: Lease) -> None:
        """Once."""
        then, wait.then = wait.then, None
        if then is not None:
            then(state)

    def _answered(self) -> None:
        try:
            while self._socket is not None:
                if self._socket.recv(PACKET) != READY or not self._waiting:
                    self._lose()
                    return
                self._ready()
                if not self._waiting:  # a second look would cost a system call at every request
                    return
        except BlockingIOError:
            return
        except OSError:
            self._lose()

    def _ready(self) -> None:
        self._late = 0
        wait = self._waiting[0]
        wait.left -= 1
        if not wait.left:
            self._waiting.popleft()
            self._go(wait, self.state)

    def _arm(self, until: float) -> None:
        """One timer for all: to set and cancel one for every request costs more than to look at those that wait."""
        self._timer = asyncio.get_running_loop().call_at(until, self._overdue)

    def _overdue(self) -> None:
        self._timer, now = None, asyncio.get_running_loop().time()
        for wait in [*self._waiting]:
            if wait.then is None:
                continue
            if wait.until > now:
                self._arm(wait.until)
                return
            self._tardy(wait)

    def _tardy(self, wait: _Wait) -> None:
        """That one call goes on without; its answer is still owed, so the order of the others holds."""
        self._late += 1
        if self._late >= _MOST_LATE:
            self._lose()
        self._go(wait, "lost")

    def _lose(self) -> None:
        self.state = "lost"
        self._retry_at = asyncio.get_running_loop().time() + _RETRY_S
        self.close()
