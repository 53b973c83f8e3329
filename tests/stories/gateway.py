"""The HTTP gateway without sockets, in the time of a story: raw requests and responses in, protocol events out."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from uuid import NAMESPACE_OID, UUID, uuid5

from triptych.models.digest import Keyring
from triptych.models.events import Peer, ProtocolEvent
from triptych.models.sensitivity import Sensitivity
from triptych.producers.gateway.clock import Now
from triptych.producers.gateway.facts.describe import Connection, Describer
from triptych.producers.gateway.facts.producer import Producer
from triptych.producers.gateway.facts.redact import Redactor
from triptych.producers.gateway.http.admission import Admission
from triptych.producers.gateway.http.caller import Callers
from triptych.producers.gateway.http.desk import Desk, Known
from triptych.producers.gateway.http.errors import Refusal
from triptych.producers.gateway.http.head import request_head, response_head
from triptych.producers.gateway.http.journal import Journal
from triptych.producers.gateway.http.lease import AsyncLease
from triptych.producers.gateway.http.memory import Memory
from triptych.producers.gateway.http.scopes import Scopes
from triptych.producers.gateway.http.watch import ExchangeWatch
from triptych.producers.gateway.http.written import NOTHING
from triptych.producers.gateway.observer.conversation import Conversation
from triptych.producers.gateway.observer.ledger import Call
from triptych.producers.gateway.policy.config import PolicyConfig
from triptych.producers.gateway.policy.policy import Policy
from triptych.producers.gateway.signatures import Signatures
from triptych.producers.gateway.spool.events import Events
from triptych.producers.gateway.spool.record import Entry

__all__ = ["BOOT", "HOST", "KEY", "Gate"]

KEY = Keyring(b"a key for stories, 32 bytes long", "k1")
BOOT = "11111111-2222-4333-8444-555555555555"
HOST = "node-1"
_LIMIT = 1 << 16


class _Place:
    cwd = "/srv/app"
    home = "/home/svc"


class _Kept:
    """A spool that keeps its entries in memory."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []

    def append(self, entries: Iterable[Entry]) -> bool:
        self.entries += entries
        return True

    def announce(self, entries: Iterable[Entry]) -> bool:
        return True

    def fulfil(self) -> None: ...


class Gate:
    """In front of one server. `now` is set before each message; `events` gives what was told since the last time."""

    def __init__(self, server: str, allow: Sequence[str] | None) -> None:
        self.workload, self.now = f"pod-{server}", Now(0, 0)
        ids = itertools.count(1)
        redactor = Redactor(KEY, _Place(), Sensitivity.load().path)
        producer, signatures = Producer(server), Signatures(KEY, redactor, lambda: self.now.mono_ns)
        connection = Connection(
            instance=server,
            workload=self.workload,
            boot_id=BOOT,
            host=HOST,
            cluster="",
            principal={},
            server={"id": server},
        )
        self._spool, self._known = _Kept(), Events()
        self._journal = Journal(self._spool, producer, lambda step: None)  # type: ignore[arg-type]
        self._admission = Admission(local=False, hosts=("gate.test",))
        self._desk = Desk(
            keyring=KEY,
            callers=Callers(KEY, redactor.named, ""),
            scopes=Scopes(
                lambda: signatures.watch(Conversation(), handshake=False),
                lambda known: Describer(known, KEY, redactor, producer),
                connection,
                lambda calls: None,
            ),
            journal=self._journal,
            lease=AsyncLease(None, server, attach_s=1, ready_s=1),
            memory=Memory(1 << 24),
            now=lambda: self.now,
            new_id=lambda: str(self._named(next(ids))),
            new_trace=lambda: self._named(next(ids)).hex,
            inspect_bytes=1 << 20,
            policy=None if allow is None else Policy(PolicyConfig(allow=tuple(allow))),
            parameters=signatures.parameters,
        )

    def _named(self, number: int) -> UUID:
        return uuid5(NAMESPACE_OID, f"{self.workload}/{self.now.wall_ns}/{number}")

    def asks(self, head: bytes, body: bytes, peer: str) -> tuple[ExchangeWatch | None, list[Call]]:
        """A request comes. None where it goes no further, else what watches the exchange; and the calls it begins."""
        read = request_head(head, _LIMIT)
        assert read is not None
        watch = ExchangeWatch(self._desk, Known(Peer(address=peer, port=40_000), peer), read)
        calls: list[Call] = []
        passes = False
        try:
            self._admission.check(read)
            if watch.judge(body, True) is None:
                calls, passes = watch.request(body, len(body), NOTHING), True
                watch.dispatch("granted")
        except Refusal as refusal:
            watch.turned_away(refusal)
        self._journal.settle()
        return (watch if passes else None), calls

    def answers(self, watch: ExchangeWatch, head: bytes, body: bytes) -> None:
        """The server's response to that request."""
        watch.response(response_head(head, _LIMIT), body, True)
        self._journal.settle()

    def events(self) -> list[ProtocolEvent]:
        assert not self._journal.failures
        entries, self._spool.entries = self._spool.entries, []
        told = []
        for head, record in entries:
            self._known.learn(head.record)
            told.append(self._known.read(record))
        return told
