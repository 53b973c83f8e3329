"""The traffic of the benchmark: as much as it says, and whole where stage 1 joins it."""

from __future__ import annotations

from collections import Counter
from typing import Any

from triptych.infra.bench.streams.traffic import EFFECTS, NOISE, WORKLOADS, calls, closing
from triptych.models import topics, wire
from triptych.models.events import Call, ExecutionBatch
from triptych.models.lazy import LazyBatch, LazyMessage
from triptych.models.sensitivity import Sensitivity
from triptych.streams.config import JoinTimes
from triptych.streams.join import Calls
from triptych.streams.pins import Pin

AT = 1_700_000_000 * 10**9
NUMBER = 40
CODEC = wire.bundled()
KINDS: dict[str, Any] = {topics.PROTOCOL: LazyMessage, topics.EXECUTION: LazyBatch}


def joined(noise: int) -> list[Call]:
    """What stage 1 writes of these calls and what closes them."""
    stage, pin = Calls(JoinTimes(), Sensitivity.load(), "calls"), Pin()
    pin.hold()
    outputs: list[Any] = []
    for one in (*calls(range(NUMBER), AT, noise=noise), *closing(NUMBER, AT)):
        record = CODEC.decode(CODEC.encode(one.event), KINDS[one.topic])
        outputs += stage.add(record, pin).outputs
    outputs += stage.advance(AT + 50 * 10**9).outputs
    return [CODEC.decode(CODEC.encode(output.value), Call) for output in outputs]


def whole(written: list[Call]) -> list[Call]:
    return [call for call in written if call.state == "complete" and len(call.effects) == EFFECTS]


def test_every_call_comes_out_whole() -> None:
    found = whole(joined(0))
    assert len({call.call_id for call in found}) == NUMBER
    assert {call.binding for call in found} == {"exact"}


def test_of_the_noisy_mix_nine_of_ten_events_belong_to_no_call() -> None:
    batches = [one.event for one in calls(range(NUMBER), AT, noise=NOISE) if isinstance(one.event, ExecutionBatch)]
    bindings = Counter(event.binding for batch in batches for event in batch.events)
    assert bindings == {"exact": EFFECTS * NUMBER, "none": NOISE * NUMBER}
    assert len({call.call_id for call in whole(joined(NOISE))}) == NUMBER


def test_workloads_take_turns() -> None:
    told = calls(range(NUMBER), AT)
    assert len({one.workload for one in told[: 4 * WORKLOADS]}) == WORKLOADS
    assert [one.wall_ns for one in told] == sorted(one.wall_ns for one in told)
