"""How long tests wait for what must come: long enough for a machine that is slow and busy, since a test that waits in
vain fails all the same."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

__all__ = ["PATIENCE_S", "eventually", "until"]

PATIENCE_S = 60.0


def eventually(holds: Callable[[], object], patience_s: float = PATIENCE_S) -> None:
    """Returns once it holds."""
    deadline = time.monotonic() + patience_s
    while not holds():
        assert time.monotonic() < deadline, f"not within {patience_s} s"
        time.sleep(0.01)


async def until(holds: Callable[[], object]) -> None:
    """Returns once it holds, and lets others work meanwhile."""
    async with asyncio.timeout(PATIENCE_S):
        while not holds():  # noqa: ASYNC110 - what is awaited is another process, or the other side of a socket
            await asyncio.sleep(0.005)
