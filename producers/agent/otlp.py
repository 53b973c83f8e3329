"""The OTLP/HTTP receiver: agent runtimes export their spans here. Answers as OTLP asks, and only after the broker did.

Listens on loopback unless told otherwise; speaks no TLS and asks for no token, so put a collector in front elsewhere.
"""

from __future__ import annotations

import asyncio
import errno
import socket
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ...models.digest import Keyring
from ...models.errors import ConfigError, TriptychError
from ...models.events import AgentSpan
from ...models.text import clean
from .spans import Mapper, Origin, Outcome
from .wire import JSON, LOGS, PROTOBUF, TRACES, BadRequest, Signal, decode, inflate, response, status

__all__ = ["AgentConfig", "Publish", "create_app", "server"]

Publish = Callable[[Sequence[AgentSpan]], None]  # returns once the broker has them all; raises TriptychError
_UNAVAILABLE = 14  # google.rpc.Code
_RETRY_S = "5"
_HINTS = {
    errno.EADDRINUSE: "another OpenTelemetry collector may use it: choose another port",
    errno.EACCES: "ports below 1024 are for the administrator: choose another port",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentConfig:
    """`max_bytes` bounds a request, packed and unpacked."""

    origin: Origin
    host: str = "127.0.0.1"
    port: int = 4318
    max_bytes: int = 16 << 20

    def __post_init__(self) -> None:
        if not 0 <= self.port <= 65_535:
            raise ConfigError(f"port is {self.port}, it must be 0 to 65535")
        if self.max_bytes < 1024:
            raise ConfigError(f"max_bytes is {self.max_bytes}, at least 1024 are needed")


class Receiver:
    """One endpoint; `counts` says what became of every span and request."""

    def __init__(self, config: AgentConfig, keyring: Keyring, publish: Publish) -> None:
        self._limit = config.max_bytes
        self._mapper = Mapper(config.origin, keyring)
        self._publish = publish
        self.counts: Counter[str] = Counter()

    async def traces(self, request: Request) -> Response:
        """POST /v1/traces."""
        return await self._export(request, TRACES, lambda told: self._mapper.map(told.resource_spans))

    async def logs(self, request: Request) -> Response:
        """POST /v1/logs: only prompts are taken, and only as digests."""
        return await self._export(request, LOGS, lambda told: self._mapper.map_logs(told.resource_logs))

    async def _export(self, request: Request, signal: Signal, mapped: Callable[[Any], Outcome]) -> Response:
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        try:
            body = inflate(await self._body(request), request.headers.get("content-encoding", "").lower(), self._limit)
            outcome = mapped(decode(signal, body, kind))
        except BadRequest as error:
            self.counts["unreadable_requests"] += 1
            return _answer(kind, error.http, status(kind, error.what))
        try:
            if outcome.spans:
                await asyncio.to_thread(self._publish, outcome.spans)
        except TriptychError as error:
            self.counts["unpublished_requests"] += 1
            return _answer(kind, 503, status(kind, error.what, _UNAVAILABLE), {"retry-after": _RETRY_S})
        self._count(outcome, "spans" if signal is TRACES else "logs")
        reasons = ", ".join(f"{count} x {reason}" for reason, count in sorted(outcome.rejected.items()))
        return _answer(kind, 200, response(signal, kind, outcome.rejected.total(), reasons))

    async def health(self, _: Request) -> Response:
        """GET /healthz."""
        return JSONResponse({"status": "ok", "counts": self.counts})

    async def _body(self, request: Request) -> bytes:
        body = bytearray()
        async for chunk in request.stream():
            body += chunk
            if len(body) > self._limit:
                raise BadRequest(f"the body is larger than {self._limit} bytes", 413)
        return bytes(body)

    def _count(self, outcome: Outcome, what: str) -> None:
        self.counts[f"published_{what}"] += len(outcome.spans)
        self.counts[f"ignored_{what}"] += outcome.ignored
        for reason, count in outcome.rejected.items():
            self.counts[f"rejected_{what}: {reason}"] += count


def create_app(config: AgentConfig, keyring: Keyring, publish: Publish) -> Starlette:
    """The ASGI application, for a server of your own."""
    receiver = Receiver(config, keyring, publish)
    routes = [
        Route("/v1/traces", receiver.traces, methods=["POST"]),
        Route("/v1/logs", receiver.logs, methods=["POST"]),
        Route("/healthz", receiver.health, methods=["GET"]),
    ]
    return Starlette(routes=routes)


def server(config: AgentConfig, keyring: Keyring, publish: Publish) -> tuple[uvicorn.Server, socket.socket]:
    """A server that is not running yet, and its bound socket (its port is the real one where `port` is 0).

    Raises TriptychError O01 when it cannot listen there. `server.run(sockets=[socket])` runs it, `should_exit` ends it.
    """
    listener = socket.socket(socket.AF_INET6 if ":" in config.host else socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((config.host, config.port))
        listener.listen()
    except (OSError, UnicodeError) as error:
        listener.close()
        number, reason = (error.errno, error.strerror) if isinstance(error, OSError) else (None, "no name of a host")
        raise TriptychError(
            f"cannot listen on {clean(config.host)}:{config.port}: {reason}",
            _HINTS.get(number or 0, "the host must be a name or an address of this machine"),
            code="O01",
        ) from error
    app = create_app(config, keyring, publish)
    return uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False, lifespan="off")), listener


def _answer(kind: str, code: int, body: bytes, headers: dict[str, str] | None = None) -> Response:
    return Response(body, code, headers, media_type=kind if kind in (JSON, PROTOBUF) else PROTOBUF)
