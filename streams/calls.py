"""Stage 1: MCP messages and kernel events of one workload, joined into calls in event time. A pure class.

Stamps of the sensor are taken as they are. An unstamped effect waits until every request of its time must have come,
then it goes to the calls in flight at its time: one is `window`, several are `candidates`, none is background. Nothing
is lost: background effects are calls too, late ones amend, messages outside every call stand for themselves.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import count
from typing import Any
from uuid import uuid5

from ..models.events import CallRef, CallState, Event, ExecutionBatch, ProtocolEvent
from .binding import bind, stamped
from .config import JoinTimes
from .deadlines import Deadlines
from .opencall import Bound, OpenCall
from .recent import Recent
from .record import NAMESPACE, Judge, from_message, to_call, to_output
from .stage import Output, Pin, Step
from .workload import Workload

__all__ = ["Calls"]

_REMEMBERED = 100_000
_TIDY_NS = 1_000_000_000
_OF_A_CALL = frozenset(("request", "response", "error", "transport"))


@dataclass(frozen=True, slots=True)
class _Waiting:
    """An effect whose call is not decided. `among` are the calls its stamp names, none where it is unstamped."""

    workload: str
    bound: Bound
    among: tuple[CallRef, ...]
    pin: Pin


class Calls:
    """The stage `calls` of one co-partition. `topic` is where finished calls go."""

    def __init__(self, times: JoinTimes, judge: Judge, topic: str) -> None:
        self._times = times
        self._judge = judge
        self._topic = topic
        self._workloads: dict[str, Workload] = {}
        self._calls: dict[str, OpenCall] = {}
        self._due: Deadlines[str] = Deadlines()
        self._waiting: dict[int, _Waiting] = {}
        self._decisions: Deadlines[int] = Deadlines()
        self._numbers = count()
        self._seen = Recent(_REMEMBERED)
        self._gone = Recent(_REMEMBERED)
        self._watermark = 0
        self._tidied = 0
        self._outputs: list[Output] = []
        self._releases: list[Pin] = []
        self._totals = dict.fromkeys(("amended", "duplicate", "late", "orphan", "segment", "timeout"), 0)

    def counts(self) -> dict[str, int]:
        """How often what happened since this stage began."""
        return dict(self._totals)

    def levels(self) -> dict[str, int]:
        """How much there is now."""
        still_open = sum(call.closed_ns is None for call in self._calls.values())
        return {"open": still_open, "closed": len(self._calls) - still_open, "waiting": len(self._waiting)}

    def wanted(self, records: Sequence[Event]) -> None:
        """Nothing: this stage has no store."""

    def next_deadline(self) -> int | None:
        return min((at for at in (self._decisions.next(), self._due.next()) if at is not None), default=None)

    def add(self, record: Event, pin: Pin, known: Any = None) -> Step:
        """Take a protocol event or an execution batch. Anything else raises TypeError."""
        if not isinstance(record, ProtocolEvent | ExecutionBatch):
            raise TypeError(f"no call is joined from a record of type {type(record).__name__}")
        if not self._seen.add(record.event_id):
            self._totals["duplicate"] += 1
        elif isinstance(record, ProtocolEvent):
            self._add_message(record, pin)
        else:
            self._add_batch(record, pin)
        return self._step()

    def advance(self, watermark_ns: int) -> Step:
        self._watermark = max(self._watermark, watermark_ns)
        for number in self._decisions.due(self._watermark):
            self._decide(self._waiting.pop(number))
        for call_id in self._due.due(self._watermark):
            self._fall_due(self._calls[call_id])
        if self._watermark - self._tidied >= _TIDY_NS:
            self._tidy()
        return self._step()

    def _step(self) -> Step:
        step = Step(outputs=tuple(self._outputs), releases=tuple(self._releases))
        self._outputs.clear()
        self._releases.clear()
        return step

    def _add_message(self, event: ProtocolEvent, pin: Pin) -> None:
        workload = self._workload(event.workload)
        workload.hear(event)
        if not event.call_id or event.kind not in _OF_A_CALL:
            self._totals["orphan"] += event.kind in ("response", "error")
            self._outputs.append(to_output(self._topic, from_message(event)))
            return
        call = self._call(CallRef(call_id=event.call_id), event.workload, event.wall_ns)
        begins = event.kind == "request" and call.part and call.reply is None
        call.take_message(event)
        call.keep(pin)
        if begins:
            call.closed_ns = None  # whatever was written before were effects only
        if event.kind == "request":
            workload.watch(call)
        self._touch(call)

    def _add_batch(self, batch: ExecutionBatch, pin: Pin) -> None:
        self._workload(batch.workload).report(batch)
        for bound, named in stamped(batch):
            if len(named) == 1 and bound.binding != "none":
                self._attach(named[0], batch.workload, bound, pin)
                continue
            pin.hold()
            number = next(self._numbers)
            self._waiting[number] = _Waiting(batch.workload, bound, named, pin)
            self._decisions.set(number, bound.wall_ns + self._times.slack_ns)

    def _decide(self, waiting: _Waiting) -> None:
        bound = waiting.bound
        among = waiting.among or self._in_flight(waiting.workload, bound.wall_ns)
        for ref, placed in bind(bound, among, self._calls) if among else ():
            self._attach(ref, waiting.workload, placed, waiting.pin)
        if not among:
            self._attach_outside(waiting.workload, bound, waiting.pin)
        self._releases.append(waiting.pin)

    def _in_flight(self, workload: str, wall_ns: int) -> tuple[CallRef, ...]:
        calls = self._workload(workload).open_at(wall_ns, self._times.slack_ns)
        return tuple(CallRef(call_id=call.call_id, correlation_id=call.correlation_id) for call in calls)

    def _attach(self, ref: CallRef, workload: str, bound: Bound, pin: Pin) -> None:
        if ref.call_id in self._gone and ref.call_id not in self._calls:
            self._attach_outside(workload, replace(bound, candidates=(ref.call_id,)), pin)
            return
        self._take(self._call(ref, workload, bound.wall_ns), bound, pin)

    def _attach_outside(self, workload: str, bound: Bound, pin: Pin) -> None:
        """An effect of no call. Spans are aligned, so that a replay fills the same ones."""
        span = bound.wall_ns // self._times.background_ns
        ref = CallRef(call_id=str(uuid5(NAMESPACE, f"background/{workload}/{span}")))
        self._take(self._call(ref, workload, bound.wall_ns, background=True), bound, pin)

    def _take(self, call: OpenCall, bound: Bound, pin: Pin) -> None:
        if call.take_effect(bound):
            call.keep(pin)
            self._touch(call)

    def _workload(self, name: str) -> Workload:
        workload = self._workloads.get(name)
        if workload is None:
            workload = self._workloads[name] = Workload()
        return workload

    def _call(self, ref: CallRef, workload: str, wall_ns: int, *, background: bool = False) -> OpenCall:
        call = self._calls.get(ref.call_id)
        if call is None:
            call = self._calls[ref.call_id] = OpenCall(
                ref.call_id, workload, wall_ns, wall_ns, correlation_id=ref.correlation_id, background=background
            )
        return call

    def _touch(self, call: OpenCall) -> None:
        if call.closed_ns is not None:
            self._totals["late"] += 1
            if call.amend_ns is None:
                call.amend_ns = self._watermark + self._times.grace_ns  # what trickles in goes out together
        self._due.set(call.call_id, self._deadline(call))

    def _deadline(self, call: OpenCall) -> int:
        times = self._times
        if call.closed_ns is not None:
            return min(self._forgotten_at(call), call.amend_ns or self._forgotten_at(call))
        if call.background:
            return (call.first_ns // times.background_ns + 1) * times.background_ns + times.grace_ns
        if call.reply is not None:
            return call.ended_ns + times.grace_ns
        if call.part:
            return call.first_ns + times.grace_ns
        return min(call.last_ns + times.gap_ns, call.first_ns + (call.segments + 1) * times.max_call_ns)

    def _forgotten_at(self, call: OpenCall) -> int:
        """A call without its reply is remembered for as long as the reply may take."""
        waits_until = call.closed_ns or 0
        if call.reply is None and not call.background:
            waits_until = max(waits_until, call.first_ns + self._times.max_call_ns)
        return waits_until + self._times.late_ns

    def _fall_due(self, call: OpenCall) -> None:
        state = self._state(call)
        if call.closed_ns is None:
            self._totals["segment"] += state == "segment"
            self._totals["timeout"] += state == "timeout"
            if state == "segment" and not call.part:
                call.segments = (self._watermark - call.first_ns) // self._times.max_call_ns
            else:
                call.closed_ns = self._watermark
            self._write(call, state)
        elif call.amend_ns is not None:
            self._totals["amended"] += 1
            self._write(call, state)
        if call.closed_ns is not None and self._watermark >= self._forgotten_at(call):
            del self._calls[call.call_id]
            if not call.background:
                self._gone.add(call.call_id)
        else:
            self._due.set(call.call_id, self._deadline(call))

    def _state(self, call: OpenCall) -> CallState:
        if call.background:
            return "background"
        if call.reply is not None and call.request is not None:
            return "complete"
        if call.part:
            return "segment"
        silent = call.last_ns + self._times.gap_ns <= self._watermark
        return "timeout" if silent or call.closed_ns is not None else "segment"

    def _write(self, call: OpenCall, state: CallState) -> None:
        record = to_call(call, self._workload(call.workload), state, self._judge)
        self._outputs.append(to_output(self._topic, record))
        self._releases.extend(call.let_go())
        call.revision += 1
        call.amend_ns = None

    def _tidy(self) -> None:
        self._tidied = self._watermark
        before = self._watermark - self._times.late_ns
        for name in [name for name, workload in self._workloads.items() if workload.forget(before)]:
            del self._workloads[name]
