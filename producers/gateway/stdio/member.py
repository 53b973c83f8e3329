"""One process of the server: its pipes, and the session that tells what passes through them."""

from __future__ import annotations

import os
import signal
from dataclasses import replace
from typing import TYPE_CHECKING

from .child import exit_status
from .sink import Sink

if TYPE_CHECKING:
    from ....models.events import DispatchMode
    from ..facts.describe import Describer
    from .child import Child
    from .session import Session

__all__ = ["Member"]


class Member:
    """`number` is its place among the processes of one server. `reading` turns false at the end of its output."""

    def __init__(self, number: int, child: Child, session: Session, describer: Describer) -> None:
        self.number, self.session = number, session
        self.pidfd, self.output = child.pidfd, child.stdout
        self.sink = Sink(child.stdin)
        self.reading, self.exited, self.spoke = True, False, False
        self._pid, self._describer = child.pid, describer

    def send(self, data: bytes) -> None:
        """Lease and spool, then write."""
        self.session.towards_server(data)
        self.sink.put(data)

    def no_more(self) -> None:
        """The client's stream has ended."""
        self.session.towards_server(b"")
        self.sink.finish()

    def signal(self, number: int) -> None:
        if not self.exited:
            os.kill(self._pid, number)

    def end_if_deaf(self) -> None:
        """A process that closed its input would keep every further call waiting."""
        if not self.sink.open:
            self.signal(signal.SIGTERM)

    def switch(self, mode: DispatchMode) -> None:
        """Later events tell of another way to dispatch."""
        self._describer.relocate(replace(self._describer.connection, dispatch_mode=mode))

    def stop_reading(self) -> None:
        if self.reading:
            self.reading = False
            os.close(self.output)

    def reap(self) -> int:
        """Its exit status, once it has exited; nothing of it stays open."""
        status = exit_status(os.waitpid(self._pid, 0)[1])
        self.session.exited(status)
        self.stop_reading()
        self.sink.close()
        os.close(self.pidfd)
        return status
