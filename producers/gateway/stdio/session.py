"""One connection as it passes: every request is on disk, and known to the sensor, before the server can read it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Protocol

from ..observer.observe import CLIENT, SERVER, Message, Observer

if TYPE_CHECKING:
    from ....models.events import Lease
    from ..clock import Now
    from ..facts.describe import Describer
    from ..observer.ledger import Call
    from ..spool.record import Entry

__all__ = ["NoSensor", "Sensor", "Session", "Store"]

_MOST_UNREADABLE = 64  # events for unreadable lines of one chunk; the rest is counted


class Sensor(Protocol):
    """Whom a session tells which calls run."""

    @property
    def state(self) -> Lease: ...
    def begin(self, calls: Sequence[Call]) -> None: ...
    def end(self, call: Call) -> None: ...
    def close(self) -> None: ...


class Store(Protocol):
    """Where a session keeps its events; see Spool."""

    def append(self, entries: Iterable[Entry]) -> bool: ...
    def announce(self, entries: Iterable[Entry]) -> bool: ...
    def fulfil(self) -> None: ...


class NoSensor:
    """Nobody watches this server."""

    state: Lease = "none"

    def begin(self, calls: Sequence[Call]) -> None: ...
    def end(self, call: Call) -> None: ...
    def close(self) -> None: ...


class Session:
    """The pump's tap. Whatever fails in here is counted, shown in the next event, and never touches the bytes.

    `heard` is called with every message once it is matched to its call, before it is forwarded.
    """

    def __init__(
        self,
        observer: Observer,
        describer: Describer,
        *,
        lease: Sensor,
        spool: Store,
        now: Callable[[], Now],
        heard: Callable[[Message], None] | None = None,
    ) -> None:
        self._observer, self._describer = observer, describer
        self._lease, self._spool, self._now, self._heard = lease, spool, now, heard
        self._behind: list[Message] = []
        self.failures: dict[str, int] = {}

    def towards_server(self, chunk: bytes) -> None:
        """Lease and spool, before the chunk is forwarded; an empty one is the end of the stream."""
        try:
            now = self._now()
            self._observed(self._observer.read(CLIENT, chunk, now) if chunk else self._observer.finish(CLIENT, now))
        except Exception as error:
            self._fail(type(error).__name__)

    def towards_client(self, chunk: bytes) -> None:
        """End the leases of what is answered; the rest can wait until the client has its bytes."""
        try:
            self._answered(chunk)
        except Exception as error:
            self._fail(type(error).__name__)

    def forwarded(self) -> None:
        """Describe and spool what `towards_client` read."""
        if not self._behind:
            return
        messages, self._behind = self._behind, []
        try:
            self._describe(messages, messages[-1].now)
        except Exception as error:
            self._fail(type(error).__name__)

    @property
    def owing(self) -> bool:
        """Whether something that passed is yet to be described: never, once `forwarded` has returned."""
        return False

    def settle(self) -> None:
        """Describe what is owed."""

    def describe(self, messages: list[Message]) -> None:
        """Describe and spool messages that never pass, because they were refused."""
        try:
            self._describe(messages, self._now())
        except Exception as error:
            self._fail(type(error).__name__)

    def exited(self, status: int) -> None:
        """The server ended: its open calls end with it."""
        self.towards_client(b"")
        self.forwarded()
        try:
            self._incidents(status)
        except Exception as error:
            self._fail(type(error).__name__)
        self._lease.close()

    def _observed(self, messages: list[Message]) -> None:
        """Messages of the client, about to be forwarded."""
        if not messages:
            return
        now, begins = messages[0].now, [message.begins for message in messages if message.begins]
        if begins:
            self._lease.begin(begins)
            if self._lease.state != "none":
                now = self._now()  # the sensor's answer took its time, and the calls start after it
        if self._heard is not None:
            for message in messages:
                self._tell(message)
        self._describe(messages, now)
        for message in messages:
            if message.shape.kind == "notification":
                self._end(message)

    def _answered(self, chunk: bytes) -> None:
        """Messages of the server. Its replies end our calls, its requests are none of the sensor's."""
        now = self._now()
        messages = self._observer.read(SERVER, chunk, now) if chunk else self._observer.finish(SERVER, now)
        self._behind += messages
        for message in messages:
            if message.ends is not None or message.released:
                self._end(message)
            if self._heard is not None:
                self._tell(message)

    def _end(self, message: Message) -> None:
        if message.ends is not None:
            self._lease.end(message.ends)
        for call in message.released:
            self._lease.end(call)

    def _tell(self, message: Message) -> None:
        if self._heard is not None:
            try:
                self._heard(message)
            except Exception as error:
                self._fail(type(error).__name__)

    def _describe(self, messages: list[Message], now: Now) -> None:
        """In one write: all of a chunk is on disk, or its loss is counted."""
        lease = self._lease.state
        entries: list[Entry] = []
        for message in self._worth(messages):
            try:
                self._observer.watch(message)
                entries.append(self._describer.message(message, now, lease))
            except Exception as error:  # what cannot be described costs its own event and no other
                self._fail(type(error).__name__)
            if message.unsaid:
                self._fail("not-described", message.unsaid)
        self._keep(entries)

    def _worth(self, messages: Iterable[Message]) -> Iterator[Message]:
        """Without a flood of unreadable ones: a chunk of line ends must not become megabytes of events."""
        unreadable = 0
        for message in messages:
            if message.shape.kind == "invalid":
                unreadable += 1
                if unreadable > _MOST_UNREADABLE:
                    self._fail("unreadable-flood", 1 + message.unsaid)
                    continue
            yield message

    def _incidents(self, status: int) -> None:
        calls: list[Call | None] = [*self._observer.close()]
        if status and not calls:
            calls = [None]
        now, state, claims = self._now(), self._lease.state, self._observer.claims
        for call in calls:
            if call:
                self._lease.end(call)
        anomalies = (f"exit-status-{status}", "server-exited")
        self._keep([self._describer.incident(anomalies, now, state, claims, call=call) for call in calls])

    def _keep(self, entries: list[Entry]) -> None:
        if entries and not self._spool.append(entries):
            self._fail("spool-full", len(entries))
        shared = self._observer.shared
        if shared.failures:
            failures, shared.failures = shared.failures, {}
            for reason, count in failures.items():
                self._fail(reason, count)

    def _fail(self, reason: str, count: int = 1) -> None:
        self.failures[reason] = self.failures.get(reason, 0) + count
        self._describer.lost(count)
