"""Which change of a rule or an exception was told last: workers share it, so each change is told once, and what changed
while none of them ran is told by the first that starts.

Names, under the store's prefix: `changes:<kind>`, a hash: subject -> JSON [number, version]; `refused:<digest>` for a
minute after a refusal.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import orjson

from ..models.changes import Change
from .redisclient import RedisClient, now

__all__ = ["ChangeLog"]

_REFUSED_S = 60


class _Last(NamedTuple):
    number: int
    version: str


class ChangeLog(RedisClient):
    """Raises StoreAwayError while the server is away."""

    async def standing(self, kind: str) -> Mapping[str, str]:
        """By subject the version that was told last; those that are gone are left out."""
        return {subject: last.version for subject, last in (await self._all(kind)).items() if last.version}

    async def news(self, changed: Sequence[Change]) -> tuple[Change, ...]:
        """Those that nobody told yet. They are numbered: workers that tell one at the same moment tell the same one."""
        held = {kind: await self._all(kind) for kind in {change.kind for change in changed}}
        news = []
        for change in changed:
            if change.action == "refuse":
                news += [change] if await self._first(change) else []
                continue
            last = held[change.kind].get(change.subject, _Last(0, ""))
            if last.version != change.after:
                news.append(replace(change, number=last.number + 1))
                held[change.kind][change.subject] = _Last(last.number + 1, change.after)
        return tuple(news)

    async def told(self, changed: Sequence[Change]) -> None:
        """The broker has them."""
        async with self.pipeline() as pipe:
            for change in changed:
                if change.number:
                    pipe.hset(
                        self.name("changes", change.kind), change.subject, orjson.dumps((change.number, change.after))
                    )
            await pipe.execute()

    async def _all(self, kind: str) -> dict[str, _Last]:
        async with self.guard():
            found = await now(self.redis.hgetall(self.name("changes", kind)))
        return {subject.decode(): _Last(*orjson.loads(last)) for subject, last in found.items()}

    async def _first(self, refusal: Change) -> bool:
        said = "\0".join((refusal.kind, refusal.subject, refusal.reason))
        digest = hashlib.sha256(said.encode("utf-8", "surrogatepass")).hexdigest()[:16]
        async with self.guard():
            return bool(await self.redis.set(self.name("refused", digest), b"1", nx=True, ex=_REFUSED_S))
