"""The parts of one HTTP gateway, put together from its settings."""

from __future__ import annotations

import asyncio
import os
import ssl
import time
from dataclasses import replace

from ....models.sensitivity import Sensitivity
from .. import host
from ..digestkey import load_keyring
from ..facts.describe import Connection, Describer
from ..facts.fields import ServerFields
from ..facts.producer import Producer
from ..facts.redact import Redactor
from ..observer.conversation import Conversation
from ..observer.ledger import Call
from ..policy.pins import PinFile
from ..policy.policy import Policy
from ..signatures import Signatures
from ..spool.writer import Spool
from .address import Listen, Upstream
from .admission import Admission
from .caller import Callers
from .config import HttpConfig
from .desk import Desk
from .errors import UpstreamError
from .journal import Journal
from .lease import AsyncLease
from .memory import Memory
from .observation import DeskObservation
from .place import ServerPlace
from .pool import Pool
from .process import ServerProcess
from .proxy import Proxy
from .scopes import Scopes

__all__ = ["Gateway"]


class Gateway:
    """Must be made on a running loop. `failures` counts by reason what was lost."""

    def __init__(self, config: HttpConfig, spool: Spool, instance: str) -> None:
        upstream = Upstream.parse(config.upstream)
        keyring = load_keyring(config.key_file, config.key_id)
        self._place = ServerPlace()
        self._redactor = Redactor(keyring, self._place, Sensitivity.load(config.sensitivity).path)
        self._producer = Producer(instance)
        self._signatures = Signatures(keyring, self._redactor, time.monotonic_ns)
        self._keyring = keyring
        self._journal = Journal(spool, self._producer, asyncio.get_running_loop().call_soon)
        self.failures = self._journal.failures
        self._lease = AsyncLease(
            config.lease_socket, config.server_id, attach_s=config.attach_ms / 1000, ready_s=config.ready_ms / 1000
        )
        self._connection = _connection(config, instance)
        self._scopes = Scopes(self._conversation, self._describer, self._connection, self._forgotten)
        self.process = ServerProcess(upstream, self._lease, config.server_id, config.workload, self._moved)
        self._pool = Pool(
            upstream,
            _tls(config, upstream),
            self.process.settle,
            idle_s=config.idle_ms / 1000,
            connect_s=config.connect_ms / 1000,
        )
        self.proxy = self._proxy(config, upstream)

    async def stop(self) -> int:
        """How many connections had to be cut."""
        cut = await self.proxy.stop()
        await asyncio.sleep(0)  # the loop tells the exchanges that were cut
        self._journal.settle()
        self.process.close()
        return cut

    def _proxy(self, config: HttpConfig, upstream: Upstream) -> Proxy:
        memory = Memory(config.held_bytes)
        desk, listen = self._desk(config, upstream, memory), Listen.parse(config.listen)
        local = listen.loopback and not listen.path  # no browser dials a unix socket
        return Proxy(
            config,
            DeskObservation(desk, identify=config.identify_peers),
            admission=Admission(local, config.allowed_hosts, config.allowed_origins),
            pool=self._pool,
            lease=self._lease,
            memory=memory,
            host=upstream.authority.encode() if config.host_header == "upstream" else None,
        )

    def _desk(self, config: HttpConfig, upstream: Upstream, memory: Memory) -> Desk:
        return Desk(
            keyring=self._keyring,
            callers=Callers(self._keyring, self._redactor.named, config.principal),
            scopes=self._scopes,
            journal=self._journal,
            lease=self._lease,
            memory=memory,
            now=host.now,
            new_id=host.new_id,
            new_trace=host.new_trace,
            inspect_bytes=config.inspect_bytes,
            endpoint=(config.endpoint or upstream.endpoint).rstrip("/"),
            authority=upstream.authority,
            audiences=(config.audience,) if config.audience else (),
            policy=_policy(config, self._redactor),
            closed=config.on_failure == "closed",
            parameters=self._signatures.parameters,
        )

    def _conversation(self) -> Conversation:
        return self._signatures.watch(Conversation(), handshake=False)

    def _describer(self, connection: Connection) -> Describer:
        return Describer(connection, self._keyring, self._redactor, self._producer)

    def _forgotten(self, calls: list[Call]) -> None:
        """Calls of a session that nobody used for so long that others took its place."""
        for call in calls:
            self._lease.end(call)

    def _moved(self, workload: str, server: ServerFields) -> None:
        """The server's process is known, or another one by now."""
        self._place.of(server["pid"])
        self._connection = replace(self._connection, workload=workload, server=server)
        self._scopes.relocate(self._connection)


def _connection(config: HttpConfig, instance: str) -> Connection:
    """As long as the server's process is not known."""
    return Connection(
        instance=instance,
        workload=config.workload or f"server:{config.server_id}",
        boot_id=host.boot_id(),
        host=config.host or os.uname().nodename,
        cluster=config.cluster,
        principal={},
        server={"id": config.server_id},
    )


def _policy(config: HttpConfig, redactor: Redactor) -> Policy | None:
    if not config.policy.forbids:
        return None
    if config.pins is None:
        return Policy(config.policy, named=redactor.named)
    file = PinFile(config.pins)
    return Policy(config.policy, file.pins, named=redactor.named, renewed=file.renewed)


def _tls(config: HttpConfig, upstream: Upstream) -> ssl.SSLContext | None:
    if not upstream.tls:
        return None
    context = ssl.create_default_context()
    if config.ca_file is not None:
        try:
            context.load_verify_locations(config.ca_file)
        except OSError as error:
            raise UpstreamError(
                f"the CA file {config.ca_file} cannot be read: {error.strerror or 'no certificate in it'}",
                "name a PEM file, or leave ca_file out to trust the system's",
                code="G13",
            ) from error
    return context
