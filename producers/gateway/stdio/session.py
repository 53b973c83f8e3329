"""One connection as it passes: every request is on disk, and known to the sensor, before the server can read it."""

from __future__ import annotations

from collections.abc import Callable

from ....models.events import ProtocolEvent
from ..facts.describe import Describer, Now
from ..observer.ledger import Call
from ..observer.observe import CLIENT, SERVER, Message, Observer
from ..sensor import SensorLease
from ..spool.record import dump
from ..spool.writer import Spool
from .gate import Gate

__all__ = ["Session"]

_MOST_UNREADABLE = 64  # events for unreadable lines of one chunk; the rest is counted


class Session:
    """The pump's tap. Whatever fails in here is counted, shown in the next event, and never touches the bytes."""

    def __init__(
        self,
        observer: Observer,
        describer: Describer,
        *,
        lease: SensorLease,
        spool: Spool,
        now: Callable[[], Now],
        gate: Gate | None = None,
    ) -> None:
        self._observer, self._describer = observer, describer
        self._lease, self._spool, self._now, self._gate = lease, spool, now, gate
        self._behind: list[Message] = []
        self._over = 0  # gated calls that the gate was not told of yet
        self.failures: dict[str, int] = {}

    def towards_server(self, chunk: bytes) -> bytes:
        """Lease, spool, then let go."""
        allowed = self._gate.admit(chunk) if self._gate else chunk
        self._dispatch(allowed)
        if not chunk:
            self._guarded(lambda: self._observed(self._observer.finish(CLIENT)))
        return allowed + self._released()

    @property
    def full(self) -> bool:
        """Whether the client has to wait."""
        return self._gate is not None and self._gate.full

    def towards_client(self, chunk: bytes) -> None:
        """End the leases of what is answered; the rest can wait until the client has its bytes."""
        self._guarded(lambda: self._answered(chunk))

    def forwarded(self) -> bytes:
        """Describe and spool the replies; let the next held call go."""
        messages, self._behind = self._behind, []
        self._guarded(lambda: self._describe(messages))
        return self._released()

    def exited(self, status: int) -> None:
        """The server ended: its open calls end with it."""
        self._guarded(lambda: self._behind.extend(self._observer.finish(SERVER)))
        self.forwarded()
        self._guarded(lambda: self._incidents(status))
        self._lease.close()
        self._spool.close()

    def _released(self) -> bytes:
        """What was held and may go, as what it waited for is over."""
        out = bytearray()
        while self._gate and self._over:
            self._over -= 1
            line = self._gate.finished()
            self._dispatch(line)
            out += line
        return bytes(out)

    def _ended(self, call: Call | None) -> None:
        """Each call opens the gate once, however often it ends."""
        if call is not None and call.gated:
            call.gated = False
            self._over += 1

    def _dispatch(self, chunk: bytes) -> None:
        if chunk:
            self._guarded(lambda: self._observed(self._observer.read(CLIENT, chunk)))

    def _observed(self, messages: list[Message]) -> None:
        """Messages of the client, about to be forwarded."""
        if begins := [message.begins for message in messages if message.begins]:
            self._lease.begin(begins)
        self._describe(messages)
        for message in messages:
            if message.ends and message.shape.kind == "notification":
                self._lease.end(message.ends)
                self._ended(message.ends)
            elif message.shape.kind == "request" and not message.begins:
                self._ended(message.call)  # not tracked: its reply will find nothing

    def _answered(self, chunk: bytes) -> None:
        """Messages of the server. Its replies end our calls, its requests are none of the sensor's."""
        messages = self._observer.read(SERVER, chunk) if chunk else self._observer.finish(SERVER)
        self._behind += messages
        for message in messages:
            if message.ends and message.shape.kind != "notification":
                self._lease.end(message.ends)
                self._ended(message.ends)

    def _describe(self, messages: list[Message]) -> None:
        unreadable = 0
        for message in messages:
            unreadable += message.shape.kind == "invalid"
            if message.shape.kind == "invalid" and unreadable > _MOST_UNREADABLE:
                self._fail("unreadable-flood")  # a chunk of line ends must not become megabytes of events
                continue
            self._keep(self._describer.message(message, self._now(), self._lease.state))
            if message.unsaid:
                self._fail("batch-truncated", message.unsaid)

    def _incidents(self, status: int) -> None:
        calls: list[Call | None] = [*self._observer.close()]
        if status and not calls:
            calls = [None]
        for call in calls:
            anomalies = (f"exit-status-{status}", "server-exited")
            if call:
                self._lease.end(call)
            self._keep(self._describer.incident(anomalies, self._now(), self._lease.state, self._observer.claims, call))

    def _keep(self, event: ProtocolEvent) -> None:
        if not self._spool.append(dump(event)):
            self._fail("spool-full")

    def _guarded(self, step: Callable[[], None]) -> None:
        try:
            step()
        except Exception as error:
            self._fail(type(error).__name__)

    def _fail(self, reason: str, count: int = 1) -> None:
        self.failures[reason] = self.failures.get(reason, 0) + count
        self._describer.lost(count)
