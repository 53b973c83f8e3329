"""The least that can stand between two processes: bytes from one descriptor to the other, and not a look at them."""

from __future__ import annotations

import os
import select
import subprocess
import sys
from collections.abc import Sequence

__all__ = ["main"]


def main(command: Sequence[str]) -> None:
    """Until the server's stdout ends."""
    server = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)
    assert server.stdin is not None  # noqa: S101 - it is a pipe
    assert server.stdout is not None  # noqa: S101
    into, out = server.stdin.fileno(), server.stdout.fileno()
    poll = select.epoll()
    for source in (0, out):
        poll.register(source, select.EPOLLIN)
    while True:
        for source, _ in poll.poll():
            chunk = os.read(source, 1 << 16)
            if chunk:
                _write(into if source == 0 else 1, chunk)
            elif source == 0:
                poll.unregister(0)
                server.stdin.close()
            else:
                return


def _write(sink: int, data: bytes) -> None:
    while data:
        data = data[os.write(sink, data) :]


if __name__ == "__main__":
    main(sys.argv[1:])
