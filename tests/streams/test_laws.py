"""What the join of calls keeps whatever happens: order, delay, repetition, clocks that run ahead, segments, crashes.

Histories are drawn, not written: calls of some workloads side by side, leased and not, with effects that are stamped,
unstamped or of nobody.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import pairwise
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from triptych.models.events import Call, CallRef, ExecutionBatch, ExecutionEvent, ProtocolEvent
from triptych.models.lazy import LazyBatch, LazyMessage
from triptych.models.turn import EARLY
from triptych.models.wire import bundled
from triptych.streams.clock import Clock
from triptych.streams.config import ClockTimes, JoinTimes
from triptych.streams.join import Calls
from triptych.streams.pins import PinQueue
from triptych.streams.stage import Step

START = 1_700_000_000 * 10**9
BOOTED = START - 5_000 * 10**9
MS = 10**6
S = 10**9
CODEC = bundled()
HOUR = 3600 * S
BOUND = 499 * MS  # of disorder: out_of_order_ms is 500
LONG = JoinTimes(background_ns=HOUR)  # a span of background effects that holds a whole history

BOTH = st.booleans()

Event = ProtocolEvent | ExecutionBatch


@dataclass(frozen=True)
class Asked:
    """One call: when it begins and ends, and when it does what. Times in milliseconds."""

    workload: str
    leased: bool
    begins: int
    lasts: int
    effects: tuple[int, ...]
    answered: bool

    def events(self, name: str) -> list[Event]:
        call, known = f"{self.workload}-{name}", {"workload": self.workload, "boot_id": "boot"}
        ref = CallRef(call_id=call, correlation_id=f"turn-{call}")
        told: list[Event] = [_message(ref, "request", self.begins, self.workload, leased=self.leased)]
        for number, after in enumerate(self.effects):
            at = START + (self.begins + min(after, self.lasts)) * MS + number
            stamp: dict[str, Any] = {"calls": (0,), "binding": "exact"} if self.leased else {}
            did = ExecutionEvent(kind="open", mono_ns=at - BOOTED, path=f"/srv/{call}/{number}", **stamp)
            calls = (ref,) if self.leased else ()
            clocks = {"wall_ns": at, "mono_ns": at - BOOTED}
            told.append(
                ExecutionBatch(event_id=f"{call}/batch/{number}", events=(did,), calls=calls, **clocks, **known)
            )
        if self.answered:
            told.append(_message(ref, "response", self.begins + self.lasts, self.workload, leased=self.leased))
        return told


def _message(ref: CallRef, kind: Any, at_ms: int, workload: str, *, leased: bool) -> ProtocolEvent:
    at = START + at_ms * MS
    return ProtocolEvent(
        event_id=f"{ref.call_id}/{kind}",
        call_id=ref.call_id,
        correlation_id=ref.correlation_id,
        workload=workload,
        wall_ns=at,
        mono_ns=at - BOOTED,
        kind=kind,
        method="tools/call",
        lease="granted" if leased else "none",
    )


def asked(workload: str, *, leased: st.SearchStrategy[bool]) -> st.SearchStrategy[Asked]:
    return st.builds(
        Asked,
        workload=st.just(workload),
        leased=leased,
        begins=st.integers(0, 6_000),
        lasts=st.integers(1, 4_000),
        effects=st.lists(st.integers(0, 4_000), max_size=4).map(tuple),
        answered=st.sampled_from([True, True, True, False]),
    )


def histories(*workloads: str, leased: st.SearchStrategy[bool] = BOTH) -> st.SearchStrategy[list[Event]]:
    """Events in the order of their time."""
    calls_of = partial(asked, leased=leased)
    several = st.lists(st.sampled_from(workloads).flatmap(calls_of), min_size=1, max_size=6)
    return several.map(lambda calls: in_order(one for n, call in enumerate(calls) for one in call.events(str(n))))


def in_order(events: Iterable[Event]) -> list[Event]:
    return sorted(events, key=lambda event: (event.wall_ns, event.event_id))


@dataclass
class Worker:
    """A worker without its surroundings: logs of two topics, chunks, offsets, and a crash whenever it is told to."""

    times: JoinTimes = LONG
    written: list[Call] = field(default_factory=list)
    watermarks: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._logs: dict[str, list[tuple[int, Event]]] = {"protocol": [], "execution": []}
        self._committed = dict.fromkeys(self._logs, 0)
        self._now = START
        self._begin()

    def _begin(self) -> None:
        self._at = dict(self._committed)
        self._calls = Calls(self.times, _Ordinary(), "mcp.calls")
        self._clock = Clock(self._logs, ClockTimes(), self._now)
        self._pins = PinQueue()
        self.watermarks.clear()

    def arrive(self, event: Event, at: int) -> None:
        self._logs["execution" if isinstance(event, ExecutionBatch) else "protocol"].append((at, event))

    def work(self, most: int) -> bool:
        """Read a chunk of the topic that waits longest; whether there was one."""
        waiting = {topic: log[self._at[topic]][0] for topic, log in self._logs.items() if self._at[topic] < len(log)}
        if not waiting:
            return False
        topic = min(waiting, key=lambda name: (waiting[name], name))
        chunk = self._logs[topic][self._at[topic] : self._at[topic] + most]
        self._at[topic] += len(chunk)
        pin = self._pins.add(topic, lambda reached=self._at[topic]: self._commit(topic, reached))
        for arrived, event in chunk:
            self._now = max(self._now, arrived)
            taken = self._clock.observe(topic, event.wall_ns, arrived, self._now)
            self._carry_out(self._calls.add(_lazily(replace(event, wall_ns=taken)), pin, None))
        self._advance(self._clock.watermark(self._now))
        pin.release()
        self._pins.settle()
        return True

    def crash(self) -> None:
        self._begin()

    def end(self) -> dict[str, Call]:
        """Let all close; the last revision of every call."""
        for hours in (1, 2):
            self._advance(self._now + hours * HOUR)
        self._pins.settle()
        assert self._committed == {topic: len(log) for topic, log in self._logs.items()}
        return last(self.written)

    def _advance(self, watermark: int | None) -> None:
        if watermark is not None:
            self.watermarks.append(watermark)
            self._carry_out(self._calls.advance(watermark))

    def _carry_out(self, step: Step) -> None:
        self.written += [CODEC.decode(CODEC.encode(output.value), Call) for output in step.outputs]
        for pin in step.releases:
            pin.release()

    def _commit(self, topic: str, reached: int) -> None:
        self._committed[topic] = reached


class _Ordinary:
    """Nothing is sensitive, everything is near."""

    def path(self, path: str) -> str | None:
        return None

    written = path

    def destination(self, address: str) -> str:
        return "inside"


def _lazily(event: Event) -> Any:
    return CODEC.decode(CODEC.encode(event), LazyBatch if isinstance(event, ExecutionBatch) else LazyMessage)


def last(written: Iterable[Call]) -> dict[str, Call]:
    """As a consumer takes them: a revision replaces the one before, what is early or a part does not."""
    found: dict[str, Call] = {}
    for call in written:
        whole = EARLY not in call.coverage.notes and (call.coverage.protocol or call.state == "background")
        if whole and (call.call_id not in found or call.revision >= found[call.call_id].revision):
            found[call.call_id] = call
    return found


def facts(calls: dict[str, Call]) -> dict[str, Any]:
    """What must be the same: ids, what was asked and answered, effects and how they were bound."""
    return {
        name: (call.state, call.method, call.started_ns, call.ended_ns, call.is_error, call.binding, call.effects)
        for name, call in calls.items()
    }


def played(events: Sequence[Event], times: JoinTimes = LONG, arrivals: Sequence[int] | None = None) -> Worker:
    """A worker that read these events one by one in this order; they arrive at their own time unless it is said."""
    worker = Worker(times)
    reached = START
    for event, at in zip(events, arrivals or [event.wall_ns for event in events], strict=True):
        reached = max(reached, at)
        worker.arrive(event, reached)
        while worker.work(1):
            pass
    return worker


@given(histories("a", "b"), st.randoms(use_true_random=False))
def test_any_interleaving_and_delay_within_the_bounds_gives_the_same_calls(history: list[Event], random: Any) -> None:
    delays = {event.event_id: random.randrange(BOUND) for event in history}
    delayed = sorted(history, key=lambda event: event.wall_ns + delays[event.event_id])
    arrivals = [event.wall_ns + delays[event.event_id] for event in delayed]
    assert facts(played(delayed, arrivals=arrivals).end()) == facts(played(history).end())


@given(histories("a", "b"), st.data())
def test_what_is_told_twice_changes_nothing(history: list[Event], data: Any) -> None:
    repeated = list(history)
    for event in data.draw(st.lists(st.sampled_from(history), max_size=8)):
        repeated.insert(data.draw(st.integers(repeated.index(event) + 1, len(repeated))), event)
    once, twice = played(history), played(repeated, arrivals=[START + 12 * S] * len(repeated))
    assert facts(twice.end()) == facts(once.end())


@given(histories("a", "b"), st.lists(st.integers(-HOUR, HOUR), min_size=1, max_size=5))
def test_the_watermark_of_a_worker_never_goes_back(history: list[Event], wrong: list[int]) -> None:
    lying = [replace(event, wall_ns=event.wall_ns + wrong[n % len(wrong)]) for n, event in enumerate(history)]
    worker = played(lying, arrivals=[event.wall_ns for event in history])
    assert all(one <= other for one, other in pairwise(worker.watermarks))


@given(histories("honest"), histories("ahead"), st.integers(6, 3_600))
def test_a_clock_ahead_closes_nobody_elses_call(honest: list[Event], ahead: list[Event], lead_s: int) -> None:
    told = in_order([*honest, *ahead])
    lying = [replace(one, wall_ns=one.wall_ns + lead_s * S) if one.workload == "ahead" else one for one in told]
    worker = played(lying, arrivals=[event.wall_ns for event in told])
    alone = played(told)
    ours = [name for name in alone.end() if name.startswith("honest")]
    found, expected = facts(worker.end()), facts(alone.end())
    assert {name: found[name] for name in ours} == {name: expected[name] for name in ours}
    assert worker._calls.counts()["timeout"] == alone._calls.counts()["timeout"]


@given(histories("a"), st.integers(300, 2_000))
def test_a_call_in_segments_has_the_effects_of_the_whole(history: list[Event], most_ms: int) -> None:
    cut = JoinTimes(max_call_ns=most_ms * MS, gap_ns=most_ms * MS, grace_ns=200 * MS, slack_ns=50 * MS, late_ns=HOUR)
    whole, parts = played(history).end(), played(history, cut)
    told = {effect.source for call in whole.values() for effect in call.effects}
    assert {effect.source for call in parts.end().values() for effect in call.effects} == told
    revisions: dict[str, list[set[str]]] = {}
    for call in parts.written:
        revisions.setdefault(call.call_id, []).append({effect.source for effect in call.effects})
    assert all(one <= other for of_call in revisions.values() for one, other in pairwise(of_call))


@settings(max_examples=200)
@given(histories("a", "b", leased=st.just(True)), st.lists(st.one_of(st.just(0), st.integers(1, 4)), max_size=40))
def test_a_crash_at_any_moment_costs_no_call_and_no_effect_of_it(history: list[Event], script: list[int]) -> None:
    """0 is a crash, a number the most records of the next chunk."""
    worker = Worker()
    for event in history:
        worker.arrive(event, event.wall_ns)
    for most in script:
        if most:
            worker.work(most)
        else:
            worker.crash()
    while worker.work(3):
        pass
    assert facts(worker.end()) == facts(played(history).end())


def test_a_call_whose_request_is_read_again_has_its_effects_again() -> None:
    """Its request shares a chunk with that of a call that is still open; its effect stands in a chunk of its own."""
    short = Asked("a", leased=True, begins=0, lasts=100, effects=(50,), answered=True)
    long = replace(short, begins=10, lasts=9_000, effects=(8_000,))
    later = replace(short, begins=5_000, workload="b")
    history = in_order(event for n, call in enumerate((short, long, later)) for event in call.events(str(n)))
    worker = Worker()
    _arrive(worker, history, 0, 1)
    _arrive(worker, history, 1, 6)
    assert "a-0" in last(worker.written)
    worker.crash()
    _arrive(worker, history, 6, 10)
    assert facts(worker.end()) == facts(played(history).end())


def _arrive(worker: Worker, history: Iterable[Event], from_s: int, until_s: int) -> None:
    for event in history:
        if START + from_s * S <= event.wall_ns < START + until_s * S:
            worker.arrive(event, event.wall_ns)
    while worker.work(2):
        pass
