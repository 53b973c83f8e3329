"""A store that asks the Python rules while it asks the store behind it: neither waits for the other."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Protocol

from ...streams.known import Known, Wanted
from .rules import PythonRules

__all__ = ["AskingStore"]


class _Store(Protocol):
    async def lookup(self, wanted: Wanted) -> Known: ...

    async def apply(self, writes: Sequence[Any]) -> None: ...


class AskingStore:
    """Rules may be replaced while it runs."""

    def __init__(self, store: _Store, rules: PythonRules) -> None:
        self._store = store
        self._rules = rules
        self._replaced: list[PythonRules] = []

    def use(self, rules: PythonRules) -> None:
        """Ask these from now on; the ones before end at the next question."""
        self._replaced.append(self._rules)
        self._rules = rules

    async def lookup(self, wanted: Wanted) -> Known:
        while self._replaced:
            await self._replaced.pop().close()
        before = self._rules.failed
        known, hits = await asyncio.gather(self._store.lookup(wanted), self._rules.judge(wanted.calls))
        failed = self._rules.failed - before
        return replace(known, hits=hits, failed=failed) if hits or failed else known

    async def apply(self, writes: Sequence[Any]) -> None:
        await self._store.apply(writes)

    async def close(self) -> None:
        """End the rules' processes; the store is whose it was."""
        await self._rules.close()
