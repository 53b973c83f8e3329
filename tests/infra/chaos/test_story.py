"""The story is the same each time, stays open over slices, and holds attacks in every one of them."""

from __future__ import annotations

from triptych.infra.chaos.story import BEHIND, Told, slice_of
from triptych.infra.chaos.undisturbed import undisturbed
from triptych.infra.chaos.worker import configured, settings_of
from triptych.infra.replay.recorded import Recorded
from triptych.models.events import ProtocolEvent
from triptych.models.wire import bundled

SLICES = 3
START = 1_700_000_000 * 10**9
S = 10**9


def story() -> list[list[Told]]:
    return [slice_of(number, SLICES, START + number * S) for number in range(SLICES + BEHIND)]


def test_it_is_told_the_same_each_time_and_in_order() -> None:
    assert story() == story()
    for told in story():
        assert [one.wall_ns for one in told] == sorted(one.wall_ns for one in told)


def test_no_event_is_told_twice() -> None:
    ids = [one.event.event_id for told in story() for one in told]
    assert len(ids) == len(set(ids))


def test_every_request_is_answered_and_some_only_slices_later() -> None:
    kinds = [
        {one.event.call_id for one in told if isinstance(one.event, ProtocolEvent) and one.event.kind == kind}
        for told in story()
        for kind in ("request", "response")
    ]
    asked, answered = kinds[0::2], kinds[1::2]
    assert set().union(*asked) == set().union(*answered)
    assert asked[0] - answered[0] and (asked[0] & answered[2])


def test_undisturbed_every_slice_ends_in_findings_and_nothing_is_buried() -> None:
    codec, records = bundled(), []
    for told in story():
        for one in told:
            record = Recorded(
                topic=one.topic,
                partition=0,
                offset=len(records),
                timestamp=one.wall_ns // 10**6,
                timestamp_type=0,
                key=one.key.encode(),
                value=codec.encode(one.event),
            )
            records.append(record)
    settings = settings_of("127.0.0.1:1", "redis://127.0.0.1:1", "test", 8.0)
    truth = undisturbed(records, settings, configured(settings))
    assert {facts[1] for facts in truth.findings.values()} == {"close"}
    assert {turn.split("-")[1] for turn, *_ in truth.findings.values()} == {str(number) for number in range(SLICES)}
    assert truth.buried == {}
