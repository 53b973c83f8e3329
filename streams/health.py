"""Is the worker alive: /healthz, /readyz and /metrics on loopback, and the watch that ends a worker that stands still.

Faust consumers have been seen to stop without an error; with state rebuilt by replay a restart is the safe cure.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

import uvicorn
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ..models.errors import ConfigError, TriptychError
from .chunks import Progress
from .metrics import Metrics

__all__ = ["Health", "StalledError", "pages", "served"]

Place = tuple[str, int]
_LEAVE_S = 5.0


class StalledError(TriptychError):
    """A partition has records to read, and its reader does not move."""

    code = "J03"


@dataclass(slots=True)
class Health:
    """What is known of the reader. Times are seconds of any clock that does not go back."""

    stalled_s: float
    ready: bool = False
    lags: dict[Place, int] = field(default_factory=dict)
    _moved: dict[Place, tuple[int, float]] = field(default_factory=dict)
    _stalled: tuple[Place, ...] = ()

    def observe(
        self, progress: Mapping[Place, Progress | None], now_s: float, *, excused: Collection[Place] = ()
    ) -> None:
        """Note how far every assigned partition is. Those `excused` do not count as standing still."""
        self.ready = bool(progress)
        known = {place: reached for place, reached in progress.items() if reached is not None}
        self.lags = {place: reached.lag for place, reached in known.items()}
        moved = {}
        for place, reached in known.items():
            position, since = self._moved.get(place, (-1, now_s))
            still = reached.position == position and not reached.at_end and place not in excused
            moved[place] = (reached.position, since if still else now_s)
        self._moved = moved
        self._stalled = tuple(place for place, (_, since) in moved.items() if now_s - since >= self.stalled_s)

    @property
    def stalled(self) -> tuple[Place, ...]:
        """Partitions that did not move for `stalled_s` with records waiting."""
        return self._stalled

    def check(self) -> None:
        """Raises StalledError."""
        if self._stalled:
            topic, partition = self._stalled[0]
            raise StalledError(
                f"{topic}/{partition} did not move for {self.stalled_s:g} s with records waiting",
                "the worker ends so that its supervisor starts it again; it replays from the last committed offset",
            )


def pages(health: Health, metrics: Metrics) -> Starlette:
    """The three pages."""

    def healthz(_: Request) -> Response:
        stalled = [f"{topic}/{partition}" for topic, partition in health.stalled]
        return JSONResponse({"ok": not stalled, "stalled": stalled}, status_code=503 if stalled else 200)

    def readyz(_: Request) -> Response:
        lag = sum(health.lags.values())
        return JSONResponse({"ok": health.ready, "lag": lag}, status_code=200 if health.ready else 503)

    def exposition(_: Request) -> Response:
        return Response(generate_latest(metrics.registry), media_type=CONTENT_TYPE_LATEST)

    return Starlette(
        routes=[Route("/healthz", healthz), Route("/readyz", readyz), Route("/metrics", exposition)],
    )


@contextmanager
def served(app: Starlette, port: int) -> Iterator[None]:
    """Inside the block: served on 127.0.0.1 from a thread of its own. Raises ConfigError when the port is taken."""
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", port))
    except OSError as error:
        listener.close()
        raise ConfigError(
            f"health port {port} cannot be used: {error.strerror}", "choose another, or 0 for none"
        ) from error
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False, lifespan="off"))
    thread = threading.Thread(target=server.run, args=([listener],), name="health", daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.should_exit = True
        thread.join(_LEAVE_S)  # an interpreter that ends under a running event loop may crash
