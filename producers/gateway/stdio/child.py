"""The server's process: in the gateway's process group, dead when the gateway is dead, and stopped before its first
instruction until a sensor had the chance to watch it.
"""

from __future__ import annotations

import ctypes
import os
import signal
import struct
from collections.abc import Mapping, Sequence

from ....models.errors import TriptychError

__all__ = ["Child", "StartError", "exit_status", "spawn"]

_PR_SET_PDEATHSIG = 1
_ERRNO = struct.Struct("i")


class StartError(TriptychError):
    """The server's command could not be run; `status` is what a shell would exit with."""

    code = "G02"

    def __init__(self, command: str, errno: int) -> None:
        super().__init__(f"cannot run {command!r}: {os.strerror(errno)}", "check the command behind -- and its PATH")
        self.status = 127 if errno == 2 else 126


class Child:
    """A forked process that waits for `run`. `stdin` and `stdout` are our ends of its pipes."""

    def __init__(self, command: str, pid: int, *, stdin: int, stdout: int, gate: int, failure: int) -> None:
        self.pid, self.stdin, self.stdout = pid, stdin, stdout
        self.pidfd = os.pidfd_open(pid)
        self._command, self._gate, self._failure = command, gate, failure

    def run(self) -> None:
        """Let it become the server. Raises StartError when there is no such program."""
        os.close(self._gate)
        reason = os.read(self._failure, _ERRNO.size)  # ends without a byte when exec closes the other end
        os.close(self._failure)
        if reason:
            os.waitpid(self.pid, 0)
            raise StartError(self._command, _ERRNO.unpack(reason)[0])


def spawn(command: Sequence[str], environment: Mapping[str, str]) -> Child:
    """Fork a child that holds before exec. Call from a process with one thread."""
    prctl = ctypes.CDLL(None).prctl  # loaded here: the child must not allocate more than it has to
    parent = os.getpid()
    child_in, stdin = os.pipe()
    stdout, child_out = os.pipe()
    waits, gate = os.pipe()
    failure, fails = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.close(gate)
            os.dup2(child_in, 0)
            os.dup2(child_out, 1)
            prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
            if os.getppid() != parent:
                os._exit(1)
            signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # Python ignores it, a program expects the default
            os.read(waits, 1)
            os.execvpe(command[0], list(command), dict(environment))  # noqa: S606
        except OSError as error:
            os.write(fails, _ERRNO.pack(error.errno or 0))
        finally:
            os._exit(127)
    for fd in (child_in, child_out, waits, fails):
        os.close(fd)
    return Child(command[0], pid, stdin=stdin, stdout=stdout, gate=gate, failure=failure)


def exit_status(wait_status: int) -> int:
    """What a shell would report: the exit code, or 128 + n for signal n."""
    code = os.waitstatus_to_exitcode(wait_status)
    return code if code >= 0 else 128 - code
