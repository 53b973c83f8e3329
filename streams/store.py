"""Baselines, remembered turns and models in Redis.

One pipeline a batch, and every write may be repeated: baselines are sets of digests, turns and models stand under their
own names. Bounded by what was seen longest ago in event time, never by a clock, so a replay ends in the same place.

Names, all under `triptych:<tenant>:` with the server id percent-encoded:
    base:<server>:sessions, base:<server>:principals      sets: everything the server was seen by
    base:<server>:s:<key>, base:<server>:p:<key>          sets: who showed this fact
    base:<server>:seen                                    sorted set: fact -> last seen, seconds
    servers, turns, turns:order                           set; hash turn -> JSON; sorted set turn -> start, seconds
    model:current, model:<id>:npz, model:<id>:json, model:steps
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, cast
from urllib.parse import quote

import structlog

from ..models.baseline import BaselineView, Support
from ..models.errors import ConfigError, TriptychError
from ..models.history import HistoryError, from_json
from ..models.model import Model, dump, load
from ..models.turn import Turn
from .known import Bounds, Known, Learn, Remember, Wanted
from .redisclient import Pipeline, RedisClient, now

__all__ = ["Bounds", "RedisStore"]

log = structlog.get_logger(__name__)
_LOCK_S = 120


class RedisStore(RedisClient):
    """One store for all partitions of a worker. Every method raises StoreAwayError while the server is away."""

    def __init__(
        self, url: str, *, tenant: str = "default", bounds: Bounds | None = None, timeout_s: float = 5.0
    ) -> None:
        super().__init__(url, tenant=tenant, timeout_s=timeout_s)
        self._bounds = bounds or Bounds()
        self._model: Model | None = None
        self._refused = b""

    async def lookup(self, wanted: Wanted) -> Known:
        """The views of the wanted keys and the current model."""
        servers = list(wanted.keys.items())
        async with self.pipeline() as pipe:
            pipe.get(self.name("model", "current"))
            for server, keys in servers:
                for kind in ("sessions", "principals"):
                    pipe.scard(self._base(server, kind))
                for key in keys:
                    pipe.scard(self._base(server, "s", key))
                    pipe.scard(self._base(server, "p", key))
            answers = iter(await pipe.execute())
        current = next(answers)
        views = {}
        for server, keys in servers:
            sessions, principals = next(answers), next(answers)
            supports = {key: Support(next(answers), next(answers)) for key in keys}
            views[server] = BaselineView(server, sessions, principals, supports)
        return Known(views, await self._current(current))

    async def apply(self, writes: Sequence[Learn | Remember]) -> None:
        """Carry the writes out. Doing it twice is doing it once."""
        learned = {write.server for write in writes if isinstance(write, Learn)}
        async with self.pipeline() as pipe:
            for write in writes:
                if isinstance(write, Learn):
                    self._learn(pipe, write)
                else:
                    self._remember(pipe, write)
            await pipe.execute()
        for server in sorted(learned):
            await self._evict(server)
        await self._forget_turns()

    async def sessions(self) -> dict[str, int]:
        """How many sessions each server was seen by."""
        async with self.guard():
            servers = sorted(member.decode() for member in await now(self.redis.smembers(self.name("servers"))))
        async with self.pipeline() as pipe:
            for server in servers:
                pipe.scard(self._base(server, "sessions"))
            return dict(zip(servers, await pipe.execute(), strict=True))

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
        async with self.guard():
            names = (self.name("model", name, "npz"), self.name("model", name, "json"))
            body, manifest = cast(list[bytes | None], await self.redis.mget(*names))
        if body is None or manifest is None:
            raise ConfigError(f"the store holds no model {name}", "only the current one and the one before are kept")
        return await asyncio.to_thread(load, body, manifest)

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

    async def _current(self, name: bytes | None) -> Model | None:
        """The model of that name; the one in use where it cannot be used."""
        known = self._model.manifest.model_id.encode() if self._model else None
        if name is None or name in (known, self._refused):
            return self._model
        async with self.guard():
            text = name.decode(errors="replace")
            names = (self.name("model", text, "npz"), self.name("model", text, "json"))
            body, manifest = cast(list[bytes | None], await self.redis.mget(*names))
        if body is None or manifest is None:
            return self._model
        try:
            self._model = await asyncio.to_thread(load, body, manifest)
        except TriptychError as error:
            self._refused = name
            log.error("model refused", model=text, code=error.code, error=error.what, hint=error.hint)
        return self._model

    def _learn(self, pipe: Pipeline, write: Learn) -> None:
        session, principal = _member(write.session), _member(write.principal)
        if write.counts:
            pipe.sadd(self.name("servers"), write.server)
            pipe.sadd(self._base(write.server, "sessions"), session)
            pipe.sadd(self._base(write.server, "principals"), principal)
        for key in write.keys:
            pipe.sadd(self._base(write.server, "s", key), session)
            pipe.sadd(self._base(write.server, "p", key), principal)
        if write.keys:
            seen = dict.fromkeys(write.keys, write.seen_ns // 1_000_000_000)
            pipe.zadd(self._base(write.server, "seen"), seen, gt=True)

    def _remember(self, pipe: Pipeline, write: Remember) -> None:
        pipe.hset(self.name("turns"), write.turn, write.body)
        pipe.zadd(self.name("turns", "order"), {write.turn: write.started_ns // 1_000_000_000})

    async def _evict(self, server: str) -> None:
        """Forget the facts seen longest ago, beyond the bound."""
        for fact in await self._beyond(self._base(server, "seen"), self._bounds.facts):
            key = fact.decode()
            async with self.pipeline(whole=True) as pipe:
                pipe.unlink(self._base(server, "s", key), self._base(server, "p", key))
                pipe.zrem(self._base(server, "seen"), fact)
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

    def _base(self, server: str, *parts: str) -> str:
        return self.name("base", quote(server, safe=""), *parts)


def _member(text: str) -> bytes:
    """64 bits that stand for a session or a principal."""
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
