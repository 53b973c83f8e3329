"""Free TCP ports on loopback."""

from __future__ import annotations

import contextlib
import socket

__all__ = ["free_ports", "is_free"]


def free_ports(count: int) -> list[int]:
    """`count` different ports that nobody listens on now."""
    with contextlib.ExitStack() as stack:
        held = [stack.enter_context(socket.socket()) for _ in range(count)]
        for sock in held:
            sock.bind(("127.0.0.1", 0))
        return [sock.getsockname()[1] for sock in held]


def is_free(port: int) -> bool:
    """Whether nobody on loopback listens on this port now."""
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # what was closed a moment ago is free
        try:
            sock.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
