"""The lease of `producers/gateway/sensor` on an event loop: no call waits for the sensor's answer to another.

Every wait is bounded and every failure means "go on without a sensor"; events then say `lost`.
"""

from __future__ import annotations

import asyncio
import socket
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ....models.events import Lease
from ...lease import PACKET, READY, Attach, Begin, End, Granted, LeaseError, Refused, pack, parse
from ..observer.ledger import Call

__all__ = ["AsyncLease"]

_RETRY_S = 5.0
_MOST_LATE = 8  # answers in a row, after which the sensor counts as gone
Then = Callable[[Lease], None]


@dataclass(slots=True)
class _Wait:
    """A request that goes on once the sensor knows `left` more of its calls."""

    left: int
    then: Then
    timer: asyncio.TimerHandle | None = None


class AsyncLease:
    """One lease for one server process. `state` is what events say of it."""

    def __init__(self, path: Path | None, server: str, *, attach_s: float, ready_s: float) -> None:
        self._path, self._server = path, server
        self._attach_s, self._ready_s = attach_s, ready_s
        self._socket: socket.socket | None = None
        self._waiting: deque[_Wait] = deque()  # in the order of the sensor's answers
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
            for call in calls:
                self._socket.send(pack(Begin(call.call_id, call.correlation_id)))
        except OSError:
            self._lose()
            then(self.state)
            return
        wait = _Wait(len(calls), then)
        wait.timer = asyncio.get_running_loop().call_later(self._ready_s, self._tardy, wait)
        self._waiting.append(wait)

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
        waiting, self._waiting = self._waiting, deque()
        for wait in waiting:
            self._go(wait)

    def _go(self, wait: _Wait) -> None:
        """Once: the timer is gone afterwards."""
        if wait.timer is not None:
            wait.timer.cancel()
            wait.timer = None
            wait.then(self.state)

    def _answered(self) -> None:
        try:
            while self._socket is not None:
                if self._socket.recv(PACKET) != READY or not self._waiting:
                    self._lose()
                    return
                self._ready()
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
            self._go(wait)

    def _tardy(self, wait: _Wait) -> None:
        """That one call goes on without; its answer is still owed, so the order of the others holds."""
        wait.timer = None
        self._late += 1
        if self._late >= _MOST_LATE:
            self._lose()
        wait.then("lost")

    def _lose(self) -> None:
        self.state = "lost"
        self._retry_at = asyncio.get_running_loop().time() + _RETRY_S
        self.close()
