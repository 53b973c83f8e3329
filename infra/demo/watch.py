"""Waits for things to appear on the topics, with a deadline and words for what did not come."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable

from .collect import Collected
from .errors import DemoError
from .parts import Part
from .tape import Tape

__all__ = ["Watch"]

_PAUSE_S = 0.25


class Watch:
    """Reads the tape into what is collected, over and over. `on_news` runs after each reading."""

    def __init__(
        self, tape: Tape, collected: Collected, parts: Iterable[Part], on_news: Callable[[], None] = lambda: None
    ) -> None:
        self._tape = tape
        self._parts = tuple(parts)
        self.on_news = on_news
        self.collected = collected

    async def read(self) -> None:
        """Everything the topics hold now. Raises DemoError X02 when a part has ended."""
        await asyncio.to_thread(lambda: self.collected.add(self._tape.new()))
        self.on_news()
        for part in self._parts:
            part.must_live()

    async def until(self, reached: Callable[[], bool], what: str, *, timeout_s: float) -> float:
        """Seconds until `reached`. Raises DemoError X03 naming `what` after `timeout_s`."""
        began = time.monotonic()
        while True:
            await self.read()
            if reached():
                return time.monotonic() - began
            if time.monotonic() - began > timeout_s:
                raise DemoError(f"{what}: not in {timeout_s:.0f} s", "run it again with --keep and look", code="X03")
            await asyncio.sleep(_PAUSE_S)
