"""The HTTP gateway as a process: listens, stands between clients and one MCP server, and ends at SIGTERM with nothing
lost.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import signal
import socket
import sys
from pathlib import Path

import uvloop

from .. import host
from ..spool.writer import Spool
from .address import Listen
from .assembly import Gateway
from .client import ClientConnection
from .config import HttpConfig
from .errors import ListenError

__all__ = ["run"]

_BACKLOG = 1024
_COLLECT_AFTER = 20_000  # objects
_TAKEN = "choose another address, or end what holds this one"


def run(config: HttpConfig) -> int:
    """Until SIGTERM or SIGINT; returns 0. Raises ConfigError where it cannot start."""
    return uvloop.run(_run(config))


async def _run(config: HttpConfig) -> int:
    loop = asyncio.get_running_loop()
    instance = host.new_id()
    listening = _bound(config)
    spool = Spool(config.spool_dir, instance, config.spool_bytes)
    if config.ship == "auto":
        from ..spool.autoship import start  # noqa: PLC0415

        start(config)
    gateway = Gateway(config, spool, instance)
    await gateway.process.settle()
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    server = await _serve(config, gateway, listening)
    gc.freeze()  # what is loaded by now stays: collections need not visit it between two requests
    gc.set_threshold(_COLLECT_AFTER)  # an exchange leaves no cycles behind
    _say(f"listening on {_shown(listening)} for {config.server_id}")
    await ended.wait()
    server.close()
    cut = await gateway.stop()
    spool.close()
    _forget(config)
    if cut:
        _say(f"{cut} connections were cut after {config.stop_ms} ms")
    if gateway.failures:
        lost = ", ".join(f"{count} x {reason}" for reason, count in gateway.failures.items())
        print(f"triptych-gateway: G04 events were lost: {lost}", file=sys.stderr)
    return 0


async def _serve(config: HttpConfig, gateway: Gateway, listening: socket.socket) -> asyncio.Server:
    loop = asyncio.get_running_loop()

    def connected() -> ClientConnection:
        return ClientConnection(gateway.proxy)

    if listening.family == socket.AF_UNIX:
        return await loop.create_unix_server(connected, sock=listening, backlog=_BACKLOG)
    return await loop.create_server(connected, sock=listening, backlog=_BACKLOG)


def _bound(config: HttpConfig) -> socket.socket:
    """The listening socket. Raises ListenError."""
    listen = Listen.parse(config.listen)
    try:
        if listen.path:
            return _unix(Path(listen.path))
        family, *_, address = socket.getaddrinfo(listen.host, listen.port, type=socket.SOCK_STREAM)[0]
        bound = socket.socket(family, socket.SOCK_STREAM)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(address)
    except OSError as error:
        raise ListenError(f"{config.listen} cannot be listened on: {error.strerror}", _TAKEN, code="G11") from error
    return bound


def _unix(path: Path) -> socket.socket:
    """Ours alone to dial until its owner widens it. What a gateway that was killed left behind is taken away."""
    bound = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    if path.is_socket() and not _answers(path):
        path.unlink()
    before = os.umask(0o177)
    try:
        bound.bind(str(path))
    finally:
        os.umask(before)
    return bound


def _answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        return probe.connect_ex(str(path)) == 0


def _forget(config: HttpConfig) -> None:
    path = Listen.parse(config.listen).path
    if path:
        with contextlib.suppress(OSError):
            Path(path).unlink()


def _shown(listening: socket.socket) -> str:
    name = listening.getsockname()
    if isinstance(name, str):
        return f"unix:{name}"
    host_name = f"[{name[0]}]" if ":" in name[0] else name[0]
    return f"http://{host_name}:{name[1]}"


def _say(text: str) -> None:
    print(f"triptych-gateway: {text}", file=sys.stderr, flush=True)
