"""Audit events of changes: an event that the broker does not take is told the next time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import structlog

from ...models.changes import Change
from ...models.errors import TriptychError

__all__ = ["Audit"]

log = structlog.get_logger(__name__)


class Audit:
    """`publish` may block and raise TriptychError; it runs off the event loop."""

    def __init__(self, publish: Callable[[Sequence[Change]], None]) -> None:
        self._publish = publish
        self._untold: list[Change] = []

    async def tell(self, changed: Sequence[Change] = ()) -> None:
        """Publish these, and before them what was not taken yet."""
        self._untold += changed
        if not self._untold:
            return
        try:
            await asyncio.to_thread(self._publish, tuple(self._untold))
        except TriptychError as error:
            log.error("audit event not sent", code=error.code, error=error.what)
        else:
            self._untold.clear()
