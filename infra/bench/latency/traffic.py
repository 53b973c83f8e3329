"""Calls as gateway and sensor tell of them: mostly a read within the server's ways, now and then a theft. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from ....models import topics
from ....models.events import (
    AgentSpan,
    ArgumentFact,
    CallRef,
    ExecutionBatch,
    ExecutionEvent,
    Principal,
    ProtocolEvent,
    Server,
)

__all__ = ["EFFECT_NS", "REPLY_NS", "SERVER", "Kind", "Told", "heartbeats", "kind_of", "told"]

SERVER = "files"
WORKLOADS = 9  # no divisor of _EVERY, so that each of them has thefts
EFFECT_NS = 3_000_000
REPLY_NS = 20_000_000
_EVERY = 40
_PEOPLE = 499
_CONVERSATIONS = 4_999  # at hundreds of calls a second one of fewer would be a sweep, and each of its calls a finding
_EFFECTS = 10

Kind = Literal["usual", "theft", "odd"]
Event = ProtocolEvent | ExecutionBatch | AgentSpan


@dataclass(frozen=True, slots=True)
class Told:
    """One event as a producer sends it at `wall_ns`."""

    wall_ns: int
    topic: str
    workload: str
    event: Event


def kind_of(number: int) -> Kind:
    """Of every forty calls one reads credentials and then reaches outside, and one deletes as nobody ever did:
    the first is for a rule, the second for the score. Each is somebody else's, so that none repeats another."""
    return {7: "theft", 13: "odd"}.get(number % _EVERY, "usual")  # type: ignore[return-value]


def told(number: int, at_ns: int) -> Iterator[Told]:
    """Request, one batch of ten effects, reply."""
    workload, call, kind = _workload(number), f"call-{number}", kind_of(number)
    known: dict[str, Any] = {
        "workload": workload,
        "call_id": call,
        "correlation_id": f"turn-{number}",
        "conversation": f"conversation-{number % _CONVERSATIONS}",
        "server": Server(id=SERVER),
        "principal": Principal(id=f"person-{number % _PEOPLE}" if kind == "usual" else f"guest-{number}"),
        "tool": "delete_everything" if kind == "odd" else "read_config",
        "method": "tools/call",
        "lease": "granted",
        "boot_id": "boot",
    }
    done, ends = at_ns + EFFECT_NS, at_ns + REPLY_NS
    values = _values(number) if kind == "odd" else ()
    request = ProtocolEvent(
        event_id=f"{call}/1", wall_ns=at_ns, mono_ns=at_ns, kind="request", arguments=values, **known
    )
    reply = ProtocolEvent(event_id=f"{call}/3", wall_ns=ends, mono_ns=ends, kind="response", is_error=False, **known)
    batch = ExecutionBatch(
        event_id=f"{call}/2",
        workload=workload,
        boot_id="boot",
        wall_ns=done,
        mono_ns=done,
        calls=(CallRef(call_id=call, correlation_id=f"turn-{number}"),),
        events=_effects(done, kind),
    )
    yield Told(at_ns, topics.PROTOCOL, workload, request)
    yield Told(done, topics.EXECUTION, workload, batch)
    yield Told(ends, topics.PROTOCOL, workload, reply)


def heartbeats(at_ns: int) -> Iterator[Told]:
    """One of each workload's sensor."""
    for number in range(WORKLOADS):
        workload = _workload(number)
        beat = ExecutionBatch(
            event_id=f"beat/{workload}/{at_ns}",
            workload=workload,
            boot_id="boot",
            wall_ns=at_ns,
            mono_ns=at_ns,
            status="heartbeat",
        )
        yield Told(at_ns, topics.EXECUTION, workload, beat)


def _workload(number: int) -> str:
    return f"workload-{number % WORKLOADS}"


def _values(number: int) -> tuple[ArgumentFact, ...]:
    """Arguments that nobody ever gave."""
    return tuple(ArgumentFact(pointer=f"/{at}", size=40, digests=(f"{number}.{at}",)) for at in range(4))


def _effects(at_ns: int, kind: Kind) -> tuple[ExecutionEvent, ...]:
    stamp: dict[str, Any] = {"calls": (0,), "binding": "exact", "evidence": "leased", "pid": 7, "comm": "server"}
    theft = kind == "theft"
    place = "/srv/app/odd-{}/x" if kind == "odd" else "/srv/app/config/{}.toml"
    opened = [
        ExecutionEvent(kind="open", mono_ns=at_ns - 100 + n, path=place.format(n), result=3, **stamp)
        for n in range(_EFFECTS - 2 * theft)
    ]
    if theft:
        credentials = "/home/ann/.aws/credentials"
        opened += [
            ExecutionEvent(kind="open", mono_ns=at_ns - 2, path=credentials, result=3, **stamp),
            ExecutionEvent(kind="connect", mono_ns=at_ns - 1, address="203.0.113.9", port=443, protocol="tcp", **stamp),
        ]
    return tuple(opened)
