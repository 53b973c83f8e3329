"""The Call record of what is known: effects classified and held against the arguments, and how far each layer saw.

Ids are UUIDv5 of the call id and the revision, so that a replay writes the same ids again.
"""

from __future__ import annotations

from collections.abc import Sequence, Set
from functools import lru_cache
from hashlib import sha1
from typing import Final
from uuid import UUID

from ..models.bindings import weakest
from ..models.events import CallState, Coverage
from ..models.lazy import Envelope, LazyBatch, LazyCall, LazyMessage
from ..models.lazy_effects import array, text
from ..models.specialised import Raw
from ..models.turn import EARLY, RUNNING
from .effects import Held
from .opencall import OpenCall
from .stage import Output
from .workload import Workload

__all__ = ["from_blinded", "from_message", "id_of", "to_call", "to_output"]

_NAMESPACE: Final = UUID("7c1f6f0e-4d2b-5f0a-9a51-5d2f3b8e6a10").bytes

_NOBODY: Final = LazyMessage()
_BEFORE_FIRST: Final = 10  # early records have negative revisions: how many there are depends on what arrives together
_UNSAID: Final = b"\0"  # no value, or an empty text
_TOUCHABLE: Final = frozenset(("path", "host", "url"))
_weakest: Final = lru_cache(64)(weakest)


def id_of(name: str) -> str:
    """UUIDv5 of a name in our own namespace (RFC 9562, 5.5); the standard library's takes three times as long."""
    digest = sha1(_NAMESPACE + name.encode(), usedforsecurity=False).hexdigest()
    variant = "89ab"[int(digest[16], 16) & 3]
    return f"{digest[:8]}-{digest[8:12]}-5{digest[13:16]}-{variant}{digest[17:20]}-{digest[20:32]}"


def to_output(topic: str, call: LazyCall) -> Output:
    return Output(topic, call.correlation_id or call.conversation or call.workload, call)


def to_call(known: OpenCall, workload: Workload, state: CallState, *, early: int = 0) -> LazyCall:
    """The next revision of a call, or what is known before its first: `early` grows with that, from 1 to below 10."""
    effects, request, reply = known.effects.in_order(), known.request, known.reply
    asked, answered = request or _NOBODY, reply or _NOBODY
    head = request or reply or (effects[0].batch if effects else _NOBODY)
    call = _about(request or reply or LazyMessage(server=workload.server), head)
    call.event_id = _event_id(known, early)
    call.workload, call.correlation_id, call.call_id = known.workload, known.correlation_id, known.call_id
    call.wall_ns = call.ended_ns = known.ended_ns
    call.started_ns = known.started_ns
    call.revision, call.state = early - _BEFORE_FIRST if early else known.revision, state
    call.is_error = _is_error(reply)
    call.error_code = answered.error_code
    call.request_size, call.response_size = asked.size, answered.size
    _take_over(call, asked, answered)
    call.placement = workload.placement
    call.anomalies = tuple(sorted(known.anomalies))
    call.in_flight = len(asked.in_flight)
    call.binding = _weakest(frozenset([one.binding for one in effects]))
    touched = {digest for one in effects for digest in one.digests}
    call.effects = _written(effects, touched.intersection(known.declared))
    call.effects_dropped = known.effects.dropped
    call.coverage = _coverage(known, workload, state, early=bool(early))
    if call.coverage.execution and not early:
        call.unobserved = _unobserved(asked, touched)
    return call


def from_message(event: LazyMessage) -> LazyCall:
    """A message that belongs to no call (notification, invalid message, orphan reply, transport incident) as one."""
    call = _about(event, event)
    call.event_id = id_of(f"{event.event_id}/message")
    call.workload, call.correlation_id, call.call_id = event.workload, event.correlation_id, event.event_id
    call.wall_ns = call.started_ns = call.ended_ns = event.wall_ns
    call.is_error, call.error_code = event.is_error, event.error_code
    if event.direction == "server_to_client":
        call.response_size = event.size
    else:
        call.request_size = event.size
    _take_over(call, event, _NOBODY)
    call.result, call.tools, call.sql, call.listing = event.result, event.tools, event.sql, event.listing
    call.text_tags = event.text_tags
    call.anomalies = event.anomalies
    call.coverage = Coverage(protocol=True, notes=(f"{event.kind} outside every call",))
    return call


def from_blinded(batch: LazyBatch, workload: Workload) -> LazyCall:
    """A sensor's word that somebody detached its programs, as a record of its workload outside every call."""
    envelope = batch.envelope
    call = _about(LazyMessage(server=workload.server), envelope)
    call.event_id = id_of(f"{batch.event_id}/blinded")
    call.workload, call.call_id, call.state = envelope.workload, batch.event_id, "background"
    call.wall_ns = call.started_ns = call.ended_ns = batch.wall_ns
    call.anomalies = ("sensor-blinded",)
    call.placement = workload.placement
    call.coverage = Coverage(execution=True, notes=tuple(f"detached: {name}" for name in envelope.features))
    return call


def _take_over(call: LazyCall, asked: LazyMessage, answered: LazyMessage) -> None:
    """What the request says, what the reply says, and what both do."""
    call.arguments, call.arguments_digest = asked.arguments, asked.arguments_digest
    call.claimed_client, call.capabilities = asked.claimed_client, asked.capabilities
    call.resource_digest, call.authorization, call.peer = asked.resource_digest, asked.authorization, asked.peer
    call.result, call.tools, call.sql = answered.result, answered.tools, answered.sql
    call.listing, call.text_tags = answered.listing, answered.text_tags
    call.root_call_id = _either(asked.root_call_id, answered.root_call_id)
    call.request_state_digest = _either(asked.request_state_digest, answered.request_state_digest)
    call.task_digest = _either(asked.task_digest, answered.task_digest)
    call.http = _either(asked.http, answered.http)
    call.secrets = _joined(asked.secrets, answered.secrets)
    call.evidence = _joined(asked.evidence, answered.evidence)
    if asked.policy or answered.policy:
        call.policy = tuple(sorted({*asked.policy, *answered.policy}))
    call.action = "blocked" if "blocked" in (asked.action, answered.action) else "forwarded"


def _about(voice: LazyMessage, head: LazyMessage | Envelope) -> LazyCall:
    """What a call takes over from the message that speaks for it, and from the first that was seen of it."""
    call = LazyCall()
    call.mono_ns, call.boot_id, call.host, call.cluster = head.mono_ns, head.boot_id, head.host, head.cluster
    call.key_id = head.key_id
    call.conversation, call.conversation_source = voice.conversation, voice.conversation_source
    call.era, call.method, call.tool = voice.era, voice.method or "", voice.tool
    call.principal, call.server, call.parent_span_id = voice.principal, voice.server, voice.parent_span_id
    return call


def _event_id(known: OpenCall, early: int) -> str:
    # A part must not take the id of the call itself: a consumer that has seen the call would take it for a repetition.
    part = f"/part/{known.effects.first_source}" if known.part else ""
    revision = f"early/{early}" if early else str(known.revision)
    return id_of(f"{known.call_id}/{revision}{part}")


def _is_error(reply: LazyMessage | None) -> bool | None:
    if reply is None:
        return None
    return True if reply.kind != "response" else reply.is_error


def _unobserved(request: LazyMessage, touched: Set[bytes]) -> tuple[str, ...]:
    named = [one for one in request.named if one.kind in _TOUCHABLE and one.digests]
    return tuple(one.pointer for one in named if not any(digest and text(digest) in touched for digest in one.digests))


def _written(effects: Sequence[Held], met: Set[bytes]) -> Raw:
    parts: list[bytes] = []
    for one in effects:
        parts.append(one.head)
        parts.append(_declared(one.digests, met))
        parts.append(one.tail)
        parts.append(one.source)
    return array(len(effects), parts)


def _declared(digests: Sequence[bytes], met: Set[bytes]) -> bytes:
    for digest in digests:
        if digest in met:
            return b"\1"
    return b"\0"


def _either(one: Raw, other: Raw) -> Raw:
    """What was said first."""
    return other if one == _UNSAID else one


def _joined(one: Raw, other: Raw) -> Raw:
    """Two arrays as one of two blocks."""
    return Raw(one[:-1] + other)


def _coverage(known: OpenCall, workload: Workload, state: CallState, *, early: bool) -> Coverage:
    lease = known.request.lease if known.request else "none"
    leased = lease == "granted"
    reported = workload.reported_ns >= known.ended_ns
    blinded = workload.blinded_between(known.started_ns, known.ended_ns)
    lost = workload.lost_between(known.started_ns, known.ended_ns)
    dropped = known.effects.dropped
    notes = (
        "request not seen" if known.part else "",
        "no reply" if not (known.reply or known.background or early) else "",
        f"lease {lease}" if not (leased or known.part or known.background) else "",
        "sensor silent" if leased and not reported else "",
        "sensor blinded" if leased and blinded else "",
        f"{lost} facts lost" if lost else "",
        f"{dropped} effects beyond the bound" if dropped else "",
        RUNNING if state == "segment" and not known.part and not (early and known.reply) else "",
        EARLY if early else "",
    )
    execution = known.background or (leased and reported and not blinded)
    return _covered(known.request is not None, execution, lost, tuple([note for note in notes if note]))


@lru_cache(1024)
def _covered(protocol: bool, execution: bool, lost: int, notes: tuple[str, ...]) -> Coverage:
    """One for all calls that were seen alike."""
    return Coverage(protocol=protocol, execution=execution, lost_events=lost, notes=notes)
