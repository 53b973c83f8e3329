"""The story of a turn: the three layers in event time, and the effects worth showing. Bounded; what matters stays."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from . import describe
from .baseline import is_outside
from .events import Call, Effect, ExecutionDetail, TimelineEntry
from .text import clean
from .turn import Turn

__all__ = ["MOST", "Story", "tell"]

MOST = 100
_AGENT, _REQUEST, _EFFECT, _REPLY = range(4)  # order of what happened in the same nanosecond
_TITLE = 256


@dataclass(frozen=True, slots=True)
class Story:
    """Timeline and effects in event time, and how many of each were beyond the bound."""

    timeline: tuple[TimelineEntry, ...]
    effects: tuple[Effect, ...]
    entries_left_out: int
    effects_left_out: int


@dataclass(frozen=True, slots=True)
class _Line:
    rank: int  # 0 stays first when the story must be shortened
    order: int
    entry: TimelineEntry


def tell(turn: Turn, notable: frozenset[str], calls: Sequence[Call]) -> Story:
    """The story of a turn. `notable` holds the sources that rules point at, `calls` those whose effects are shown."""
    lines = [*_lines(turn, notable)]
    kept = sorted(lines, key=lambda line: line.rank)[:MOST]
    kept.sort(key=lambda line: (line.entry.wall_ns, line.order))
    effects = [effect for call in calls for effect in call.effects]
    shown = sorted(effects, key=lambda effect: _rank(effect, notable))[:MOST]
    shown.sort(key=lambda effect: (effect.wall_ns, effect.mono_ns))
    return Story(
        tuple(line.entry for line in kept),
        tuple(map(_harmless, shown)),
        max(0, len(lines) - MOST),
        max(0, len(effects) - MOST),
    )


def _lines(turn: Turn, notable: frozenset[str]) -> Iterator[_Line]:
    for span in turn.spans:
        title = clean(describe.spanned(span), _TITLE)
        entry = TimelineEntry(
            wall_ns=span.started_ns, layer="agent", title=title, source=span.event_id, call_id=span.call_id
        )
        yield _Line(2, _AGENT, entry)
    for call in turn.calls:
        yield from _of_call(call, notable)


def _of_call(call: Call, notable: frozenset[str]) -> Iterator[_Line]:
    pointed_at = call.event_id in notable
    if call.state != "background":
        yield _protocol(call, call.started_ns, describe.asked(call), _REQUEST, pointed_at and not call.tools)
        yield _protocol(call, call.ended_ns, describe.answered(call), _REPLY, pointed_at and bool(call.tools))
    elif call.anomalies:
        entry = TimelineEntry(
            wall_ns=call.started_ns,
            layer="execution",
            title=clean(describe.noticed(call), _TITLE),
            source=call.event_id,
            call_id=call.call_id,
            notable=pointed_at,
        )
        yield _Line(0, _EFFECT, entry)
    for effect in call.effects:
        entry = TimelineEntry(
            wall_ns=effect.wall_ns,
            layer="execution",
            title=clean(f"{clean(effect.comm, 16)} {describe.did(effect)}", _TITLE),
            source=effect.source,
            call_id=call.call_id,
            notable=effect.source in notable,
        )
        yield _Line(_rank(effect, notable), _EFFECT, entry)


def _protocol(call: Call, wall_ns: int, title: str, order: int, notable: bool) -> _Line:
    entry = TimelineEntry(
        wall_ns=wall_ns,
        layer="protocol",
        title=clean(title, _TITLE),
        source=call.event_id,
        call_id=call.call_id,
        notable=notable,
    )
    return _Line(0 if notable else 1, order, entry)


def _rank(effect: Effect, notable: frozenset[str]) -> int:
    """How much the story would miss an effect: 0 most."""
    if effect.source in notable:
        return 0
    if effect.sensitivity or is_outside(effect) or effect.kind == "escape":
        return 1
    if effect.declared or effect.address or effect.kind == "exec":
        return 3
    return 4


def _harmless(effect: Effect) -> Effect:
    """The effect with every text that the watched side chose cleaned."""
    return replace(
        effect,
        comm=clean(effect.comm, 16),
        path=None if effect.path is None else clean(effect.path, 1024),
        address=None if effect.address is None else clean(effect.address, 64),
        arguments=tuple(clean(argument, 256) for argument in effect.arguments[:32]),
        detail=None if effect.detail is None else _harmless_detail(effect.detail),
    )


def _harmless_detail(detail: ExecutionDetail) -> ExecutionDetail:
    name = None if detail.name is None else clean(detail.name, 255)
    other = None if detail.other_path is None else clean(detail.other_path, 1024)
    return replace(detail, name=name, other_path=other, operation=clean(detail.operation, 64))
