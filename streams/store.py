"""Baselines, remembered turns and models in Redis.

One pipeline a batch, and every write may be repeated: baselines are sets of digests, turns and models stand under their
own names. Bounded by what was seen longest ago in event time, never by a clock, so a replay ends in the same place.

Names, all under `triptych:<tenant>:` with the server id percent-encoded:
    base:<server>:sessions, base:<server>:principals      sets: everything the server was seen by
    base:<server>:s:<key>, base:<server>:p:<key>          sets: who showed this fact
    base:<server>:seen                                    sorted set: fact -> last seen, seconds
    servers, turns, turns:order                           set; hash turn -> JSON; sorted set turn -> start, seconds
    sightings:<rule>:<by>:<entity>                        sorted sets: what windows hold (sightings.py)
    hygiene:<hash>                                        hashes: what was told (ledgers.py)
    sample:..., quarantine:..., findings:..., verdicts:...   samples.py, quarantine.py
    model:...                                             models by id, and which of them judges (modelstore.py)
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

import structlog

from ..models.detections.engine import Addition
from ..models.history import HistoryError, from_json
from ..models.hygiene import Note
from ..models.rolling import Latest
from ..models.turn import Turn
from . import ledgers, samples, sightings, supports, teaching
from .known import Bounds, Known, Learn, Quarantine, Remember, Sampled, Told, Wanted
from .loaded import Loaded
from .modelstore import ModelStore
from .quarantine import Quarantined
from .redisclient import now
from .teaching import Lesson

__all__ = ["Bounds", "RedisStore"]

log = structlog.get_logger(__name__)
_LOCK_S = 120
Write = Lesson | Quarantine | Told | Note | Addition


class RedisStore(ModelStore):
    """One store for all partitions of a worker. Every method raises StoreAwayError while the server is away."""

    def __init__(
        self, url: str, *, tenant: str = "default", bounds: Bounds | None = None, timeout_s: float = 5.0
    ) -> None:
        super().__init__(url, tenant=tenant, timeout_s=timeout_s)
        self._bounds = bounds or Bounds()
        self._current, self._candidate = Loaded(self), Loaded(self)
        self._latest: Mapping[str, Latest] = {}
        self._ledgers = ledgers.Ledgers()
        self.quarantined = Quarantined(self, self._teach)

    async def lookup(self, wanted: Wanted) -> Known:
        """The views of the wanted keys and the current model."""
        servers = list(wanted.keys.items())
        async with self.pipeline() as pipe:
            pipe.mget(self.name("model", "current"), self.name("model", "candidate"))
            for server, keys in servers:
                supports.ask(pipe, self.base(server), keys)
            self._ledgers.ask(pipe, self.name("hygiene"), wanted.ledger)
            sightings.ask(pipe, self.name("sightings"), wanted.additions)
            answers = iter(await pipe.execute())
        current, candidate = next(answers)
        views = {server: supports.view_of(server, keys, next(answers)) for server, keys in servers}
        ledger = self._ledgers.answer(wanted.ledger, answers)
        windows = sightings.answer(wanted.additions, answers)
        return Known(
            views,
            await self._current.of(current),
            ledger,
            windows=windows,
            candidate=await self._candidate.of(candidate) if candidate else None,
            latest=self._latest,
        )

    async def apply(self, writes: Sequence[Write]) -> None:
        """Carry the writes out. Doing it twice is doing it once. A turn that is set aside teaches only together with
        that, and what comes late of it, or is read again in part, looks normal without the rest."""
        lessons = [write for write in writes if isinstance(write, Learn | Remember | Sampled)]
        held = [write for write in writes if isinstance(write, Quarantine | Told)]
        async with self.pipeline() as pipe:
            trusted = {write.turn for write in held if isinstance(write, Quarantine)}
            teaching.teach(pipe, self.name(""), lessons, self._bounds, trusted)
            for write in writes:
                if isinstance(write, Addition):
                    sightings.write(pipe, self.name("sightings"), write)
                elif isinstance(write, Note):
                    ledgers.write(pipe, self.name("hygiene"), write)
                elif isinstance(write, Quarantine | Told):
                    self.quarantined.hold(pipe, write)
            await pipe.execute()
        await self.quarantined.settle(held)

    async def _teach(self, lessons: Sequence[Lesson]) -> None:
        """What was set aside and turned out to be normal."""
        async with self.pipeline() as pipe:
            teaching.teach(pipe, self.name(""), lessons, self._bounds)
            await pipe.execute()

    async def look_back(self) -> None:
        """Bring up to date how rare the latest normal turns of every server were."""
        self._latest = await samples.latest(self, await self.sessions())

    async def turns(self) -> list[Turn]:
        """The remembered turns, in no particular order; what cannot be read is left out and told."""
        async with self.guard():
            bodies = await now(self.redis.hgetall(self.name("turns")))
        turns = []
        for name, body in bodies.items():
            try:
                turns.append(from_json(body))
            except HistoryError as error:
                log.warning("remembered turn left out", turn=name.decode(errors="replace"), error=error.what)
        return turns

    async def trained_steps(self) -> dict[str, int]:
        """The steps that the current model was published with."""
        async with self.guard():
            steps = await now(self.redis.hgetall(self.name("model", "steps")))
        return {server.decode(): int(step) for server, step in steps.items()}

    @asynccontextmanager
    async def training(self) -> AsyncIterator[bool]:
        """Whether this worker may train now: one at a time, and a dead one keeps the lock for two minutes at most."""
        name = self.name("model", "training")
        async with self.guard():
            mine = bool(await self.redis.set(name, b"1", nx=True, ex=_LOCK_S))
        try:
            yield mine
        finally:
            if mine:
                async with self.guard():
                    await self.redis.delete(name)
