"""The trail of an audit: calls in event time with all that is known of each, and what they come to together. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ...models import describe
from ...models.baseline import is_outside
from ...models.events import AgentSpan, Alert, Call, Effect, Layer
from ...models.text import clean, endpoint, plural

__all__ = ["Destination", "Line", "Summary", "Trail", "lines", "summary"]

_TOUCHED = frozenset({"open", "io", "change", "descriptor"})
_NETWORK = frozenset({"connect", "flow", "accept"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Trail:
    """Calls in order of their start, in their newest revision; the spans of their traces; the findings about them.
    `unreadable` counts records that were no event."""

    calls: tuple[Call, ...] = ()
    spans: tuple[AgentSpan, ...] = ()
    alerts: tuple[Alert, ...] = ()
    unreadable: int = 0


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that happened. `layer` is `chain` for a finding."""

    wall_ns: int
    layer: Layer
    text: str
    call_id: str
    notable: bool = False


@dataclass(frozen=True, slots=True)
class Destination:
    """Where data went: octets out and in over all flows, and whether it lies outside."""

    peer: str
    outside: bool
    bytes_out: int
    bytes_in: int
    contacts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """The answers of an audit, each value once, what is most first."""

    principals: tuple[str, ...]
    agents: tuple[str, ...]
    tools: tuple[tuple[str, int], ...]
    places: tuple[str, ...]
    touched: tuple[tuple[str, str], ...]
    destinations: tuple[Destination, ...]
    programs: tuple[str, ...]
    gaps: tuple[str, ...]


def summary(trail: Trail) -> Summary:
    """Who asked, which tool how often, where it ran, which files (with their class), where data went, what ran, and
    what this trail cannot show."""
    effects = [effect for call in trail.calls for effect in call.effects]
    tools = Counter(f"{describe.tool_of(call)} on {_server(call)}" for call in trail.calls)
    files = dict.fromkeys(
        (clean(effect.path, 256), clean(effect.sensitivity or "", 40))
        for effect in effects
        if effect.kind in _TOUCHED and effect.path
    )
    return Summary(
        principals=_each(f"{call.principal.kind}:{call.principal.id}" for call in trail.calls if call.principal.id),
        agents=_each(agent for agent in _agents(trail) if agent),
        tools=tuple(tools.most_common()),
        places=_each(_place(call) for call in trail.calls),
        touched=tuple(sorted(files, key=lambda file: not file[1])),
        destinations=_destinations(effects),
        programs=_each(effect.path for effect in effects if effect.kind == "exec" and effect.path),
        gaps=tuple(_gaps(trail)),
    )


def lines(trail: Trail) -> tuple[Line, ...]:
    """Everything in event time."""
    told = [Line(span.started_ns, "agent", clean(describe.spanned(span)), span.call_id) for span in trail.spans]
    for call in trail.calls:
        told += _of_call(call)
    told += (
        Line(alert.wall_ns, "chain", clean(f"{alert.finding_uid}: {alert.title}"), alert.call_id, True)
        for alert in trail.alerts
    )
    return tuple(sorted(told, key=lambda line: line.wall_ns))


def _place(call: Call) -> str:
    """Where a call ran: pod or container, host and cluster, as far as they are known."""
    where = call.placement
    pod = f"{where.namespace}/{where.pod}" if where and where.pod else ""
    container = (where.container or (where.container_id or "")[:12]) if where else ""
    node = call.host + (f" ({call.cluster})" if call.cluster else "")
    return clean(" ".join(part for part in (pod, container, node) if part) or call.workload or "unknown")


def _of_call(call: Call) -> Iterator[Line]:
    """The request, what the kernel saw in its order, the reply."""
    if call.state != "background":
        who = clean(call.principal.id or "someone unknown", 60)
        asked = f"{who} asked for {describe.asked(call)} on {_server(call)}"
        blocked = f", blocked ({clean(', '.join(call.policy), 80)})" if call.action == "blocked" else ""
        yield Line(call.started_ns, "protocol", asked + blocked, call.call_id, bool(blocked))
    for effect in call.effects:
        told = f"{clean(effect.comm, 16)} {describe.did(effect)}"
        yield Line(effect.wall_ns, "execution", told, call.call_id, bool(effect.sensitivity) or is_outside(effect))
    if call.state != "background":
        yield Line(max(call.started_ns, call.ended_ns), "protocol", describe.answered(call), call.call_id)


def _server(call: Call) -> str:
    return clean(call.server.id, 60) or "an unknown server"


def _agents(trail: Trail) -> Iterator[str]:
    yield from (span.agent or "" for span in trail.spans)
    yield from (f"{call.claimed_client} (claimed)" for call in trail.calls if call.claimed_client)


def _each(values: Iterator[str]) -> tuple[str, ...]:
    return tuple(clean(value) for value in dict.fromkeys(values))


def _destinations(effects: Sequence[Effect]) -> tuple[Destination, ...]:
    """Flows carry octets, connections only say that there was one."""
    found: dict[str, Destination] = {}
    for effect in effects:
        if effect.kind not in _NETWORK or not effect.address:
            continue
        peer = endpoint(effect.address, effect.port)
        known = found.get(peer, Destination(peer, False, 0, 0, 0))
        flow = effect.kind == "flow"
        found[peer] = Destination(
            peer,
            known.outside or is_outside(effect),
            known.bytes_out + (effect.bytes_out if flow else 0),
            known.bytes_in + (effect.bytes_in if flow else 0),
            known.contacts + (0 if flow else 1),
        )
    return tuple(sorted(found.values(), key=lambda one: (not one.outside, -one.bytes_out, one.peer)))


def _gaps(trail: Trail) -> Iterator[str]:
    """An audit that hides what it did not see would be worse than none."""
    unwatched = sum(not call.coverage.execution for call in trail.calls)
    if unwatched:
        yield f"{plural(unwatched, 'call')} ran where no sensor watched: what they touched is not known"
    if lost := sum(call.coverage.lost_events for call in trail.calls):
        yield f"{plural(lost, 'event')} of the kernel were lost"
    if dropped := sum(call.effects_dropped for call in trail.calls):
        yield f"{plural(dropped, 'effect')} beyond the bound of a call"
    if unbound := sum(call.binding == "candidates" for call in trail.calls):
        yield f"{plural(unbound, 'call')} share effects with others that ran at the same time"
    if open_ := sum(call.state == "timeout" for call in trail.calls):
        yield f"{plural(open_, 'call')} never had a reply"
    if trail.unreadable:
        yield f"{plural(trail.unreadable, 'record')} could not be read"
