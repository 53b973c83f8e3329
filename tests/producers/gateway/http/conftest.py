"""A gateway between raw sockets: what a test sends is compared, byte by byte, with what its server receives."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import uvloop
from patience import PATIENCE_S
from raw_http import Handler, serving

from triptych.producers.gateway.http.address import Upstream
from triptych.producers.gateway.http.admission import Admission
from triptych.producers.gateway.http.client import ClientConnection
from triptych.producers.gateway.http.config import HttpConfig
from triptych.producers.gateway.http.errors import Refusal
from triptych.producers.gateway.http.head import RequestHead, ResponseHead
from triptych.producers.gateway.http.lease import AsyncLease
from triptych.producers.gateway.http.memory import Memory
from triptych.producers.gateway.http.pool import Pool, ServerConnection
from triptych.producers.gateway.http.proxy import Proxy


def pytest_asyncio_loop_factories() -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """The gateway runs on uvloop, so its tests do."""
    return {"uvloop": uvloop.new_event_loop}


@dataclass
class Seen:
    """A watch that writes down what it is told, in order."""

    told: list[tuple[str, Any]] = field(default_factory=list)
    forbidden: bytes | None = None

    def judge(self, body: bytes, whole: bool) -> bytes | None:
        return self.forbidden

    def request(self, body: bytes, size: int, pair: object) -> list[Any]:
        self.told.append(("request", (body, size)))
        return []

    def dispatch(self, lease: str) -> None:
        self.told.append(("dispatch", lease))

    def response(self, head: ResponseHead | None, payload: bytes, done: bool) -> None:
        if head is not None:
            self.told.append(("response", head.status))
        if payload:
            self.told.append(("payload", payload))
        if done:
            self.told.append(("finish", None))

    def incident(self, anomaly: str, detail: str = "") -> None:
        self.told.append(("incident", anomaly))

    def named(self, what: str) -> list[Any]:
        return [value for name, value in self.told if name == what]


@dataclass
class Bench:
    """One gateway, one server, and what both sides saw. `received` holds the bytes of each connection to the server."""

    port: int
    proxy: Proxy
    received: list[bytearray]
    seen: list[Seen]
    refused: list[str]
    forbidden: bytes | None = None

    async def dial(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection("127.0.0.1", self.port)

    async def exchange(self, data: bytes, size: int = -1) -> bytes:
        """What comes back for `data`: `size` bytes, or all until the end."""
        reader, writer = await self.dial()
        writer.write(data)
        answer = await asyncio.wait_for(reader.read() if size < 0 else reader.readexactly(size), PATIENCE_S)
        writer.close()
        return answer

    def opened(self, client: ClientConnection) -> None: ...

    def watch(self, client: ClientConnection, head: RequestHead) -> Seen:
        self.seen.append(Seen(forbidden=self.forbidden))
        return self.seen[-1]

    def turned_away(self, client: ClientConnection, refusal: Refusal, head: RequestHead | None) -> None:
        self.refused.append(refusal.anomaly)


@pytest.fixture
def bench() -> Callable[..., contextlib.AbstractAsyncContextManager[Bench]]:
    """`async with bench(handler, **settings) as b`."""

    @contextlib.asynccontextmanager
    async def build(handler: Handler, **settings: Any) -> AsyncIterator[Bench]:
        loop = asyncio.get_running_loop()
        received: list[bytearray] = []
        async with serving(handler, received) as port:
            config = HttpConfig(upstream=f"http://127.0.0.1:{port}", spool_dir=Path("unused"), **settings)

            async def settled(connection: ServerConnection) -> None: ...

            made = Bench(0, None, received, [], [])  # type: ignore[arg-type]
            proxy = Proxy(
                config,
                made,
                admission=Admission(True),
                pool=Pool(
                    Upstream.parse(config.upstream),
                    None,
                    settled,
                    idle_s=config.idle_ms / 1000,
                    connect_s=config.connect_ms / 1000,
                ),
                lease=AsyncLease(None, "", attach_s=1, ready_s=1),
                memory=Memory(config.held_bytes),
                host=None if config.host_header == "keep" else b"server.test",
            )
            made.proxy = proxy
            front = await loop.create_server(lambda: ClientConnection(proxy), "127.0.0.1", 0)
            made.port = front.sockets[0].getsockname()[1]
            yield made
            front.close()
            await proxy.stop()

    return build
