"""Starts processes of the server, each held before exec until the sensor had the chance to watch it, and observed on
the way as one connection of one client.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING

from ... import conversation
from .. import host
from ..facts.describe import Connection, Describer
from ..facts.producer import Producer
from ..facts.redact import Redactor
from ..observer.conversation import Conversation, Ledgers
from ..observer.observe import Observer
from ..signatures import Signatures
from .child import Child, spawn
from .session import NoSensor, Session

if TYPE_CHECKING:
    from ....models.digest import Keyring
    from ....models.events import ConversationSource
    from ...lease import Granted
    from ..config import GatewayConfig
    from ..observer.observe import Message
    from ..sensor import SensorLease
    from ..spool.writer import Spool
    from .session import Sensor

__all__ = ["Server", "Servers", "child_environment"]


@dataclass(frozen=True, slots=True)
class Server:
    """One running process of the server and what observes it."""

    child: Child
    session: Session
    describer: Describer
    observer: Observer


class Servers:
    """What all processes of one server share: spool, numbering, origins of values, and what signatures remember."""

    def __init__(self, config: GatewayConfig, keyring: Keyring, spool: Spool, instance: str) -> None:
        self._config, self._keyring, self._instance = config, keyring, instance
        self._default: tuple[str, ConversationSource] = (conversation.of_process(keyring, instance), "process")
        self._environment = child_environment(os.environ, config.child_env_remove)
        self.spool = spool
        self.producer = Producer(instance)
        self.redactor = Redactor(keyring, _Place(), _PathClasses(config.sensitivity))
        self._signatures = Signatures(keyring, self.redactor, time.monotonic_ns)
        self.failures: dict[str, int] = {}
        self._serves = False  # a process of the server runs

    def start(self, heard: Callable[[Message], None] | None = None, session: type[Session] = Session) -> Server:
        """Raises StartError when there is no such program."""
        child = spawn(self._config.command, self._environment)
        lease: Sensor = NoSensor()
        granted: Granted | None = None
        if self._config.lease_socket is not None:
            lease = sensor = self._sensor(lambda later: _relocate(describer, later))
            granted = sensor.attach(child.pidfd)
        child.run()
        self._serves = True
        describer = Describer(self._connection(child, granted), self._keyring, self.redactor, self.producer)
        observer = self._observer(self._signatures.watch(Conversation()))
        tap = session(observer, describer, lease=lease, spool=self.spool, now=host.now, heard=heard)
        tap.failures = self.failures
        return Server(child, tap, describer, observer)

    def aside(self, server: Server) -> Observer:
        """For messages of the conversation that never reach the server: they are matched among themselves."""
        return self._observer(server.observer.shared, Ledgers())

    def _observer(self, shared: Conversation, ledgers: Ledgers | None = None) -> Observer:
        bound = self._config.inspect_bytes
        return Observer(
            self._keyring, self._default, host.new_id, host.new_trace, bound, shared=shared, ledgers=ledgers
        )

    def _sensor(self, regranted: Callable[[Granted], None]) -> SensorLease:
        from ..sensor import SensorLease  # noqa: PLC0415  # a start without a sensor needs no sockets

        config = self._config
        attach_ms = config.attach_ms
        if self._serves:  # calls of the other processes wait meanwhile
            attach_ms = min(attach_ms, config.ready_ms)
        return SensorLease(
            config.lease_socket,
            config.server_id,
            attach_s=attach_ms / 1000,
            ready_s=config.ready_ms / 1000,
            regranted=regranted,
        )

    def _connection(self, child: Child, granted: Granted | None) -> Connection:
        config = self._config
        return Connection(
            instance=self._instance,
            workload=granted.workload if granted else host.workload_of(child.pid),
            boot_id=host.boot_id(),
            host=config.host or os.uname().nodename,
            cluster=config.cluster,
            principal=host.principal(config.principal),
            server={
                "id": config.server_id,
                "pid": child.pid,
                "start_ns": granted.start_ns if granted else host.start_ns(child.pid),
                "executable": host.executable(child.pid),
            },
            inodes=(os.fstat(child.stdin).st_ino, os.fstat(child.stdout).st_ino),
            dispatch_mode=config.dispatch_mode,
        )


def child_environment(environment: Mapping[str, str], remove: Sequence[str]) -> dict[str, str]:
    """What the server inherits: nothing of ours, nor what the operator keeps from it."""
    patterns = ("TRIPTYCH_*", *remove)
    return {name: value for name, value in environment.items() if not any(fnmatchcase(name, one) for one in patterns)}


def _relocate(describer: Describer, granted: Granted) -> None:
    known = describer.connection
    known.server["start_ns"] = granted.start_ns
    describer.relocate(replace(known, workload=granted.workload))


class _Place:
    """The server starts where the gateway stands."""

    cwd = str(Path.cwd())
    home = os.path.expanduser("~")  # noqa: PTH111


class _PathClasses:
    """Loaded when the first path is seen: the start of most servers does not wait for them. Files of the operator are
    read at once, so that a mistake in them is told. Raises ConfigError.
    """

    def __init__(self, extra: Sequence[Path]) -> None:
        self._path = _path_classes(extra) if extra else None

    def __call__(self, path: str) -> str | None:
        if self._path is None:
            self._path = _path_classes(())
        return self._path(path)


def _path_classes(extra: Sequence[Path]) -> Callable[[str], str | None]:
    from ....models.sensitivity import Sensitivity  # noqa: PLC0415

    return Sensitivity.load(extra).path
