"""Timelines: calls and effects drawn as text, turned into the events the producers would send.

a  [--o-]     [ request   ] reply   ! error reply   o effect that the sensor stamped with this call
?     u       u unstamped effect    h heartbeat     one column is 100 ms
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from textwrap import dedent
from typing import Any

import pytest

from triptych.models.events import (
    ArgumentFact,
    Call,
    CallRef,
    ExecutionBatch,
    ExecutionEvent,
    ProtocolEvent,
)
from triptych.models.lazy import LazyBatch, LazyMessage
from triptych.models.wire import bundled
from triptych.streams.clock import Clock
from triptych.streams.config import ClockTimes, JoinTimes
from triptych.streams.join import Calls
from triptych.streams.pins import Pin

START = 1_700_000_000 * 10**9
STEP = 100_000_000
CODEC = bundled()
BOOTED = START - 5_000 * 10**9
Event = ProtocolEvent | ExecutionBatch


def message(call: str, kind: str, at: int, *, lease: str = "granted", **facts: Any) -> ProtocolEvent:
    values: dict[str, Any] = {
        "event_id": f"{call}/{kind}/{at}",
        "workload": "w",
        "correlation_id": f"turn-{call}",
        "call_id": call,
        "wall_ns": at,
        "mono_ns": at - BOOTED,
        "kind": kind,
        "method": "tools/call",
        "tool": "read_config",
        "lease": lease,
        "conversation": "c",
    }
    return ProtocolEvent(**{**values, **facts})


def batch(at: int, *events: ExecutionEvent, calls: Sequence[str] = (), **facts: Any) -> ExecutionBatch:
    values: dict[str, Any] = {
        "event_id": f"batch/{at}/{len(events)}/{','.join(calls)}",
        "workload": "w",
        "wall_ns": at,
        "mono_ns": at - BOOTED,
        "status": "events" if events else "heartbeat",
        "calls": tuple(CallRef(call_id=call, correlation_id=f"turn-{call}") for call in calls),
        "events": events,
    }
    return ExecutionBatch(**{**values, **facts})


def opened(at: int, path: str = "/srv/app.toml", **facts: Any) -> ExecutionEvent:
    values: dict[str, Any] = {"kind": "open", "mono_ns": at - BOOTED, "path": path, "digests": (f"digest of {path}",)}
    return ExecutionEvent(**{**values, **facts})


def _stamped(call: str, at: int, lease: str) -> Event:
    return batch(at, opened(at, calls=(0,), binding="exact", evidence="leased"), calls=(call,))


MARKS: dict[str, Callable[[str, int, str], Event]] = {
    "[": lambda call, at, lease: message(call, "request", at, lease=lease),
    "]": lambda call, at, lease: message(call, "response", at, lease=lease, is_error=False),
    "!": lambda call, at, lease: message(call, "error", at, lease=lease, error_code=-32000),
    "o": _stamped,
    "u": lambda call, at, lease: batch(at, opened(at)),
    "h": lambda call, at, lease: batch(at),
}


def timeline(text: str, *, lease: str = "granted") -> list[Event]:
    """The events of a drawing, in the order of their time."""
    events: list[Event] = []
    for row in filter(str.strip, dedent(text).splitlines()):
        for column, mark in enumerate(row[1:], 1):
            if mark in MARKS:
                events.append(MARKS[mark](row[0], START + column * STEP, lease))
    return sorted(events, key=lambda event: event.wall_ns)


class AllOrdinary:
    """Nothing is sensitive, everything is near."""

    def path(self, path: str) -> str | None:
        return "secret.test" if "secret" in path else None

    def written(self, path: str) -> str | None:
        return None

    def destination(self, address: str) -> str:
        return "inside"


@dataclass
class Played:
    """What came of a timeline."""

    written: list[Call] = field(default_factory=list)
    pins: list[Pin] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    levels: dict[str, int] = field(default_factory=dict)

    @property
    def calls(self) -> dict[str, Call]:
        """The last revision of every call."""
        last: dict[str, Call] = {}
        for call in self.written:
            if call.call_id not in last or call.revision > last[call.call_id].revision:
                last[call.call_id] = call
        return last

    @property
    def background(self) -> list[Call]:
        return [call for call in self.calls.values() if call.state == "background"]

    def __getitem__(self, call_id: str) -> Call:
        return self.calls[call_id]


def as_the_stage_takes_it(event: Event) -> LazyMessage | LazyBatch:
    return CODEC.decode(CODEC.encode(event), LazyBatch if isinstance(event, ExecutionBatch) else LazyMessage)


def play(events: Iterable[Event], times: JoinTimes | None = None, *, to_the_end: bool = True) -> Played:
    """Feed events in the order given, one chunk each, time moving as a worker would move it."""
    calls = Calls(times or JoinTimes(), AllOrdinary(), "mcp.calls")
    clock = Clock((ProtocolEvent.__name__, ExecutionBatch.__name__), ClockTimes(), START)
    played = Played()

    def carry_out(step: Any) -> None:
        played.written += [CODEC.decode(CODEC.encode(output.value), Call) for output in step.outputs]
        for pin in step.releases:
            pin.release()

    end = START
    for event in events:
        end = max(end, event.wall_ns)
        pin = Pin()
        pin.hold()
        played.pins.append(pin)
        clock.observe(type(event).__name__, event.wall_ns, event.wall_ns, event.wall_ns)
        carry_out(calls.add(as_the_stage_takes_it(event), pin, None))
        watermark = clock.watermark(event.wall_ns)
        if watermark is not None:
            carry_out(calls.advance(watermark))
        pin.release()
    if to_the_end:
        for hours in (1, 2):  # first all is written, then all is forgotten
            carry_out(calls.advance(end + hours * 3600 * 10**9))
    played.counts, played.levels = calls.counts(), calls.levels()
    return played


def argument(path: str, pointer: str = "/path") -> ArgumentFact:
    return ArgumentFact(pointer=pointer, type="string", kind="path", digests=(f"digest of {path}",))


@dataclass(frozen=True)
class Tools:
    """What the tests draw and play with."""

    timeline: Callable[..., list[Event]] = timeline
    play: Callable[..., Played] = play
    message: Callable[..., ProtocolEvent] = message
    batch: Callable[..., ExecutionBatch] = batch
    opened: Callable[..., ExecutionEvent] = opened
    argument: Callable[..., ArgumentFact] = argument
    replace: Callable[..., Any] = replace
    start: int = START
    step: int = STEP


@pytest.fixture(scope="session")
def story() -> Tools:
    return Tools()
