"""What stages 1 and 2 remember, in a process of its own: of open and closed calls and turns, and after hours of event
time.

Prints what it measured as JSON. The hour is one second's traffic again and again under new ids and times. No broker and
no store: of baselines nothing is known.
"""

from __future__ import annotations

import gc
import json
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any

from ....models.baseline import BaselineView, Support
from ....models.detections.engine import Rulebook
from ....models.events import Call, CallRef, ExecutionBatch, ProtocolEvent
from ....models.lazy import LazyBatch, LazyMessage
from ....models.sensitivity import Sensitivity
from ....models.wire import Codec, bundled
from ....streams.config import JoinTimes
from ....streams.join import Calls
from ....streams.judgement import Judge, Judging
from ....streams.known import Known
from ....streams.pins import Pin
from ....streams.turns import JudgeTimes, Turns
from ..cost import rss_mb
from .traffic import Told, calls

__all__ = ["main"]

_START_NS = 1_700_000_000 * 10**9
_S = 10**9
_DISORDER_NS = _S // 2
_HOUR_S = 3_600
_SAMPLES = 20
_CALLS_OF_A_TURN = 4
_CHUNK = 500


class _Stage:
    """Stage 1 with its decoder, fed as a runner feeds it. `send` gets what it writes."""

    def __init__(self, send: Callable[[bytes], object] = len) -> None:
        self._send = send
        self._codec = bundled()
        self._calls = Calls(JoinTimes(), Sensitivity.load(), "calls")
        self._pin = Pin()
        self._pin.hold()

    def take(self, record: bytes, kind: type[LazyMessage] | type[LazyBatch]) -> int:
        """Its event time."""
        event: Any = self._codec.decode(record, kind)
        self._carry_out(self._calls.add(event, self._pin))
        return int(event.wall_ns)

    def advance(self, watermark_ns: int) -> None:
        self._carry_out(self._calls.advance(watermark_ns))

    def _carry_out(self, step: Any) -> None:
        for output in step.outputs:
            self._send(self._codec.encode(output.value))
        for pin in step.releases:
            pin.release()


def main() -> None:
    """Arguments: `open` or `closed` and how many calls, `open-turns` or `closed-turns` and how many of four calls each,
    or `hour`, calls a second and seconds."""
    what, *numbers = sys.argv[1:]
    if what == "hour":
        print(json.dumps(_hour(*map(int, numbers))))
    elif what.endswith("-turns"):
        print(json.dumps(_turn_kib(int(numbers[0]), ends=what == "closed-turns")))
    else:
        print(json.dumps(_growth_kib(int(numbers[0]), replies=what == "closed")))


def _growth_kib(number: int, *, replies: bool) -> float:
    """Resident KiB that each of so many calls takes, still open or closed a moment ago."""
    codec, stage = bundled(), _Stage()
    told = [one for one in calls(range(number), _START_NS) if replies or not _is_reply(one.event)]
    records = [(codec.encode(one.event), _kind(one.event)) for one in told]
    last = max(one.wall_ns for one in told)
    for record, kind in records[: len(records) // 10]:  # what is made once is made by now
        stage.take(record, kind)
    before = _settled_mb()
    for record, kind in records[len(records) // 10 :]:
        stage.take(record, kind)
    if replies:
        stage.advance(last + 2 * _S)
    return (_settled_mb() - before) * 1024 / (0.9 * number)


def _turn_kib(number: int, *, ends: bool) -> float:
    """Resident KiB that each of so many turns takes, still open or closed a moment ago."""
    codec, (records, _made_of) = bundled(), _joined(number * _CALLS_OF_A_TURN)
    stage = Turns(JudgeTimes(late_ns=_HOUR_S * _S, most_kept=10**9), Judge(Judging(), Rulebook.load()))
    before, warm = 0.0, len(records) // 10
    for at in range(0, len(records), _CHUNK):
        if at >= warm and not before:
            before, warm = _settled_mb(), at
        said = [codec.decode(record, Call) for record in records[at : at + _CHUNK]]
        _judge(stage, said)
        if ends:
            stage.advance(max(call.wall_ns for call in said) + JudgeTimes().gap_ns)
    return (_settled_mb() - before) * 1024 * _CALLS_OF_A_TURN / (len(records) - warm)


def _judge(stage: Turns, said: Sequence[Call]) -> None:
    """As a runner does, with a store that knows of nothing."""
    asked = stage.wanted(said).keys
    views = {server: BaselineView(server, supports=dict.fromkeys(keys, Support())) for server, keys in asked.items()}
    pin, known = Pin(), Known(views)
    for call in said:
        for held in stage.add(call, pin, known).releases:
            held.release()


def _joined(number: int) -> tuple[list[bytes], object]:
    """Calls as stage 1 writes them, and what they were made of: freed, its memory would be taken again unseen."""
    records: list[bytes] = []
    codec, stage, told = bundled(), _Stage(records.append), calls(range(number), _START_NS)
    for one in told:
        stage.take(codec.encode(one.event), _kind(one.event))
    stage.advance(told[-1].wall_ns + 2 * _S)
    return records, (stage, told)


def _settled_mb() -> float:
    gc.collect()
    return rss_mb(os.getpid())


def _hour(rate: int, seconds: int) -> tuple[float, float]:
    """Most resident MB in the third and in the last quarter of so many seconds of event time. Not the mean: a full
    set of ids is copied now and then as others take their place, with both tables there for a moment."""
    codec, stage, sizes = bundled(), _Stage(), list[float]()
    pattern = calls(range(rate), _START_NS)
    spread = _S // rate / (pattern[-1].wall_ns - pattern[0].wall_ns) * rate
    for second in range(seconds):
        for record, kind in _moved(pattern, second, spread, codec):
            at_ns = stage.take(record, kind)
        stage.advance(at_ns - _DISORDER_NS)
        if second % max(1, seconds // (4 * _SAMPLES)) == 0:
            sizes.append(rss_mb(os.getpid()))
    quarter = len(sizes) // 4
    return max(sizes[2 * quarter : 3 * quarter]), max(sizes[3 * quarter :])


def _moved(
    pattern: Iterable[Told], second: int, spread: float, codec: Codec
) -> Iterable[tuple[bytes, type[LazyMessage] | type[LazyBatch]]]:
    """The pattern, drawn out over a second, under ids of its own."""
    for one in pattern:
        wall_ns = _START_NS + second * _S + int((one.wall_ns - _START_NS) * spread)
        event: Any = replace(one.event, event_id=f"{one.event.event_id}/{second}", wall_ns=wall_ns)
        if isinstance(event, ProtocolEvent):
            event = replace(event, call_id=f"{event.call_id}/{second}")
        else:
            event = replace(event, calls=tuple(_of(ref, second) for ref in event.calls))
        yield codec.encode(event), _kind(event)


def _of(ref: CallRef, second: int) -> CallRef:
    return replace(ref, call_id=f"{ref.call_id}/{second}")


def _kind(event: ProtocolEvent | ExecutionBatch) -> type[LazyMessage] | type[LazyBatch]:
    return LazyBatch if isinstance(event, ExecutionBatch) else LazyMessage


def _is_reply(event: ProtocolEvent | ExecutionBatch) -> bool:
    return isinstance(event, ProtocolEvent) and event.kind == "response"


if __name__ == "__main__":
    main()
