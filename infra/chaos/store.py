"""A redis-server that may be killed and brought back, with its log of writes on or off."""

from __future__ import annotations

import contextlib
import subprocess
import time
from contextlib import ExitStack
from pathlib import Path

import redis

from ..errors import StoreError
from ..process import find, running, tail

__all__ = ["Redis"]

_READY_S = 15.0


class Redis:
    """One server on a unix socket in `folder`. `durable`: whether what it acknowledged survives it."""

    def __init__(self, folder: Path, *, durable: bool) -> None:
        self._folder = folder
        self._durable = durable
        self._stack = ExitStack()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"unix://{self._folder / 'redis.sock'}"

    def start(self) -> None:
        """Raises StoreError R12."""
        log = self._folder / "redis.log"
        socket = ("--port", "0", "--unixsocket", str(self._folder / "redis.sock"))
        kept = ("--save", "", "--appendonly", "yes" if self._durable else "no", "--appendfsync", "everysec")
        argv = (find("redis-server", "redis-server"), *socket, "--dir", str(self._folder), *kept)
        self._process = self._stack.enter_context(running(argv, log=log))
        deadline = time.monotonic() + _READY_S
        while not self._answers():
            if time.monotonic() > deadline:
                raise StoreError(f"redis-server did not start:\n{tail(log)}", "run it by hand", code="R12")
            time.sleep(0.02)

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
        self._stack.close()

    def _answers(self) -> bool:
        with contextlib.suppress(redis.RedisError), redis.Redis.from_url(self.url, socket_timeout=1) as client:
            return bool(client.ping())
        return False
