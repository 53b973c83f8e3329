"""What was sent and is not acknowledged yet: writes and releases follow it in order, while the next chunk is in work.

One of each co-partition. Nothing is written or released before everything in front of it; after a refusal nothing is
any more, and whoever comes next is told.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from .pins import Pin

__all__ = ["MOST", "Outbox", "Sent"]

MOST = 16
"""Chunks under way in a co-partition before the next one waits."""


@dataclass(frozen=True, slots=True)
class Sent:
    """What one chunk or tick led to: outputs on their way, and what may follow once they are acknowledged."""

    acknowledged: Sequence[Awaitable[object]]
    writes: Sequence[Any]
    releases: Sequence[Pin]


class Outbox:
    """`write` applies the writes and answers whether the releases may still follow; `settle` comes after them."""

    def __init__(self, write: Callable[[Sequence[Any]], Awaitable[bool]], settle: Callable[[], None]) -> None:
        self._write = write
        self._settle = settle
        self._waiting: asyncio.Queue[Sent] = asyncio.Queue()
        self._room = asyncio.Semaphore(MOST)
        self._worker: asyncio.Task[None] | None = None
        self._error: BaseException | None = None

    async def put(self, sent: Sent) -> None:
        """Returns at once while there is room. Raises what an earlier output was refused with."""
        self.check()  # behind a refusal nothing makes room any more
        await self._room.acquire()
        self.check()
        self._waiting.put_nowait(sent)
        if self._worker is None or self._worker.done():
            self._worker = asyncio.create_task(self._work())

    def check(self) -> None:
        """Raises what an output was refused with, if one was."""
        if self._error is not None:
            raise self._error

    async def empty(self) -> None:
        """Wait until nothing is under way. Raises like check()."""
        if self._worker is not None:
            await asyncio.wait([self._worker])
        self.check()

    async def _work(self) -> None:
        while not self._waiting.empty():
            try:
                await self._finish(self._waiting.get_nowait())
            except Exception as error:
                # Told to the next who puts or checks: this task has nobody to raise to.
                self._error = error
                return
            finally:
                self._room.release()

    async def _finish(self, sent: Sent) -> None:
        for acknowledged in sent.acknowledged:
            await acknowledged
        if not await self._write(sent.writes):
            return
        for pin in sent.releases:
            pin.release()
        self._settle()
