"""The Call record of what is known: effects classified and held against the arguments, and how far each layer saw.

Ids are UUIDv5 of the call id and the revision, so that a replay writes the same ids again.
"""

from __future__ import annotations

from itertools import chain
from operator import attrgetter
from typing import Any, Protocol
from uuid import UUID, uuid5

from ..models.bindings import weakest
from ..models.events import Call, CallState, Coverage, Effect, ProtocolEvent
from .opencall import Bound, OpenCall
from .stage import Output
from .workload import Workload

__all__ = ["NAMESPACE", "Judge", "from_message", "to_call", "to_output"]

NAMESPACE = UUID("7c1f6f0e-4d2b-5f0a-9a51-5d2f3b8e6a10")

_TOUCHABLE = frozenset(("path", "host", "url"))


class Judge(Protocol):
    """Classes of paths and destinations; models/sensitivity.py answers them."""

    def path(self, path: str) -> str | None: ...

    def destination(self, address: str) -> str: ...


def to_output(topic: str, call: Call) -> Output:
    return Output(topic, call.correlation_id or call.conversation or call.workload, call)


def to_call(known: OpenCall, workload: Workload, state: CallState, judge: Judge) -> Call:
    """The next revision of a call."""
    bounds = sorted(known.effects.values(), key=lambda bound: (bound.event.mono_ns, bound.source))
    touched = frozenset(chain.from_iterable(bound.event.digests for bound in bounds))
    declared = _declared(known.request)
    request, reply = known.request, known.reply
    coverage = _coverage(known, workload, state)
    head = request or reply or (bounds[0].batch if bounds else None)
    voice = request or reply or ProtocolEvent(server=workload.server)
    return Call(
        event_id=_event_id(known),
        workload=known.workload,
        correlation_id=known.correlation_id,
        call_id=known.call_id,
        wall_ns=known.ended_ns,
        mono_ns=head.mono_ns if head else 0,
        boot_id=head.boot_id if head else "",
        host=head.host if head else "",
        cluster=head.cluster if head else "",
        key_id=head.key_id if head else "",
        revision=known.revision,
        state=state,
        **_said(voice),
        started_ns=known.started_ns,
        ended_ns=known.ended_ns,
        is_error=_is_error(reply),
        error_code=reply.error_code if reply else None,
        request_size=request.size if request else 0,
        response_size=reply.size if reply else 0,
        arguments=request.arguments if request else (),
        secrets=(request.secrets if request else ()) + (reply.secrets if reply else ()),
        result=reply.result if reply else None,
        tools=reply.tools if reply else (),
        anomalies=tuple(sorted(known.anomalies)),
        in_flight=len(request.in_flight) if request else 0,
        binding=weakest(bound.binding for bound in bounds),
        effects=tuple(_effect(bound, declared, judge) for bound in bounds),
        effects_dropped=known.effects_dropped,
        unobserved=_unobserved(request, touched) if coverage.execution else (),
        coverage=coverage,
    )


def from_message(event: ProtocolEvent) -> Call:
    """A message that belongs to no call (notification, invalid message, orphan reply, transport incident) as one."""
    return Call(
        event_id=str(uuid5(NAMESPACE, f"{event.event_id}/message")),
        workload=event.workload,
        correlation_id=event.correlation_id,
        call_id=event.event_id,
        wall_ns=event.wall_ns,
        mono_ns=event.mono_ns,
        boot_id=event.boot_id,
        host=event.host,
        cluster=event.cluster,
        key_id=event.key_id,
        **_said(event),
        started_ns=event.wall_ns,
        ended_ns=event.wall_ns,
        is_error=event.is_error,
        error_code=event.error_code,
        request_size=event.size if event.direction != "server_to_client" else 0,
        response_size=event.size if event.direction == "server_to_client" else 0,
        arguments=event.arguments,
        secrets=event.secrets,
        result=event.result,
        tools=event.tools,
        anomalies=event.anomalies,
        coverage=Coverage(protocol=True, notes=(f"{event.kind} outside every call",)),
    )


_SAID = ("conversation", "conversation_source", "era", "tool", "principal", "server", "parent_span_id")


def _said(event: ProtocolEvent) -> dict[str, Any]:
    """What a call takes over from the message that speaks for it."""
    return {name: getattr(event, name) for name in _SAID} | {"method": event.method or ""}


def _event_id(known: OpenCall) -> str:
    # A part must not take the id of the call itself: a consumer that has seen the call would take it for a repetition.
    part = f"/part/{min(known.effects, default='')}" if known.part else ""
    return str(uuid5(NAMESPACE, f"{known.call_id}/{known.revision}{part}"))


def _is_error(reply: ProtocolEvent | None) -> bool | None:
    if reply is None:
        return None
    return True if reply.kind != "response" else reply.is_error


def _declared(request: ProtocolEvent | None) -> frozenset[str]:
    arguments = request.arguments if request else ()
    return frozenset(chain.from_iterable(argument.digests for argument in arguments))


def _unobserved(request: ProtocolEvent | None, touched: frozenset[str]) -> tuple[str, ...]:
    arguments = request.arguments if request else ()
    return tuple(
        argument.pointer
        for argument in arguments
        if argument.kind in _TOUCHABLE and argument.digests and touched.isdisjoint(argument.digests)
    )


_COPIED = (
    *("kind", "mono_ns", "pid", "comm", "path", "path_source", "flags", "result", "address", "port", "protocol"),
    *("bytes_out", "bytes_in", "arguments", "count"),
)
_copied = attrgetter(*_COPIED)


def _effect(bound: Bound, declared: frozenset[str], judge: Judge) -> Effect:
    event = bound.event
    return Effect(
        **dict(zip(_COPIED, _copied(event), strict=True)),
        wall_ns=bound.wall_ns,
        binding=bound.binding,
        candidates=bound.candidates,
        evidence=bound.evidence,
        declared=not declared.isdisjoint(event.digests),
        sensitivity=judge.path(event.path) if event.path else None,
        destination=judge.destination(event.address) if event.address else None,
        source=bound.source,
    )


def _coverage(known: OpenCall, workload: Workload, state: CallState) -> Coverage:
    lease = known.request.lease if known.request else "none"
    leased = lease == "granted"
    reported = workload.reported_ns >= known.ended_ns
    lost = workload.lost_between(known.started_ns, known.ended_ns)
    notes = {
        "request not seen": known.part,
        "no reply": not known.reply and not known.background,
        f"lease {lease}": not leased and not known.part and not known.background,
        "sensor silent": leased and not reported,
        f"{lost} facts lost": lost,
        f"{known.effects_dropped} effects beyond the bound": known.effects_dropped,
        "still running": state == "segment" and not known.part,
    }
    return Coverage(
        protocol=known.request is not None,
        execution=known.background or (leased and reported),
        lost_events=lost,
        notes=tuple(note for note, said in notes.items() if said),
    )
