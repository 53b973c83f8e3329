"""Observed messages to the records of their events: the envelope, and the facts that may leave the gateway."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..observer.claims import text
from ..observer.observe import CLIENT
from ..spool.record import dump
from .contents import Contents

if TYPE_CHECKING:
    from ....models.digest import Keyring
    from ....models.events import DispatchMode, Lease
    from ..clock import Now
    from ..observer.claims import Claims
    from ..observer.ledger import Call
    from ..observer.observe import Message
    from ..spool.record import Entry, Head
    from .fields import EventFields, HeadFields, PrincipalFields, ServerFields
    from .producer import Producer
    from .redact import Redactor

__all__ = ["Connection", "Describer", "Draft"]

_MOST_HEADS = 16
_REPLIES = frozenset({"response", "error"})
Draft = tuple["Head", "EventFields"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """What the gateway knows by itself: the same for every event of one connection."""

    instance: str
    workload: str
    boot_id: str
    host: str
    cluster: str
    principal: PrincipalFields
    server: ServerFields
    inodes: tuple[int, int] = (0, 0)  # of the pipes towards the server and from it
    dispatch_mode: DispatchMode = "concurrent"


class Describer:
    """Makes the records of one connection, numbered by `producer` in the order of the calls to it.

    `extra` fields (http, peer, policy, principal ...) go into the event as they are and win over all others.
    """

    def __init__(self, connection: Connection, keyring: Keyring, redactor: Redactor, producer: Producer) -> None:
        self.connection = connection
        self._keyring, self._producer = keyring, producer
        self._named, self._shown = redactor.named, redactor.named.short  # methods and tools are cut already
        self._digest = keyring.digest
        self._contents = Contents(redactor)
        self._claims: Claims | None = None
        self._current: Head | None = None
        self._heads: dict[Claims, Head] = {}

    def lost(self, count: int = 1) -> None:
        """Events that were not made or could not be kept; the next one says so."""
        self._producer.lost(count)

    def relocate(self, connection: Connection) -> None:
        """From the next event on the connection is another: a sensor granted another workload, say."""
        self.connection = connection
        self._claims, self._current = None, None
        self._heads.clear()

    def message(
        self, message: Message, now: Now, lease: Lease = "none", extra: Mapping[str, Any] | None = None
    ) -> Entry:
        """The record of a message. Requests are described as they are forwarded: `now` starts their latency."""
        return self.describe(message, self.draft(message, now, lease), extra)

    def draft(self, message: Message, now: Now, lease: Lease = "none") -> Draft:
        """All but what takes a look at the content: an event by itself, and numbered. `describe` completes it."""
        frame, call, direction = message.frame, message.call, message.direction
        head, fields = self._envelope(now, lease, message.claims)
        start, end = frame.start, frame.end
        fields["direction"] = direction
        fields["size"] = end - start
        fields["inspected"] = len(frame.data)
        fields["digest"] = self._digest(frame.data)
        fields["span"] = {"inode": self.connection.inodes[direction != CLIENT], "start": start, "end": end}
        self._said_by_sender(message, fields)
        if call is None:
            _of_connection(message, fields)
        else:
            self._of_call(call, fields)
            if call.facts:
                fields.update(call.facts)  # type: ignore[typeddict-item]
            if message.begins is not None:
                call.dispatched_ns = now.mono_ns
                fields["in_flight"] = call.in_flight
            elif call.dispatched_ns and message.shape.kind in _REPLIES:
                fields["latency_ns"] = now.mono_ns - call.dispatched_ns
        if message.shape.anomalies:
            fields["anomalies"] = sorted(message.shape.anomalies)
        return head, fields

    def describe(self, message: Message, draft: Draft, extra: Mapping[str, Any] | None = None) -> Entry:
        """The whole record of a drafted message, which was watched. Takes the messages in the order of their drafts."""
        head, fields = draft
        call = message.call
        if call is not None and call.facts and message.begins is not call:  # what a request began is told by its end
            fields.update(call.facts)  # type: ignore[typeddict-item]
        if message.shape.described:
            self._contents.add(message, fields)
        if message.shape.anomalies:
            fields["anomalies"] = sorted(message.shape.anomalies)
        if message.facts or message.evidence:
            _watched(message, fields)
        if extra:
            fields.update(extra)  # type: ignore[typeddict-item]
        return head, dump(fields)

    def incident(
        self,
        anomalies: tuple[str, ...],
        now: Now,
        lease: Lease,
        claims: Claims,
        *,
        call: Call | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> Entry:
        """Something that happened to the transport, and to `call` by it."""
        head, fields = self._envelope(now, lease, claims)
        fields["kind"] = "transport"
        fields["anomalies"] = sorted(anomalies)
        if call is not None:
            fields["method"] = self._named(call.method)
            self._of_call(call, fields)
            if call.facts:
                fields.update(call.facts)  # type: ignore[typeddict-item]
        if extra:
            fields.update(extra)  # type: ignore[typeddict-item]
        return head, dump(fields)

    def _envelope(self, now: Now, lease: Lease, claims: Claims) -> tuple[Head, EventFields]:
        if claims is not self._claims or self._current is None:
            self._current = self._headed(claims)
            self._claims = claims
        head = self._current
        producer = self._producer
        producer.sequence += 1
        fields: EventFields = {
            "head": head.number,
            "wall_ns": now.wall_ns,
            "mono_ns": now.mono_ns,
            "sequence": producer.sequence,
        }
        if producer.unsaid:
            fields["lost_before"], producer.unsaid = producer.unsaid, 0
        if lease != "none":
            fields["lease"] = lease
        return head, fields

    def _headed(self, claims: Claims) -> Head:
        """The head for these claims. Sides that change their word to and fro make no new one each time."""
        head = self._heads.get(claims)
        if head is None:
            if len(self._heads) >= _MOST_HEADS:
                self._heads.clear()
            head = self._heads[claims] = self._producer.head(self._head_fields(claims))
        return head

    def _head_fields(self, claims: Claims) -> HeadFields:
        known, shown = self.connection, self._named
        server = known.server | {
            "claimed_name": shown.optional(claims.server_name),
            "claimed_version": shown.optional(claims.server_version),
        }
        return {
            "workload": known.workload,
            "boot_id": known.boot_id,
            "host": known.host,
            "cluster": known.cluster,
            "producer": self._producer.id,
            "key_id": self._keyring.key_id,
            "connection_id": known.instance,
            "principal": known.principal,
            "server": server,
            "dispatch_mode": known.dispatch_mode,
            "claimed_client": shown.optional(claims.client),
            "capabilities": list(map(shown, claims.capabilities)),
            **self._protocol(claims),
        }

    def _protocol(self, claims: Claims) -> HeadFields:
        return {
            "era": claims.era,
            "era_evidence": claims.evidence,
            "protocol_version": self._named.optional(claims.version),
        }

    def _said_by_sender(self, message: Message, fields: EventFields) -> None:
        shape, call = message.shape, message.call
        fields["kind"] = shape.kind
        if call is not None and shape.kind != "notification":
            fields["method"] = self._shown(call.method)
        elif (method := text(shape.body.get("method"))) is not None:
            fields["method"] = self._shown(method)
        if shape.lexeme is not None:
            fields["jsonrpc_id"] = self._named.identifier(shape.body["id"], shape.lexeme)

    def _of_call(self, call: Call, fields: EventFields) -> None:
        fields["correlation_id"] = call.correlation_id
        fields["call_id"] = call.call_id
        fields["conversation"] = call.conversation
        fields["conversation_source"] = call.conversation_source
        if call.trace_source != "minted":
            fields["trace_source"] = call.trace_source
            fields["parent_span_id"] = call.parent_span_id
        if call.tool is not None:
            fields["tool"] = self._shown(call.tool)
        if call.resource_digest is not None:
            fields["resource_digest"] = call.resource_digest
        if call.claims is not self._claims:
            fields |= self._protocol(call.claims)  # type: ignore[typeddict-item]


def _of_connection(message: Message, fields: EventFields) -> None:
    fields["conversation"] = message.conversation
    fields["conversation_source"] = message.conversation_source
    if (trace := message.meta.trace) is not None:
        fields["correlation_id"] = trace.trace_id
        fields["trace_source"] = "meta"
        fields["parent_span_id"] = trace.parent_span_id


def _watched(message: Message, fields: EventFields) -> None:
    """What watchers say of it."""
    if message.evidence:
        fields["evidence"] = [{"about": about, "detail": detail} for about, detail in message.evidence]
    fields.update(message.facts)  # type: ignore[typeddict-item]
