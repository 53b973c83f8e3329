"""Waits for things to appear on the topics, with a deadline and words for what did not come."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator

from confluent_kafka import Message

from .collect import Collected
from .errors import DemoError
from .parts import Part
from .tape import Tape

__all__ = ["Watch"]


class Watch:
    """Reads the tape into what is collected. `on_news` is awaited after each reading."""

    def __init__(self, tape: Tape, collected: Collected, parts: Iterable[Part]) -> None:
        self._tape = tape
        self._parts = tuple(parts)
        self.on_news: Callable[[], Awaitable[None]] | None = None
        self.collected = collected

    async def until(self, reached: Callable[[], bool], what: str, *, timeout_s: float) -> float:
        """Seconds until `reached`. Raises DemoError X03 naming `what` after `timeout_s`, X02 when a part has ended."""
        began = time.monotonic()
        if not await self.patiently(reached, timeout_s):
            raise DemoError(f"{what}: not in {timeout_s:.0f} s", "triptych demo --keep leaves its logs", code="X03")
        return time.monotonic() - began

    async def patiently(self, reached: Callable[[], bool], patience_s: float) -> bool:
        """Whether `reached` came true in that time. Raises DemoError X02 when a part has ended."""
        began = time.monotonic()
        while not reached():
            if time.monotonic() - began > patience_s:
                return False
            await self._read(self._tape.new)
        return True

    async def the_rest(self, after_s: float) -> None:
        """Everything there is `after_s` seconds from now."""
        await asyncio.sleep(after_s)
        await self._read(self._tape.rest)

    async def _read(self, records: Callable[[], Iterator[Message]]) -> None:
        await asyncio.to_thread(lambda: self.collected.add(records()))
        if self.on_news is not None:
            await self.on_news()
        for part in self._parts:
            part.must_live()
