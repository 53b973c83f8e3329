"""Stage 1: MCP messages and kernel events of one workload, joined into calls in event time. A pure class.

Stamps of the sensor are taken as they are. An unstamped effect waits until every request of its time must have come,
then it goes to the calls in flight at its time: one is `window`, several are `candidates`, none is background. Nothing
is lost: background effects are calls too, late ones amend, messages outside every call stand for themselves.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import groupby
from typing import Any, Final

from ..models.events import CallRef, CallState
from ..models.lazy import LazyBatch, LazyMessage
from .binding import bind, stamped
from .config import JoinTimes
from .deadlines import Deadlines
from .effects import Bound, Classes, Effects, Judge
from .opencall import OpenCall
from .pins import Pin
from .recent import Recent
from .record import from_blinded, from_message, id_of, to_call, to_output
from .stage import ROOM, Input, Output, Step
from .waiting import Undecided, Waiting, together
from .workload import Workload

__all__ = ["Calls"]

_NOTHING: Final = Step()
_REMEMBERED: Final = 100_000  # events
_FORGOTTEN: Final = 32_768  # calls
_TIDY_NS: Final = 1_000_000_000
_COUNTED: Final = ("amended", "crowded", "duplicate", "early", "late", "orphan", "segment", "timeout")
_OF_A_CALL: Final = frozenset(("request", "response", "error", "transport"))


@lru_cache(4096)
def _background_id(workload: str, span: int) -> str:
    return id_of(f"background/{workload}/{span}")


class Calls:
    """The stage `calls` of one co-partition. `topic` is where finished calls go."""

    def __init__(self, times: JoinTimes, judge: Judge, topic: str) -> None:
        self._times = times
        self._classes = Classes(judge)
        self._topic = topic
        self._workloads: dict[str, Workload] = {}
        self._calls: dict[str, OpenCall] = {}
        self._kept = 0
        self._closed: dict[str, None] = {}  # in the order they closed
        self._due: Deadlines[str] = Deadlines()
        self._undecided = Undecided()
        self._changed: dict[str, OpenCall] = {}
        self._seen = Recent(_REMEMBERED)
        self._gone = Recent(_FORGOTTEN)
        self._watermark = 0
        self._tidied = 0
        self._outputs: list[Output] = []
        self._releases: list[Pin] = []
        self._totals = dict.fromkeys(_COUNTED, 0)

    def counts(self) -> dict[str, int]:
        """How often what happened since this stage began."""
        return dict(self._totals)

    def levels(self) -> dict[str, int]:
        """How much there is now."""
        closed = len(self._closed)
        return {
            "open": len(self._calls) - closed,
            "closed": closed,
            "kept": self._kept,
            "waiting": self._undecided.effects,
        }

    def crowding(self) -> bool:
        return ROOM * (self._kept + self._undecided.weight) > self._times.most_kept

    def wanted(self, records: Sequence[Input]) -> None:
        """Nothing: this stage has no store."""

    def next_deadline(self) -> int | None:
        return min((at for at in (self._undecided.next(), self._due.next()) if at is not None), default=None)

    def add(self, record: Input, pin: Pin, known: Any = None) -> Step:
        """Take a protocol event or an execution batch. Anything else raises TypeError."""
        if not isinstance(record, LazyMessage | LazyBatch):
            raise TypeError(f"no call is joined from a record of type {type(record).__name__}")
        if not self._seen.add(record.event_id):
            self._totals["duplicate"] += 1
        elif isinstance(record, LazyMessage):
            self._add_message(record, pin)
        else:
            self._add_batch(record, pin)
        if self._kept + self._undecided.weight > self._times.most_kept:
            self._make_room()
        return self._step()

    def advance(self, watermark_ns: int) -> Step:
        self._watermark = max(self._watermark, watermark_ns)
        for group in self._undecided.due(self._watermark):
            self._decide(*group)
        self._touch()
        for call_id in self._due.due(self._watermark):
            self._fall_due(self._calls[call_id])
        if self._watermark - self._tidied >= _TIDY_NS:
            self._tidy()
        return self._step()

    def _step(self) -> Step:
        if not self._outputs and not self._releases:
            return _NOTHING
        step = Step(outputs=tuple(self._outputs), releases=tuple(self._releases))
        self._outputs.clear()
        self._releases.clear()
        return step

    def _add_message(self, event: LazyMessage, pin: Pin) -> None:
        workload = self._workload(event.workload)
        workload.hear(event)
        if not event.call_id or event.kind not in _OF_A_CALL:
            self._totals["orphan"] += event.kind in ("response", "error")
            self._outputs.append(to_output(self._topic, from_message(event)))
            return
        call = self._call(event.call_id, "", event.workload, event.wall_ns)
        begins = event.kind == "request" and call.part and call.reply is None
        call.take_message(event)
        call.keep(pin)
        if begins:
            call.closed_ns = None  # whatever was written before were effects only
            self._closed.pop(call.call_id, None)
        if event.kind == "request":
            call.origin = call.origin or pin
            workload.watch(call)
        self._totals["late"] += call.closed_ns is not None
        self._changed[call.call_id] = call
        self._touch()

    def _add_batch(self, batch: LazyBatch, pin: Pin) -> None:
        workload, slack = batch.envelope.workload, self._times.slack_ns
        self._workload(workload).report(batch)
        if batch.envelope.status == "blinded":
            self._outputs.append(to_output(self._topic, from_blinded(batch, self._workload(workload))))
        for named, settled, bounds in stamped(batch):
            if settled:
                self._attach(named[0], workload, bounds, pin)
            else:
                for waiting in together(named, bounds, slack // 4):
                    pin.hold()
                    self._undecided.put(waiting, workload, pin, waiting.to_ns + slack)
        self._touch()

    def _decide(self, waiting: Waiting, workload: str, pin: Pin) -> None:
        for among, bounds in self._among(waiting, workload).items():
            if not among:
                self._attach_outside(workload, bounds, pin)
            for ref, bound in bind(bounds, among, self._calls) if among else ():
                if ref is None:
                    self._attach_outside(workload, (bound,), pin)
                else:
                    self._attach(ref, workload, (bound,), pin)
        self._releases.append(pin)

    def _among(self, waiting: Waiting, workload: str) -> dict[tuple[CallRef, ...], list[Bound]]:
        """The effects by the calls that they may belong to: those stamped, else those in flight at their time."""
        if waiting.among:
            return {waiting.among: waiting.bounds}
        slack = self._times.slack_ns
        near = self._workload(workload).open_between(waiting.from_ns, waiting.to_ns, slack)
        if not near:
            return {(): waiting.bounds}
        found: dict[tuple[CallRef, ...], list[Bound]] = {}
        for bound in waiting.bounds:
            among = tuple(call.ref for call in near if call.runs_at(bound.wall_ns, slack))
            found.setdefault(among, []).append(bound)
        return found

    def _attach(self, ref: CallRef, workload: str, bounds: Sequence[Bound], pin: Pin) -> None:
        if ref.call_id in self._gone and ref.call_id not in self._calls:
            self._attach_outside(
                workload, [bound.tied(bound.binding, (ref.call_id,), bound.evidence) for bound in bounds], pin
            )
            return
        self._take(self._call(ref.call_id, ref.correlation_id, workload, bounds[0].wall_ns), bounds, pin)

    def _attach_outside(self, workload: str, bounds: Sequence[Bound], pin: Pin) -> None:
        """Effects of no call. Spans are aligned, so that a replay fills the same ones; what comes after its span was
        forgotten stands for itself, for the span's revisions are told."""
        for span, group in groupby(bounds, lambda bound: bound.wall_ns // self._times.background_ns):
            within = list(group)
            name = _background_id(workload, span)
            if name in self._gone and name not in self._calls:
                name = id_of(f"{name}/{within[0].source.decode('latin-1')}")
            self._take(self._call(name, "", workload, within[0].wall_ns, background=True), within, pin)

    def _take(self, call: OpenCall, bounds: Sequence[Bound], pin: Pin) -> None:
        new = call.take_effects(bounds)
        if new:
            call.keep(pin)
            self._totals["late"] += new * (call.closed_ns is not None)
            self._changed[call.call_id] = call

    def _workload(self, name: str) -> Workload:
        workload = self._workloads.get(name)
        if workload is None:
            workload = self._workloads[name] = Workload()
        return workload

    def _call(
        self, call_id: str, correlation_id: str, workload: str, wall_ns: int, *, background: bool = False
    ) -> OpenCall:
        call = self._calls.get(call_id)
        if call is None:
            effects = Effects(self._classes)
            call = OpenCall(call_id, correlation_id, workload, wall_ns, effects, background=background)
            self._calls[call_id] = call
        return call

    def _touch(self) -> None:
        """Set the deadlines of what has changed, once for each call."""
        for call in self._changed.values():
            self._kept += call.weigh()
            if call.news > call.early and call.unwritten and not call.part:
                self._write_early(call)
            if call.closed_ns is not None and call.amend_ns is None:
                call.amend_ns = self._watermark + self._times.grace_ns  # what trickles in goes out together
            self._due.set(call.call_id, self._deadline(call))
        self._changed.clear()

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
                self._closed[call.call_id] = None
            self._write(call, state)
        elif call.amend_ns is not None:
            self._totals["amended"] += 1
            self._write(call, state)
        if call.closed_ns is not None and self._watermark >= self._forgotten_at(call):
            self._forget(call)
        else:
            self._due.set(call.call_id, self._deadline(call))

    def _forget(self, call: OpenCall) -> None:
        del self._calls[call.call_id]
        self._closed.pop(call.call_id, None)
        self._kept -= call.weight
        self._gone.add(call.call_id)

    def _make_room(self) -> None:
        """While all together hold too much, decide over half of it that waits, then forget calls before their time:
        those that closed first, then those that are due first, which are written as they are."""
        most = self._times.most_kept
        while self._undecided.weight > most // 2 and (at := self._undecided.next()) is not None:
            self._totals["crowded"] += 1
            self._decide(*next(self._undecided.due(at)))
        self._touch()
        while self._kept + self._undecided.weight > most and (at := self._due.next()) is not None:
            self._totals["crowded"] += 1
            call = self._calls[next(iter(self._closed), None) or next(self._due.due(at))]
            self._due.discard(call.call_id)
            if call.closed_ns is None or call.amend_ns is not None:
                self._write(call, self._state(call))
            call.closed_ns = self._watermark
            self._workload(call.workload).drop(call)
            self._forget(call)

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
        record = to_call(call, self._workload(call.workload), state)
        self._outputs.append(to_output(self._topic, record))
        self._releases.extend(call.let_go())
        call.revision += 1
        call.amend_ns = None

    def _write_early(self, call: OpenCall) -> None:
        """What rules need not wait for. The call stays open, and its next revision takes the place of this record."""
        call.early = call.news
        self._totals["early"] += 1
        state: CallState = "background" if call.background else "segment"
        record = to_call(call, self._workload(call.workload), state, early=call.early)
        self._outputs.append(to_output(self._topic, record))

    def _tidy(self) -> None:
        self._tidied = self._watermark
        before = self._watermark - self._times.late_ns
        gaps_before = before - self._times.max_call_ns  # a call that was open then may still be written
        for name in [name for name, workload in self._workloads.items() if workload.forget(before, gaps_before)]:
            del self._workloads[name]
