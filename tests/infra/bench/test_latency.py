from __future__ import annotations

from collections import Counter

from triptych.infra.bench.latency.traffic import EFFECT_NS, REPLY_NS, heartbeats, kind_of, told
from triptych.models import topics, wire

AT = 1_700_000_000 * 10**9


def test_a_call_is_told_as_request_effects_and_reply_in_the_order_of_time() -> None:
    events = list(told(7, AT))
    assert [one.topic for one in events] == [topics.PROTOCOL, topics.EXECUTION, topics.PROTOCOL]
    assert [one.wall_ns - AT for one in events] == [0, EFFECT_NS, REPLY_NS]
    assert len({one.workload for one in events}) == 1


def test_a_call_has_ten_effects_whatever_its_kind() -> None:
    numbers = range(80)
    assert {len(list(told(number, AT))[1].event.events) for number in numbers} == {10}  # type: ignore[union-attr]
    assert Counter(map(kind_of, numbers)) == {"usual": 76, "theft": 2, "odd": 2}


def test_every_event_fits_its_schema() -> None:
    codec = wire.bundled()
    assert all(codec.decode(codec.encode(one.event)) == one.event for one in (*told(13, AT), *heartbeats(AT)))
