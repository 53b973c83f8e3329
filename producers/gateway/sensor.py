"""The gateway's end of a lease: tells the node's sensor which calls run. Every wait is bounded, every failure means
"go on without a sensor" and shows in the events as the lease `lost`.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from pathlib import Path

from ...models.events import Lease
from ..lease import PACKET, READY, Attach, Begin, End, Granted, LeaseError, Refused, pack, parse
from .observer.ledger import Call

__all__ = ["SensorLease"]

_RETRY_NS = 5_000_000_000
_AT_ONCE = 64  # packets that surely fit the sockets on both sides


class SensorLease:
    """One lease for one server process. `state` is what events say of it."""

    def __init__(
        self,
        path: Path | None,
        server: str,
        *,
        attach_s: float = 1.0,
        ready_s: float = 0.25,
        monotonic_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self._path, self._server = path, server
        self._attach_s, self._ready_s = attach_s, ready_s
        self._clock = monotonic_ns
        self._socket: socket.socket | None = None
        self._pidfd = -1
        self._retry_at = 0
        self.state: Lease = "none"

    def attach(self, pidfd: int) -> Granted | None:
        """Ask for the process behind `pidfd`. None when there is no sensor or it refused."""
        self._pidfd = pidfd
        return self._attach(self._attach_s) if self._path is not None else None

    def begin(self, calls: list[Call]) -> None:
        """Return once the kernel stamps events with these calls, or when a wait (one for 64 calls) is over."""
        if self.state == "lost" and self._clock() >= self._retry_at:
            self._attach(self._ready_s)
        if self._socket is None:
            return
        try:
            self._socket.settimeout(self._ready_s)
            for first in range(0, len(calls), _AT_ONCE):
                if not _begun(self._socket, calls[first : first + _AT_ONCE]):
                    self._lose()
                    return
        except OSError:
            self._lose()

    def end(self, call: Call) -> None:
        """The call's effects are over."""
        if self._socket is None:
            return
        try:
            self._socket.send(pack(End(call.call_id)))
        except OSError:
            self._lose()

    def close(self) -> None:
        """The sensor takes the closed socket as the end of the lease."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _attach(self, wait_s: float) -> Granted | None:
        try:
            self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            self._socket.settimeout(wait_s)
            self._socket.connect(str(self._path))
            socket.send_fds(self._socket, [pack(Attach(self._server))], [self._pidfd])
            answer = parse(self._socket.recv(PACKET))
        except (OSError, LeaseError):
            self._lose()
            return None
        if isinstance(answer, Granted):
            self.state = "granted"
            return answer
        self._lose()
        if isinstance(answer, Refused):
            self.state = "refused"
        return None

    def _lose(self) -> None:
        self.close()
        self.state = "lost"
        self._retry_at = self._clock() + _RETRY_NS


def _begun(sensor: socket.socket, calls: list[Call]) -> bool:
    for call in calls:
        sensor.send(pack(Begin(call.call_id, call.correlation_id)))
    return all(sensor.recv(PACKET) == READY for _ in calls)
