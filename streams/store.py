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

import hashlib
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, cast

import structlog

from ..models.detections.engine import Addition
from ..models.errors import ConfigError
from ..models.history import HistoryError, from_json
from ..models.hygiene import Note
from ..models.model import Model, dump
from ..models.rolling import Latest
from ..models.turn import Turn
from . import ledgers, samples, sightings, supports
from .known import Bounds, Known, Learn, Quarantine, Remember, Sampled, Told, Wanted
from .loaded import Loaded, read
from .quarantine import Quarantined
from .redisclient import Pipeline, RedisClient, now

__all__ = ["Bounds", "RedisStore"]

log = structlog.get_logger(__name__)
_LOCK_S = 120
Write = Learn | Remember | Sampled | Quarantine | Told | Note | Addition


class RedisStore(RedisClient):
    """One store for all partitions of a worker. Every method raises StoreAwayError while the server is away."""

    def __init__(
        self, url: str, *, tenant: str = "default", bounds: Bounds | None = None, timeout_s: float = 5.0
    ) -> None:
        super().__init__(url, tenant=tenant, timeout_s=timeout_s)
        self._bounds = bounds or Bounds()
        self._current, self._candidate = Loaded(self), Loaded(self)
        self._latest: Mapping[str, Latest] = {}
        self.quarantined = Quarantined(self, self._teach)

    async def lookup(self, wanted: Wanted) -> Known:
        """The views of the wanted keys and the current model."""
        servers = list(wanted.keys.items())
        async with self.pipeline() as pipe:
            pipe.mget(self.name("model", "current"), self.name("model", "candidate"))
            for server, keys in servers:
                supports.ask(pipe, self.base(server), keys)
            ledgers.ask(pipe, self.name("hygiene"), wanted.ledger)
            sightings.ask(pipe, self.name("sightings"), wanted.additions)
            answers = iter(await pipe.execute())
        current, candidate = next(answers)
        views = {server: supports.view_of(server, keys, next(answers)) for server, keys in servers}
        ledger = ledgers.answer(wanted.ledger, answers)
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
        """Carry the writes out. Doing it twice is doing it once."""
        await self._teach(await self.quarantined.without_held(writes))
        held = [write for write in writes if isinstance(write, Quarantine | Told)]
        shared = [write for write in writes if isinstance(write, Note | Addition)]
        if not (held or shared):
            return
        async with self.pipeline() as pipe:
            for write in shared:
                if isinstance(write, Addition):
                    sightings.write(pipe, self.name("sightings"), write)
                else:
                    ledgers.write(pipe, self.name("hygiene"), write)
            for one in held:
                self.quarantined.hold(pipe, one)
            await pipe.execute()
        await self.quarantined.settle(held)

    async def _teach(self, writes: Sequence[Learn | Remember | Sampled]) -> None:
        learned = await self.quarantined.without_denied([write for write in writes if isinstance(write, Learn)])
        async with self.pipeline() as pipe:
            for lesson in learned:
                self._learn(pipe, lesson)
            for write in writes:
                if isinstance(write, Remember):
                    self._remember(pipe, write)
                elif isinstance(write, Sampled):
                    samples.write(pipe, self.name("sample"), write)
            await pipe.execute()
        for server in sorted({lesson.server for lesson in learned}):
            await self._evict(server)
        if any(isinstance(write, Remember) for write in writes):
            await self._forget_turns()

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

    async def model(self, name: str) -> Model:
        """The model of that id. Raises ConfigError where there is none, ModelError for one that cannot be used."""
        if (found := await read(self, name)) is None:
            raise ConfigError(f"the store holds no model {name}", "triptych model list")
        return found

    async def publish(self, model: Model, steps: Mapping[str, int]) -> None:
        """Make this the current model; the one before stays readable until the next. `steps`: see trainer.py."""
        body, manifest = dump(model)
        name = model.manifest.model_id
        async with self.pipeline(whole=True) as pipe:
            pipe.set(self.name("model", name, "npz"), body)
            pipe.set(self.name("model", name, "json"), manifest)
            pipe.getset(self.name("model", "current"), name)
            pipe.delete(self.name("model", "steps"))
            if steps:
                pipe.hset(self.name("model", "steps"), mapping=cast(Any, dict(steps)))
            before = (await pipe.execute())[2]
        if before and before != name.encode():
            await self._retire(before.decode())

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

    def _learn(self, pipe: Pipeline, write: Learn) -> None:
        session, principal = _member(write.session), _member(write.principal)
        if write.counts:
            pipe.sadd(self.name("servers"), write.server)
            pipe.sadd(self.base(write.server, "sessions"), session)
            pipe.sadd(self.base(write.server, "principals"), principal)
        for key in write.keys:
            pipe.sadd(self.base(write.server, "s", key), session)
            pipe.sadd(self.base(write.server, "p", key), principal)
        if write.keys:
            seen = dict.fromkeys(write.keys, write.seen_ns // 1_000_000_000)
            pipe.zadd(self.base(write.server, "seen"), seen, gt=True)

    def _remember(self, pipe: Pipeline, write: Remember) -> None:
        pipe.hset(self.name("turns"), write.turn, write.body)
        pipe.zadd(self.name("turns", "order"), {write.turn: write.started_ns // 1_000_000_000})

    async def _evict(self, server: str) -> None:
        """Forget the facts seen longest ago, beyond the bound."""
        for fact in await self._beyond(self.base(server, "seen"), self._bounds.facts):
            key = fact.decode()
            async with self.pipeline(whole=True) as pipe:
                pipe.unlink(self.base(server, "s", key), self.base(server, "p", key))
                pipe.zrem(self.base(server, "seen"), fact)
                await pipe.execute()

    async def _forget_turns(self) -> None:
        beyond = await self._beyond(self.name("turns", "order"), self._bounds.turns)
        if beyond:
            async with self.pipeline(whole=True) as pipe:
                pipe.hdel(self.name("turns"), *beyond)
                pipe.zrem(self.name("turns", "order"), *beyond)
                await pipe.execute()

    async def _beyond(self, name: str, most: int) -> list[bytes]:
        """The oldest members of a sorted set that has more than `most`."""
        async with self.guard():
            return cast(list[bytes], await self.redis.zrange(name, 0, -most - 1))

    async def _retire(self, replaced: str) -> None:
        """Keep the replaced model for a rollback, drop the one before it."""
        async with self.guard():
            older = cast(bytes | None, await self.redis.getset(self.name("model", "previous"), replaced))
            if older and older != replaced.encode():
                name = older.decode()
                await self.redis.unlink(self.name("model", name, "npz"), self.name("model", name, "json"))


def _member(text: str) -> bytes:
    """64 bits that stand for a session or a principal."""
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
