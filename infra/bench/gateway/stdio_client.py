"""A client over pipes. Messages are bytes made beforehand and written one by one, as a client with many tasks does."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from ..errors import BenchError
from .client import Span, undisturbed, watched
from .traffic import INITIALIZE, INITIALIZED, LIST

__all__ = ["StdioClient", "stdio_client"]

_CHUNK = 1 << 16
_END_S = 5.0


class StdioClient:
    """Of a process that runs. `start_ms` is the time from its start to its first reply."""

    def __init__(self, process: subprocess.Popen[bytes], sink: int, source: int, began_ns: int) -> None:
        self.process, self._sink, self._source = process, sink, source
        self.ask(INITIALIZE)
        self.start_ms = (time.perf_counter_ns() - began_ns) / 1e6
        os.write(self._sink, INITIALIZED)
        self.ask(LIST)

    @property
    def pid(self) -> int:
        return self.process.pid

    def ask(self, message: bytes) -> bytes:
        """Send one line and return the line that answers, without its end."""
        with watched(self.process):
            os.write(self._sink, message)
            chunks = [self._read()]
            while not chunks[-1].endswith(b"\n"):
                chunks.append(self._read())
        reply = b"".join(chunks)[:-1]
        if b'"result"' not in reply:
            raise BenchError(f"it answered {reply[:200]!r}")
        return reply

    def one_by_one(self, messages: Sequence[bytes]) -> list[float]:
        """Microseconds a call."""
        clock, read, write, sink, source = time.perf_counter_ns, os.read, os.write, self._sink, self._source
        spent = []
        with watched(self.process), undisturbed():
            for message in messages:
                began = clock()
                write(sink, message)
                chunk = read(source, _CHUNK)
                while chunk[-1:] != b"\n":
                    chunk = read(source, _CHUNK) or self._gone()
                spent.append((clock() - began) / 1000)
        return spent

    def at_once(self, messages: Sequence[bytes], in_flight: int) -> Span:
        """Written one by one too; how many replies a read brings is the contender's affair."""
        sent, answered = in_flight, 0
        with watched(self.process), undisturbed() as span:
            for message in messages[:sent]:
                os.write(self._sink, message)
            while answered < len(messages):
                replies = self._read().count(b"\n")
                answered += replies
                for message in messages[sent : sent + replies]:
                    os.write(self._sink, message)
                sent += replies
            return span()

    def _read(self) -> bytes:
        return os.read(self._source, _CHUNK) or self._gone()

    def _gone(self) -> bytes:
        raise BenchError("it ended in the middle of a run")


@contextmanager
def stdio_client(argv: Sequence[str], log: Path) -> Iterator[StdioClient]:
    """Start a contender, ready for calls; it ends with the block as MCP clients end a server, by closing its stdin."""
    began = time.perf_counter_ns()
    with log.open("ab") as err:
        process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=err, bufsize=0)
    assert process.stdin is not None  # noqa: S101 - it is a pipe
    assert process.stdout is not None  # noqa: S101
    try:
        yield StdioClient(process, process.stdin.fileno(), process.stdout.fileno(), began)
    finally:
        process.stdin.close()
        try:
            process.wait(_END_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()
