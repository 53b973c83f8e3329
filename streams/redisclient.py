"""A connection to Redis that waits politely: the only file that imports redis, beside those that speak through it.

While the server cannot be reached everything raises StoreAwayError, and nothing is dropped.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Iterable
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import quote

import hiredis
import redis.asyncio as redis
from redis.asyncio.client import Pipeline
from redis.exceptions import ConnectionError as AwayError
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as SlowError

from ..models.errors import ConfigError
from .stage import StoreAwayError

__all__ = ["Pipeline", "RedisClient", "now"]


class _Packing:
    """Writes pipelines in C, as redis-py does for blocking connections only: a third of the time. Takes commands of one
    word, and as arguments texts, bytes and numbers."""

    def pack_commands(self, commands: Iterable[tuple[Any, ...]]) -> list[bytes]:
        return [b"".join(map(hiredis.pack_command, commands))]


class RedisClient:
    """One connection pool. `url` as redis-py takes it (redis://, rediss://, unix://); names begin with the tenant's."""

    def __init__(self, url: str, *, tenant: str = "default", timeout_s: float = 5.0) -> None:
        if not url:
            raise ConfigError("no store is named", "set redis_url, for example redis://127.0.0.1:6379/0")
        self.redis = redis.Redis.from_url(url, socket_timeout=timeout_s, socket_connect_timeout=timeout_s)
        pool = self.redis.connection_pool
        pool.connection_class = type("Connection", (_Packing, pool.connection_class), {})
        self._root = f"triptych:{quote(tenant, safe='')}"

    async def close(self) -> None:
        await self.redis.aclose()

    @asynccontextmanager
    async def pipeline(self, *, whole: bool = False) -> AsyncIterator[Pipeline]:
        """One round trip; `whole`: all of it or nothing."""
        async with self.guard(), self.redis.pipeline(transaction=whole) as pipe:
            yield pipe

    @asynccontextmanager
    async def guard(self) -> AsyncIterator[None]:
        try:
            yield
        except (AwayError, SlowError, OSError) as error:
            raise StoreAwayError(f"the store does not answer: {error}", "is the Redis server running?") from error
        except RedisError as error:
            raise StoreAwayError(f"the store refuses: {error}", "look at the Redis server's memory and log") from error

    def name(self, *parts: str) -> str:
        return ":".join((self._root, *parts))

    def base(self, server: str, *parts: str) -> str:
        """A name that belongs to the baseline of a server."""
        return self.name("base", quote(server, safe=""), *parts)

    async def sessions(self) -> dict[str, int]:
        """How many sessions each server was seen by."""
        async with self.guard():
            servers = sorted(member.decode() for member in await now(self.redis.smembers(self.name("servers"))))
        async with self.pipeline() as pipe:
            for server in servers:
                pipe.scard(self.base(server, "sessions"))
            return dict(zip(servers, await pipe.execute(), strict=True))


async def now(answer: Awaitable[Any] | Any) -> Any:
    """redis-py types one client for blocking and asynchronous use; here it is always asynchronous."""
    return await answer
