"""Traffic that is easily lost: calls and turns that stay open from one slice to the next. Pure and deterministic.

A slice is half a second of a few workloads on two clusters. Some of its calls get their reply two slices later, some
read a credential now and reach outside a slice later, some turns take three slices to become an attack, and spans come
a slice late. The attacks of a slice share a conversation: one incident with findings of several workloads and clusters.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from ...models import topics
from ...models.events import (
    AgentSpan,
    CallRef,
    ExecutionBatch,
    ExecutionEvent,
    Principal,
    ProtocolEvent,
    Server,
)

__all__ = ["BEHIND", "CALLS", "SERVER", "Told", "passing", "slice_of"]

CALLS = 24
"""Turns that begin in a slice."""
BEHIND = 2
"""Slices after the last one that only bring what is still missing."""
SERVER = "files"
_LEASED = 5
_WORKLOADS = (*(f"workload-{index}" for index in range(_LEASED)), "bare")
_CLUSTERS = ("east", "west")
_STEP_NS = 20_000_000
_MS = 1_000_000
_BARE = 7  # of a slice's calls the one that no sensor leased
_CREDENTIALS = "/home/ann/.aws/credentials"
_OUTSIDE = {"address": "203.0.113.9", "port": 443, "protocol": "tcp"}

Event = ProtocolEvent | ExecutionBatch | AgentSpan


@dataclass(frozen=True, slots=True)
class Told:
    """One event as a producer sends it."""

    wall_ns: int
    topic: str
    key: str
    event: Event


def slice_of(number: int, slices: int, at_ns: int, *, bare: bool = True) -> list[Told]:
    """What is told in slice `number` of `slices`, which begins at `at_ns`, in order of time. `bare`: with the call that
    no sensor leased."""
    told = list(_heartbeats(f"slice-{number}", at_ns + CALLS * _STEP_NS))
    for age in range(BEHIND + 1):
        if 0 <= number - age < slices:
            for index in range(CALLS):
                if index == _BARE and not bare:
                    continue
                told += _told_of(_Call(number - age, index), age, at_ns + index * _STEP_NS)
    if number < slices:
        told += _background(number, at_ns)
    return sorted(told, key=lambda one: one.wall_ns)


@dataclass(frozen=True, slots=True)
class _Call:
    """`part`: the how manieth call of its turn it is."""

    slice: int
    index: int
    part: int = 0

    @property
    def id(self) -> str:
        return f"call-{self.slice}-{self.index}-{self.part}"

    @property
    def turn(self) -> str:
        return f"turn-{self.slice}-{self.index}"

    @property
    def workload(self) -> str:
        return "bare" if self.bare else _WORKLOADS[(self.index + self.slice) % _LEASED]

    @property
    def bare(self) -> bool:
        return self.index == _BARE

    def common(self) -> dict[str, Any]:
        return {
            "workload": self.workload,
            "cluster": _CLUSTERS[_WORKLOADS.index(self.workload) % 2],
            "call_id": self.id,
            "correlation_id": self.turn,
            "conversation": f"conversation-{self.slice}",
            "server": Server(id=SERVER),
            "principal": Principal(id=f"person of {self.turn}"),  # else findings would be one another's repetition
            "tool": "read_config",
            "method": "tools/call",
            "lease": "none" if self.bare else "granted",
            "boot_id": "boot",
        }


def _told_of(call: _Call, age: int, at_ns: int) -> Iterator[Told]:
    """What is told of a turn in the slice that comes `age` slices after it began."""
    if call.index % 6 == 1 and not call.bare:  # bare calls at the same time would be each other's candidates
        yield from _slow(call, age, at_ns)
    elif call.index % 12 == 4:
        yield from _theft(call, age, at_ns)
    elif call.index % 12 == 10:
        yield from _chain(replace(call, part=age), at_ns)
    elif age == 0:
        yield from _whole(call, at_ns, _opened(call, at_ns + _MS, f"/srv/app/{call.id}.toml"))
    if age == 1 and call.index % 4 == 0:
        yield _span(call, at_ns)


def _slow(call: _Call, age: int, at_ns: int) -> Iterator[Told]:
    if age == 0:
        yield _message(call, "request", at_ns)
        yield _batch(call, age, at_ns + 2 * _MS, _opened(call, at_ns + _MS, "/srv/app/slow.toml"))
    elif age == 2:
        yield _message(call, "response", at_ns)


def _theft(call: _Call, age: int, at_ns: int) -> Iterator[Told]:
    if age == 0:
        yield _message(call, "request", at_ns)
        yield _batch(call, age, at_ns + 2 * _MS, _opened(call, at_ns + _MS, _CREDENTIALS))
    elif age == 1:
        yield _batch(call, age, at_ns + 2 * _MS, _event(call, at_ns + _MS, kind="connect", **_OUTSIDE))
        yield _message(call, "response", at_ns + 8 * _MS)


def _chain(call: _Call, at_ns: int) -> Iterator[Told]:
    did = (
        _event(call, at_ns + _MS, kind="flow", bytes_in=700, **_OUTSIDE),
        _opened(call, at_ns + _MS, _CREDENTIALS),
        _event(call, at_ns + _MS, kind="connect", **_OUTSIDE),
    )
    yield from _whole(call, at_ns, did[call.part])


def _whole(call: _Call, at_ns: int, did: ExecutionEvent) -> Iterator[Told]:
    yield _message(call, "request", at_ns)
    yield _batch(call, 0, at_ns + 2 * _MS, did)
    yield _batch(call, 1, at_ns + 4 * _MS, _opened(call, at_ns + 3 * _MS, "/srv/app/b.toml"))
    yield _message(call, "response", at_ns + 8 * _MS)


def _span(call: _Call, at_ns: int) -> Told:
    span = AgentSpan(
        event_id=f"{call.turn}/span",
        correlation_id=call.turn,
        trace_id=call.turn,
        span_id=f"span-{call.index}",
        wall_ns=at_ns + _MS,
        started_ns=at_ns,
        ended_ns=at_ns + _MS,
        operation="chat",
    )
    return Told(at_ns + _MS, topics.AGENT, call.turn, span)


def passing(number: int, at_ns: int) -> list[Told]:
    """What is over as soon as it is read: notifications and heartbeats of every workload."""
    told = list(_heartbeats(f"passing-{number}", at_ns))
    for workload in _WORKLOADS:
        notice = ProtocolEvent(
            event_id=f"notice/{workload}/{number}",
            workload=workload,
            wall_ns=at_ns,
            mono_ns=at_ns,
            boot_id="boot",
            kind="notification",
            method="notifications/message",
        )
        told.append(Told(at_ns, topics.PROTOCOL, workload, notice))
    return told


def _message(call: _Call, kind: Any, at_ns: int) -> Told:
    common = call.common() | ({"is_error": False} if kind == "response" else {})
    event = ProtocolEvent(event_id=f"{call.id}/{kind}", wall_ns=at_ns, mono_ns=at_ns, kind=kind, **common)
    return Told(at_ns, topics.PROTOCOL, call.workload, event)


def _batch(call: _Call, number: int, at_ns: int, *events: ExecutionEvent) -> Told:
    batch = ExecutionBatch(
        event_id=f"{call.id}/batch-{number}",
        workload=call.workload,
        boot_id="boot",
        wall_ns=at_ns,
        mono_ns=at_ns,
        calls=() if call.bare else (CallRef(call_id=call.id, correlation_id=call.turn),),
        events=events,
    )
    return Told(at_ns, topics.EXECUTION, call.workload, batch)


def _opened(call: _Call, at_ns: int, path: str) -> ExecutionEvent:
    return _event(call, at_ns, kind="open", path=path, result=3)


def _event(call: _Call, at_ns: int, **facts: Any) -> ExecutionEvent:
    stamp: dict[str, Any] = {} if call.bare else {"calls": (0,), "binding": "exact", "evidence": "leased"}
    return ExecutionEvent(mono_ns=at_ns, pid=7, comm="server", **stamp, **facts)


def _background(number: int, at_ns: int) -> Iterator[Told]:
    """An effect of no call, in a workload of its own: a span of background is one record, however it was cut."""
    event = ExecutionEvent(kind="open", mono_ns=at_ns, pid=9, comm="cron", path=f"/srv/cron/{number}", result=3)
    batch = ExecutionBatch(
        event_id=f"background-{number}",
        workload=f"cron-{number}",
        boot_id="boot",
        wall_ns=at_ns + _MS,
        mono_ns=at_ns + _MS,
        events=(event,),
    )
    yield Told(at_ns + _MS, topics.EXECUTION, f"cron-{number}", batch)


def _heartbeats(name: str, at_ns: int) -> Iterator[Told]:
    for workload in _WORKLOADS:
        beat = ExecutionBatch(
            event_id=f"beat/{workload}/{name}",
            workload=workload,
            boot_id="boot",
            wall_ns=at_ns,
            mono_ns=at_ns,
            status="heartbeat",
        )
        yield Told(at_ns, topics.EXECUTION, workload, beat)
