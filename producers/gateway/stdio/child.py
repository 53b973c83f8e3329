"""The server's process: in the gateway's process group, dead when the gateway is dead, and stopped before its first
instruction until a sensor had the chance to watch it.
"""

from __future__ import annotations

import ctypes
import errno
import os
import signal
import struct
from collections.abc import Iterable, Mapping, Sequence
from ctypes import Array

from ....models.errors import TriptychError

__all__ = ["Child", "StartError", "exit_status", "spawn"]

_PR_SET_PDEATHSIG = 1
_ERRNO = struct.Struct("i")
_EXHAUSTED = frozenset({errno.EAGAIN, errno.EMFILE, errno.ENFILE, errno.ENOMEM})  # processes, descriptors, memory
_IGNORED_BY_PYTHON = (signal.SIGPIPE, signal.SIGXFSZ)  # a program expects the default


class StartError(TriptychError):
    """The server's command could not be run; `status` is what a shell would exit with."""

    code = "G02"

    def __init__(self, command: str, number: int) -> None:
        hint = (
            "raise the limit, or end something" if number in _EXHAUSTED else "check the command behind -- and its PATH"
        )
        super().__init__(f"cannot run {command!r}: {os.strerror(number)}", hint)
        self.status = 127 if number == errno.ENOENT else 126


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
            for fd in (self.stdin, self.stdout, self.pidfd):
                os.close(fd)
            raise StartError(self._command, _ERRNO.unpack(reason)[0])


def spawn(command: Sequence[str], environment: Mapping[str, str]) -> Child:
    """Fork a child that holds before exec. Call from a process with one thread. Raises StartError."""
    libc = ctypes.CDLL(None, use_errno=True)  # loaded here: the child must not allocate more than it has to
    program, arguments = os.fsencode(command[0]), _texts(command)
    variables = _texts(f"{name}={value}" for name, value in environment.items())
    parent = os.getpid()
    pid, ends = _forked(command[0])
    child_in, stdin, stdout, child_out, waits, gate, failure, fails = ends
    if pid == 0:
        try:
            os.close(gate)
            os.dup2(child_in, 0)
            os.dup2(child_out, 1)
            libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
            if os.getppid() != parent:
                os._exit(1)
            for number in _IGNORED_BY_PYTHON:
                signal.signal(number, signal.SIG_DFL)
            os.read(waits, 1)
            libc.execvpe(program, arguments, variables)  # as most clients do: a script without a shell is the shell's
            os.write(fails, _ERRNO.pack(ctypes.get_errno()))
        finally:
            os._exit(127)
    for fd in (child_in, child_out, waits, fails):
        os.close(fd)
    return Child(command[0], pid, stdin=stdin, stdout=stdout, gate=gate, failure=failure)


def _forked(command: str) -> tuple[int, list[int]]:
    """What fork returned, and the ends of four pipes. Raises StartError."""
    ends: list[int] = []
    try:
        for _ in range(4):
            ends += os.pipe()
        return os.fork(), ends
    except OSError as error:
        for fd in ends:
            os.close(fd)
        raise StartError(command, error.errno or 0) from None


def _texts(texts: Iterable[str]) -> Array[ctypes.c_char_p]:
    """A list as C's exec takes it."""
    encoded = [os.fsencode(text) for text in texts]
    return (ctypes.c_char_p * (len(encoded) + 1))(*encoded, None)


def exit_status(wait_status: int) -> int:
    """What a shell would report: the exit code, or 128 + n for signal n."""
    code = os.waitstatus_to_exitcode(wait_status)
    return code if code >= 0 else 128 - code
