"""Gathers a trail from topics or from a recording: first what tells of the agent, then the calls. Commits nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from ...models import topics, wire
from ...models.errors import WireError
from ...models.events import AgentSpan, Alert, Call
from ...models.turn import EARLY
from ..replay.recorded import Recorded
from .selection import Known, Selection
from .trail import Trail

__all__ = ["Records", "gather"]

Records = Callable[[Sequence[str]], Iterable[Recorded]]
"""The records of topics, in any order; it is asked twice."""

E = TypeVar("E", AgentSpan, Alert, Call)


@dataclass
class _Decoder:
    codec: wire.Codec
    unreadable: int = 0

    def events(self, records: Iterable[Recorded], kind: type[E]) -> Iterator[E]:
        for record in records:
            try:
                yield self.codec.decode(record.value or b"", kind)
            except WireError:
                self.unreadable += 1


@dataclass
class _Newest:
    """Calls by id in their newest revision: one that was told early, or amended, counts as it was told last."""

    calls: dict[str, Call] = field(default_factory=dict)

    def add(self, call: Call) -> None:
        known = self.calls.get(call.call_id)
        if known is None or _rank(call) >= _rank(known):
            self.calls[call.call_id] = call


def gather(records: Records, selection: Selection, codec: wire.Codec | None = None) -> Trail:
    """The trail of what is selected. What a finding or a span says of a call that is not there is not in it."""
    decoder = _Decoder(codec or wire.bundled())
    spans = list(decoder.events(records((topics.AGENT,)), AgentSpan))
    alerts = _latest(decoder.events(records((topics.ALERTS,)), Alert))
    known = Known(selection.agent)
    if selection.agent:
        known.learn(spans, alerts)
    newest = _Newest()
    for call in decoder.events(records((topics.CALLS,)), Call):
        if selection.within(call.started_ns) and selection.named(call) and (not selection.agent or known.asked(call)):
            newest.add(call)
    calls = sorted(newest.calls.values(), key=lambda call: (call.started_ns, call.call_id))
    return _trail(calls, spans, alerts, decoder.unreadable)


def _trail(calls: Sequence[Call], spans: Iterable[AgentSpan], alerts: Iterable[Alert], unreadable: int) -> Trail:
    traces = {call.correlation_id for call in calls} - {""}
    ids = {call.call_id for call in calls}
    known = {span.event_id: span for span in spans if span.correlation_id in traces}
    return Trail(
        calls=tuple(calls),
        spans=tuple(sorted(known.values(), key=lambda span: (span.started_ns, span.event_id))),
        alerts=tuple(alert for alert in alerts if not ids.isdisjoint(alert.call_ids)),
        unreadable=unreadable,
    )


def _latest(alerts: Iterable[Alert]) -> list[Alert]:
    found: dict[str, Alert] = {}
    for alert in alerts:
        known = found.get(alert.finding_uid)
        if known is None or alert.sequence >= known.sequence:
            found[alert.finding_uid] = alert
    return sorted(found.values(), key=lambda alert: (alert.wall_ns, alert.finding_uid))


def _rank(call: Call) -> tuple[bool, int]:
    return EARLY not in call.coverage.notes, call.revision
