"""The gateway's end of a lease: tells the node's sensor which calls run. Every wait is bounded, every failure means
"go on without a sensor" and shows in the events as the lease `lost`.
"""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..lease import PACKET, READY, Attach, End, Granted, LeaseError, Refused, pack, pack_begin, parse, request_text

if TYPE_CHECKING:
    from ...models.events import Lease
    from .observer.ledger import Call

__all__ = ["SensorLease", "begin_of"]

_FIRST_PAUSE_NS = 1_000_000_000
_LONGEST_PAUSE_NS = 60_000_000_000
_AT_ONCE = 64  # packets that surely fit the sockets on both sides
_PATIENCE = 4  # late answers in a row before the sensor counts as gone
_TIMEOUT = struct.Struct("ll")  # struct timeval


class SensorLease:
    """One lease for one server process. `state` is what events say of it: `lost` also while an answer is overdue.

    `regranted` hears of a later grant: another sensor may see the server under another workload.
    """

    def __init__(
        self,
        path: Path | None,
        server: str,
        *,
        attach_s: float = 1.0,
        ready_s: float = 0.25,
        regranted: Callable[[Granted], None] = lambda _: None,
        monotonic_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self._path, self._server = path, server
        self._attach_s, self._ready_s = attach_s, ready_s
        self._regranted, self._clock = regranted, monotonic_ns
        self._socket: socket.socket | None = None
        self._pidfd = -1
        self._running: dict[str, Call] = {}
        self._owed = 0  # begins that were sent and not answered
        self._late = 0
        self._pause_ns, self._retry_at = _FIRST_PAUSE_NS, 0
        self.state: Lease = "none"

    def attach(self, pidfd: int) -> Granted | None:
        """Ask for the process behind `pidfd`. None when there is no sensor or it refused."""
        self._pidfd = pidfd
        return self._attach(self._attach_s) if self._path is not None else None

    def begin(self, calls: Sequence[Call]) -> None:
        """Return once the kernel stamps events with these calls, or when a wait (one for 64 calls) is over."""
        if self._path is None or not calls:
            return
        for call in calls:
            self._running[call.call_id] = call
        if self._socket is not None:
            self._begin(calls)
        elif self._clock() >= self._retry_at and (granted := self._attach(self._ready_s)):
            self._regranted(granted)
            # calls that no sensor knew may still run: unknown to this one, their effects would become those of others
            self._begin(list(self._running.values()))

    def end(self, call: Call) -> None:
        """The call's effects are over."""
        self._running.pop(call.call_id, None)
        if self._socket is None:
            return
        try:
            self._socket.send(pack(End(call.call_id)), socket.MSG_DONTWAIT)
        except OSError:  # a call that never ends at the sensor would take the effects of others
            self._lose()
            return
        try:
            self._hear(socket.MSG_DONTWAIT)
        except BlockingIOError:
            return
        except OSError:
            self._lose()

    def close(self) -> None:
        """The sensor takes the closed socket as the end of the lease."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None
        self._owed = self._late = 0

    def _attach(self, wait_s: float) -> Granted | None:
        try:
            self._socket = sensor = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            _bound(sensor, wait_s)
            sensor.connect(str(self._path))
            socket.send_fds(sensor, [pack(Attach(self._server))], [self._pidfd])
            answer = parse(sensor.recv(PACKET))
            _bound(sensor, self._ready_s)
        except (OSError, LeaseError):
            self._lose()
            return None
        if isinstance(answer, Granted):
            self.state, self._pause_ns = "granted", _FIRST_PAUSE_NS
            return answer
        self._lose()
        if isinstance(answer, Refused):
            self.state = "refused"
        return None

    def _begin(self, calls: Sequence[Call]) -> None:
        """Of calls that the sensor does not hear of none may run under its lease: it is all of them or no lease."""
        try:
            for first in range(0, len(calls), _AT_ONCE):
                if self._socket is None or (first and self._owed):
                    self._lose()
                    return
                forwards_ns = self._clock() + int(self._ready_s * 1e9)
                for call in calls[first : first + _AT_ONCE]:
                    self._socket.send(begin_of(call, forwards_ns))
                    self._owed += 1
                self._await(forwards_ns)
        except OSError:
            self._lose()

    def _await(self, deadline_ns: int) -> None:
        """One late answer says so in the events of its call; several in a row are a sensor that is gone."""
        try:
            self._hear(deadline_ns=deadline_ns)
        except BlockingIOError:
            self.state = "lost"
            self._late += 1
            if self._late >= _PATIENCE:
                self._lose()

    def _hear(self, flags: int = 0, deadline_ns: int | None = None) -> None:
        """Take the answers that are owed. Raises BlockingIOError while one is missing."""
        while self._owed and self._socket is not None:
            if self._socket.recv(PACKET, flags) != READY:
                raise ConnectionError("the sensor ended the lease")
            self._owed -= 1
            if self._owed and deadline_ns is not None and self._clock() > deadline_ns:
                raise BlockingIOError
        self._late, self.state = 0, "granted"

    def _lose(self) -> None:
        self.close()
        self.state = "lost"
        self._retry_at = self._clock() + self._pause_ns
        self._pause_ns = min(2 * self._pause_ns, _LONGEST_PAUSE_NS)


def begin_of(call: Call, forwards_ns: int) -> bytes:
    """The packet that begins a call, of which the server will hear by `forwards_ns` (CLOCK_MONOTONIC) at the latest."""
    request = request_text(call.key[1]) if call.key else ""
    return pack_begin(call.call_id, call.correlation_id, forwards_ns, request)


def _bound(sensor: socket.socket, wait_s: float) -> None:
    """In the kernel, where a bound costs no further system call at every packet."""
    whole = int(wait_s)
    wait = _TIMEOUT.pack(whole, max(1, int((wait_s - whole) * 1e6)))
    sensor.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, wait)
    sensor.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, wait)
