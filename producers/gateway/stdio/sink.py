"""A descriptor to write to without ever waiting."""

from __future__ import annotations

import fcntl
import os
import stat
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from socket import socket

__all__ = ["Sink"]


class Sink:
    """Keeps what could not be written yet. A reader that is gone closes the sink; what was pending is then lost.

    `O_NONBLOCK` is never set on a description that others may share (stderr may be the same pipe, or a terminal): a
    pipe is opened once more, a socket is sent to with a flag, anything else is written as it is.
    """

    def __init__(self, fd: int) -> None:
        self.fd = fd
        self.pending = b""
        self.open = True
        self._last = False
        self._given = fd
        self._socket: socket | None = None
        self._flags = 0
        mode = os.fstat(fd).st_mode
        if stat.S_ISFIFO(mode):
            self.fd = _reopened(fd)
        elif stat.S_ISSOCK(mode):
            import socket  # noqa: PLC0415 - most clients speak through pipes

            self._socket = socket.socket(fileno=os.dup(fd))
            self._flags = socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL

    def put(self, data: bytes) -> None:
        """Write what can be written now and keep the rest."""
        if self.open and data:
            self.pending = self.pending + data if self.pending else data
            self.flush()

    def flush(self) -> None:
        """Go on with what is pending."""
        try:
            while self.pending:
                written = self._write(self.pending)
                self.pending = self.pending[written:]
        except BlockingIOError:
            return
        except OSError:
            self.close()
        if self._last:
            self.close()

    def finish(self) -> None:
        """No more will come: close once all is written."""
        self._last = True
        self.flush()

    def close(self) -> None:
        """Give up what is pending and close every descriptor of it."""
        if not self.open:
            return
        self.open, self.pending = False, b""
        if self._socket is not None:
            self._socket.close()
        for fd in {self.fd, self._given}:
            os.close(fd)

    def _write(self, data: bytes) -> int:
        if self._socket is not None:
            return self._socket.send(data, self._flags)
        return os.write(self.fd, data)


def _reopened(fd: int) -> int:
    try:
        return os.open(f"/proc/self/fd/{fd}", os.O_WRONLY | os.O_NONBLOCK)
    except OSError:  # the pipe of another user: rather share the flag than wait
        fcntl.fcntl(fd, fcntl.F_SETFL, fcntl.fcntl(fd, fcntl.F_GETFL) | os.O_NONBLOCK)
        return fd
