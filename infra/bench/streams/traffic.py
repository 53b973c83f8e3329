"""Calls as gateways and sensors tell of them, over many workloads at once: what every contender reads. Pure.

Shaped after a recording of real servers: ten effects a call in two flushes of the sensor, most of them files that the
server opens again and again, some that only this call opens, and a connection within the network.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from typing import Any

from ....models import topics
from ....models.events import (
    ArgumentFact,
    CallRef,
    ExecutionBatch,
    ExecutionDetail,
    ExecutionEvent,
    Principal,
    ProtocolEvent,
    ResultFact,
    Server,
    StreamSpan,
)

__all__ = ["EFFECTS", "NOISE", "WORKLOADS", "Told", "calls", "closing"]

WORKLOADS = 12
EFFECTS = 10
NOISE = 9 * EFFECTS  # background events a call, of a mix in which nine of ten are of no interest
_FLUSHES = (6, 4)
_MS = 1_000_000
_EVERY_NS = 4 * _MS  # a call begins somewhere
_BOOTED_NS = 3_600 * 1_000 * _MS
_RECURRING = 40
_SYSCALL = ExecutionDetail(via="syscall", links=1)


@dataclass(frozen=True, slots=True)
class Told:
    """One event as its producer sends it at `wall_ns`."""

    wall_ns: int
    topic: str
    workload: str
    event: ProtocolEvent | ExecutionBatch


def calls(numbers: Sequence[int], start_ns: int, *, noise: int = 0) -> list[Told]:
    """The events of these calls in the order of their time, with `noise` background events beside each call."""
    told = [one for number in numbers for one in _call(number, start_ns + number * _EVERY_NS, noise)]
    return sorted(told, key=lambda one: one.wall_ns)


def closing(number: int, start_ns: int) -> Iterator[Told]:
    """Of every workload a heartbeat and a notification long after `number` calls: event time passes all of them."""
    at_ns = start_ns + number * _EVERY_NS + 60_000 * _MS
    for one in range(number, number + WORKLOADS):
        known = _known(one)
        unrelated = {**known, "call_id": "", "correlation_id": ""}
        notification = _message("notification", at_ns, unrelated, event_id=_id("closing", one))
        yield Told(at_ns, topics.PROTOCOL, known["workload"], notification)
        yield Told(at_ns, topics.EXECUTION, known["workload"], _batch(one, len(_FLUSHES), at_ns, [], known))


def _call(number: int, at_ns: int, noise: int) -> Iterator[Told]:
    """Request, the sensor's flushes, reply."""
    known = _known(number)
    workload, call = known["workload"], known["call_id"]
    flushes = len(_FLUSHES)
    yield Told(at_ns, topics.PROTOCOL, workload, _request(number, at_ns, known))
    effects = _effects(number)
    for flush, size in enumerate(_FLUSHES):
        sent_ns = at_ns + (flush + 1) * 9 * _MS
        own, effects = effects[:size], effects[size:]
        batch = _batch(number, flush, sent_ns, [*own, *_background(number, noise // flushes)], known)
        yield Told(sent_ns, topics.EXECUTION, workload, batch)
    ends_ns = at_ns + 20 * _MS
    yield Told(ends_ns, topics.PROTOCOL, workload, _reply(call, ends_ns, known))


@lru_cache(4)
def _known(number: int) -> dict[str, Any]:
    name = number % WORKLOADS
    return {
        "workload": f"6f1c2a44-0d3b-4c8e-9a51-00000000{name:04x}",
        "call_id": _id("call", number),
        "correlation_id": _digest("turn", number // 4),
        "boot_id": "4ae08a73-9bb7-4ce4-971f-15f8a4028ca2",
        "host": f"node-{name % 3}",
        "cluster": "eu-1",
        "key_id": "a07bc586",
    }


def _request(number: int, at_ns: int, known: dict[str, Any]) -> ProtocolEvent:
    path = ArgumentFact(pointer="/path", type="string", kind="path", size=28, digests=(_digest("own", number),))
    query = ArgumentFact(pointer="/query", type="string", kind="text", size=12, digests=(_digest("query", number),))
    return _message(
        *("request", at_ns, known),
        event_id=_id("request", number),
        direction="client_to_server",
        arguments=(path, query),
        arguments_digest=_digest("arguments", number),
        in_flight=(known["call_id"],),
        size=432,
        inspected=431,
    )


def _reply(call: str, at_ns: int, known: dict[str, Any]) -> ProtocolEvent:
    result = ResultFact(content_types=("text",), items=1, size=304, digest=_digest("result", call))
    return _message(
        *("response", at_ns, known),
        event_id=_id("response", call),
        direction="server_to_client",
        result=result,
        is_error=False,
        result_type="complete",
        latency_ns=20 * _MS,
        size=339,
        inspected=338,
    )


def _message(kind: str, at_ns: int, known: dict[str, Any], **facts: Any) -> ProtocolEvent:
    name = known["workload"]
    return ProtocolEvent(
        kind=kind,  # type: ignore[arg-type]
        wall_ns=at_ns,
        mono_ns=_mono(at_ns),
        producer=f"gateway:{name}",
        conversation=_digest("conversation", name),
        conversation_source="process",
        connection_id=name,
        method="tools/call",
        tool="search_notes",
        jsonrpc_id="3",
        era="modern",
        era_evidence="_meta",
        protocol_version="2026-07-28",
        trace_source="meta",
        parent_span_id="b5f7fb447adc6240",
        claimed_client="mcp 0.1.0",
        principal=Principal(kind="configured", id="margaret", executable="/usr/bin/python3.11"),
        server=Server(id="notes", claimed_name="notes", claimed_version="1.4", pid=9406, start_ns=_BOOTED_NS),
        span=StreamSpan(inode=332268, start=631, end=1063),
        lease="granted",
        digest=_digest(kind, at_ns),
        **known,
        **facts,
    )


def _batch(
    number: int, flush: int, at_ns: int, events: Sequence[dict[str, Any]], known: dict[str, Any]
) -> ExecutionBatch:
    own = {name: value for name, value in known.items() if name not in ("call_id", "correlation_id")}
    first_ns = _mono(at_ns) - 8 * _MS
    return ExecutionBatch(
        event_id=_id(f"flush {flush}", number),
        wall_ns=at_ns,
        mono_ns=_mono(at_ns),
        producer=f"sensor:{known['host']}",
        sequence=number,
        pod_uid=known["workload"],
        namespace="tools",
        container_id=_digest("container", known["workload"]) * 2,
        calls=(CallRef(call_id=known["call_id"], correlation_id=known["correlation_id"]),),
        events=tuple(_event(first_ns + 40_000 * index, event) for index, event in enumerate(events)),
        **own,
    )


def _event(mono_ns: int, facts: dict[str, Any]) -> ExecutionEvent:
    who: dict[str, Any] = {"pid": 9406, "tid": 9406, "start_ns": _BOOTED_NS, "ppid": 9396, "comm": "python"}
    return ExecutionEvent(**{"mono_ns": mono_ns, "result": 3, "count": 1, "detail": _SYSCALL, **who, **facts})


def _effects(number: int) -> list[dict[str, Any]]:
    """What one call does: seven files of the server, two of its own, a connection."""
    stamp = {"calls": (0,), "binding": "exact", "evidence": "leased"}
    server = [_opened(f"/usr/lib/python3.11/json/part_{(number + 5 * n) % _RECURRING}.py") for n in range(7)]
    own = [_opened(f"/srv/notes/{number % 1000:03}/{number}-{n}.md") for n in range(2)]
    own[0]["digests"] = (_digest("own", number),)  # the argument names it
    peer = {"kind": "connect", "address": f"10.0.3.{number % 20}", "port": 5432, "protocol": "tcp"}
    return [{**facts, **stamp} for facts in (*server, own[0], peer, own[1])]


def _background(number: int, many: int) -> list[dict[str, Any]]:
    """What the server does by itself, again and again."""
    loose = {"binding": "none", "evidence": "background"}
    return [{**_opened(f"/proc/self/task/{n % 50}/stat"), **loose} for n in range(number, number + many)]


def _opened(path: str) -> dict[str, Any]:
    inode = 300_000 + len(path)
    opened = {"path": path, "path_source": "kernel", "flags": 524_288, "inode": inode, "digests": (_digest(path),)}
    return {"kind": "open", **opened}


def _mono(at_ns: int) -> int:
    return at_ns % (1 << 52)


def _id(*named: object) -> str:
    digest = _digest(*named)
    return f"{digest[:8]}-{digest[8:12]}-7{digest[13:16]}-9{digest[17:20]}-{digest[20:]}"


@lru_cache(4096)
def _digest(*named: object) -> str:
    return blake2b(repr(named).encode(), digest_size=16).hexdigest()
