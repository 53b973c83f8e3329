"""Starts the node's shipper where none runs, in a session of its own: a client that kills us must not kill it."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

import orjson

from .segments import lock
from .writer import SpoolError

__all__ = ["Shipped", "start"]

_IDLE_S = "30"


class Shipped(Protocol):
    """What the settings of every kind of gateway say of shipping."""

    @property
    def spool_dir(self) -> Path: ...
    @property
    def bootstrap(self) -> str: ...
    @property
    def topic(self) -> str: ...
    @property
    def kafka(self) -> Mapping[str, str]: ...


def start(config: Shipped) -> None:
    """Call after our own segment exists: a shipper about to end looks once more after it let go of its lock.

    Raises SpoolError when the folder has no room for the shipper's lock and log.
    """
    held = lock(config.spool_dir)
    if held is None:
        return
    os.close(held)
    try:
        log = os.open(config.spool_dir / "ship.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    except OSError as error:
        raise SpoolError(config.spool_dir, error) from error
    readable, writable = os.pipe()
    command = [sys.executable, "-m", f"{__package__}.ship", "--spool", str(config.spool_dir)]
    command += ["--bootstrap", config.bootstrap, "--topic", config.topic, "--idle-exit", _IDLE_S]
    os.posix_spawn(
        sys.executable,
        [*command, "--properties-from-stdin"],
        os.environ,
        file_actions=[(os.POSIX_SPAWN_DUP2, readable, 0), (os.POSIX_SPAWN_DUP2, log, 1), (os.POSIX_SPAWN_DUP2, log, 2)],
        setsid=True,
    )
    os.write(writable, orjson.dumps(dict(config.kafka)))  # not in the arguments: they may hold a password
    for fd in (readable, writable, log):
        os.close(fd)
