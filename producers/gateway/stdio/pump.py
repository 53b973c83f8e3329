"""Bytes from one process to another, unchanged and in order, on one thread. Knows nothing of MCP.

Neither side can block the other: a side is read only while what was read before is written, and no write waits.
"""

from __future__ import annotations

import os
import select
from collections.abc import Callable
from typing import Protocol

from .poller import read_chunk
from .sink import Sink

__all__ = ["Pump", "Tap"]


_IDLE_MS = 1


class Tap(Protocol):
    """Sees every chunk beside the pump; an empty chunk is the end of the stream. While `owing` it waits for a rest."""

    @property
    def owing(self) -> bool: ...

    def towards_server(self, chunk: bytes) -> None:
        """Before the chunk is forwarded."""

    def towards_client(self, chunk: bytes) -> None:
        """Before the chunk is forwarded."""

    def forwarded(self) -> None:
        """After a chunk was forwarded."""

    def settle(self) -> None:
        """Nothing passes: the time to do what is owed."""


class Pump:
    """Between a client's two descriptors and a server's two. `woken` runs when `wakeup` becomes readable."""

    def __init__(
        self, client: tuple[int, int], server: tuple[int, int], pidfd: int, wakeup: int, woken: Callable[[], None]
    ) -> None:
        self._client_in, self._to_client = client[0], Sink(client[1])
        self._server_out, self._to_server = server[0], Sink(server[1])
        self._pidfd, self._wakeup, self._woken = pidfd, wakeup, woken
        self._poll = select.poll()
        self._watched: dict[int, int] = {}
        self._reading = {self._client_in, self._server_out}
        self._calm = False  # nothing has changed since the last look at what to watch

    def run(self, tap: Tap) -> None:
        """Until the server's process has ended and what it wrote is delivered."""
        exited = False
        while True:
            if not self._calm:
                self._arm(exited)
            ready = self._poll.poll(0 if exited and not self._to_client.pending else _IDLE_MS if tap.owing else None)
            if not ready and tap.owing:
                tap.settle()
            if self._calm and not exited and all(fd in self._reading for fd, _ in ready):
                for fd, _ in ready:
                    self._from_client(tap) if fd == self._client_in else self._from_server(tap)
                continue
            events = dict(ready)
            if exited and self._server_out not in events and not self._to_client.pending:
                return
            exited = exited or self._pidfd in events
            self._serve(events, tap)

    def _serve(self, events: dict[int, int], tap: Tap) -> None:
        if self._wakeup in events:
            self._woken()
        for sink in (self._to_server, self._to_client):
            if sink.fd in events and sink.open:
                sink.flush()
        if self._client_in in events and self._client_in in self._reading:
            self._from_client(tap)
        if self._server_out in events and self._server_out in self._reading:
            self._from_server(tap)
        self._calm = False

    def _from_client(self, tap: Tap) -> None:
        chunk = read_chunk(self._client_in)
        if chunk is None:
            return
        tap.towards_server(chunk)
        if chunk:
            self._put(self._to_server, chunk)
        else:
            self._stop(self._client_in)
            self._to_server.finish()
        tap.forwarded()

    def _from_server(self, tap: Tap) -> None:
        chunk = read_chunk(self._server_out)
        if chunk is None:
            return
        tap.towards_client(chunk)
        if chunk:
            self._put(self._to_client, chunk)
        else:
            self._stop(self._server_out)
            self._to_client.finish()
        tap.forwarded()

    def _put(self, sink: Sink, chunk: bytes) -> None:
        sink.put(chunk)
        if sink.pending or not sink.open:
            self._calm = False

    def _arm(self, exited: bool) -> None:
        """Watch what can make progress. A side whose reader is gone is closed, so that its writer learns of it."""
        for source, sink in ((self._client_in, self._to_server), (self._server_out, self._to_client)):
            if source in self._reading and not sink.open:
                self._stop(source)
            self._watch(source, select.POLLIN if source in self._reading and not sink.pending else 0)
            self._watch(sink.fd, select.POLLOUT if sink.open and sink.pending else 0)
        self._watch(self._pidfd, 0 if exited else select.POLLIN)
        self._watch(self._wakeup, select.POLLIN)
        self._calm = True

    def _watch(self, fd: int, events: int) -> None:
        if events == self._watched.get(fd, 0):
            return
        self._watched[fd] = events
        if events:
            self._poll.register(fd, events)
        else:
            self._poll.unregister(fd)

    def _stop(self, source: int) -> None:
        self._watch(source, 0)
        self._reading.discard(source)
        self._calm = False
        os.close(source)
