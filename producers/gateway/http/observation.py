"""Where watches come from: knows each client's connection and hands its exchanges to the desk."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import cast

from ....models.events import Lease, Peer
from .. import host
from ..observer.ledger import Call
from .address import is_loopback
from .client import ClientConnection
from .desk import Desk, Known
from .errors import Refusal
from .exchange import Watch
from .head import RequestHead, ResponseHead
from .process import peer_credentials
from .sockets import process_of
from .watch import ExchangeWatch
from .written import Written

__all__ = ["DeskObservation", "Unwatched"]


class DeskObservation:
    """`identify` looks up which process of this machine dialled."""

    def __init__(self, desk: Desk, *, identify: bool) -> None:
        self._desk, self._identify = desk, identify
        self._looking: set[asyncio.Task[None]] = set()

    def opened(self, client: ClientConnection) -> None:
        known = Known(_peer(client.transport), self._desk.new_id())
        client.known = known
        if self._identify and is_loopback(known.peer.address):
            task = asyncio.get_running_loop().create_task(_identified(client, known))
            self._looking.add(task)
            task.add_done_callback(self._looking.discard)

    def watch(self, client: ClientConnection, head: RequestHead) -> Watch:
        try:
            return ExchangeWatch(self._desk, cast(Known, client.known), head)
        except Exception as error:
            self._desk.journal.fail(type(error).__name__)
            return Unwatched(self._desk.policy is not None and self._desk.closed)

    def turned_away(self, client: ClientConnection, refusal: Refusal, head: RequestHead | None) -> None:
        """A request that was refused for its head, or for what could be read of it."""
        said = head or RequestHead(0, {}, frozenset(), None, False, False, "", False, "", "")
        watch = self.watch(client, said)
        if isinstance(watch, ExchangeWatch):
            watch.turned_away(refusal)


class Unwatched:
    """Stands for an exchange that cannot be observed: it passes, unless something is forbidden and must be judged."""

    def __init__(self, forbidden: bool) -> None:
        self._forbidden = forbidden

    def judge(self, body: bytes, whole: bool) -> bytes | None:
        return b"{}" if self._forbidden and body else None

    def request(self, body: bytes, size: int, pair: Written) -> list[Call]:
        return []

    def dispatch(self, lease: Lease) -> None: ...
    def response(self, head: ResponseHead | None, payload: bytes, done: bool) -> None: ...
    def incident(self, anomaly: str, detail: str = "") -> None: ...


def _peer(transport: asyncio.BaseTransport) -> Peer:
    credentials = peer_credentials(transport)
    if credentials is not None:
        pid, uid = credentials
        return Peer(pid=pid, uid=uid, executable=host.executable(pid))
    name = transport.get_extra_info("peername")
    return Peer(address=name[0], port=name[1]) if isinstance(name, tuple) else Peer()


async def _identified(client: ClientConnection, known: Known) -> None:
    ours = client.transport.get_extra_info("sockname")
    pid = await asyncio.to_thread(process_of, (ours[0], ours[1]), (known.peer.address, known.peer.port))
    if pid is not None:
        known.found(replace(known.peer, pid=pid, executable=host.executable(pid)))
