"""What the worker has learned so far, asked of its store: the demo attacks only what has been learned."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from ...streams.store import RedisStore

__all__ = ["Memory", "remembered"]


class Memory:
    """A view of one server's baseline and of the model, as of the last `look`."""

    def __init__(self, store: RedisStore, server: str) -> None:
        self._store = store
        self._server = server
        self.sessions = 0
        self.trained = False

    async def look(self) -> None:
        """Raises StoreAwayError when the store does not answer."""
        self.sessions = (await self._store.sessions()).get(self._server, 0)
        self.trained = self._server in await self._store.trained_steps()


@asynccontextmanager
async def remembered(url: str, tenant: str, server: str) -> AsyncIterator[Memory]:
    """The memory of a worker with this store and tenant."""
    store = RedisStore(url, tenant=tenant)
    try:
        yield Memory(store, server)
    finally:
        await store.close()
