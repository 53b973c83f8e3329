"""What all connections of one HTTP gateway share: admission, the way to the server, who is connected, and the end."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Protocol

from .admission import Admission
from .client import ClientConnection
from .config import HttpConfig
from .errors import Refusal
from .exchange import Exchange, Means, Watch
from .head import RequestHead
from .lease import AsyncLease
from .memory import Memory
from .pool import Pool

__all__ = ["Observation", "Proxy"]


class Observation(Protocol):
    """Where watches come from."""

    def opened(self, client: ClientConnection) -> None: ...
    def watch(self, client: ClientConnection, head: RequestHead) -> Watch: ...
    def turned_away(self, client: ClientConnection, refusal: Refusal, head: RequestHead | None) -> None: ...


class Proxy:
    """The front of every client connection."""

    def __init__(
        self,
        config: HttpConfig,
        observation: Observation,
        *,
        admission: Admission,
        pool: Pool,
        lease: AsyncLease,
        memory: Memory,
        host: bytes | None = None,
    ) -> None:
        self.head_bytes, self.head_s = config.head_bytes, config.head_ms / 1000
        self._config, self._observation = config, observation
        self._admission, self._pool = admission, pool
        self._means = Means(
            pool=pool,
            lease=lease,
            memory=memory,
            inspect_bytes=config.inspect_bytes,
            head_bytes=config.head_bytes,
            host=host,
        )
        self._clients: set[ClientConnection] = set()
        self.stopping = False
        self._empty = asyncio.Event()

    def opened(self, client: ClientConnection) -> bool:
        """Whether there is room for one more."""
        if self.stopping:
            return False
        self._observation.opened(client)
        if len(self._clients) >= self._config.connections:
            self._observation.turned_away(client, Refusal("too-many-connections", 503), None)
            return False
        self._clients.add(client)
        return True

    def closed(self, client: ClientConnection) -> None:
        self._clients.discard(client)
        if self.stopping and not self._clients:
            self._empty.set()

    def begin(self, client: ClientConnection, head: RequestHead) -> Exchange:
        self._admission.check(head)
        return Exchange(client, head, self._observation.watch(client, head), self._means)

    def turned_away(self, client: ClientConnection, refusal: Refusal, head: RequestHead | None) -> None:
        self._observation.turned_away(client, refusal, head)

    async def stop(self) -> int:
        """Close what is idle, wait `stop_ms` for what is in flight; how many connections had to be cut."""
        self.stopping = True
        for client in [*self._clients]:
            client.stop()
        if self._clients:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._empty.wait(), self._config.stop_ms / 1000)
        cut = [*self._clients]
        for client in cut:
            client.transport.abort()
        self._pool.close()
        return len(cut)
