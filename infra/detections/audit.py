"""Audit events of changes: each once, whichever workers see it; what the broker does not take is told the next time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import structlog

from ...models.changes import Change, Kind, between
from ...models.errors import TriptychError

__all__ = ["Audit", "Log"]

log = structlog.get_logger(__name__)


class Log(Protocol):
    """What streams.changelog.ChangeLog does."""

    async def standing(self, kind: str) -> Mapping[str, str]: ...
    async def news(self, changed: Sequence[Change]) -> tuple[Change, ...]: ...
    async def told(self, changed: Sequence[Change]) -> None: ...


class Audit:
    """`publish` may block and raise TriptychError; it runs off the event loop. `owed`: to be told first."""

    def __init__(self, publish: Callable[[Sequence[Change]], None], known: Log, owed: Sequence[Change] = ()) -> None:
        self._publish = publish
        self._known = known
        self._seen = [*owed]
        self._news: list[Change] = []
        self._caught_up: set[Kind] = set()

    async def catch_up(self, kind: Kind, versions: Mapping[str, str]) -> None:
        """Tell once what differs from what was told last: it changed while no worker ran. By subject its version."""
        if kind in self._caught_up:
            return
        try:
            before = await self._known.standing(kind)
        except TriptychError as error:
            log.error("audit event not sent", code=error.code, error=error.what)
            return
        self._caught_up.add(kind)
        await self.tell(between(kind, before, versions))

    async def tell(self, changed: Sequence[Change] = ()) -> None:
        """Publish these, and before them what was not taken yet."""
        self._seen += changed
        if not (self._seen or self._news):
            return
        try:
            self._news += await self._known.news(self._seen)
            self._seen.clear()
            if self._news:
                await asyncio.to_thread(self._publish, tuple(self._news))
                await self._known.told(self._news)
        except TriptychError as error:
            log.error("audit event not sent", code=error.code, error=error.what)
        else:
            self._news.clear()
