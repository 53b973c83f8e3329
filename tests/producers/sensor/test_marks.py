"""Markers are expected of the calls that are known, and forgotten with them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from triptych.models.events import CallRef
from triptych.producers.sensor.marks import Marks
from triptych.producers.shim import mark

CALLS = [CallRef(call_id=str(number), correlation_id=f"{number:032x}") for number in range(5)]


def test_a_call_is_named_by_its_id_with_its_trace_or_without() -> None:
    marks = Marks(5)
    for number, call in enumerate(CALLS):
        marks.expect(call, str(number))
    for value in (mark("3"), mark("3", CALLS[3].correlation_id)):
        assert marks.named(value, CALLS) == (CALLS[3],)
    assert marks.named(mark("3", CALLS[4].correlation_id), CALLS) == ()


def test_the_oldest_is_forgotten() -> None:
    marks = Marks(2)
    for call in CALLS[:3]:
        marks.expect(call, "1")
        assert marks.named(mark("1"), [call]) == (call,)
    assert marks.named(mark("1"), CALLS) == (CALLS[1], CALLS[2])


def test_a_call_of_unknown_id_is_never_named() -> None:
    assert Marks(2).named(mark(""), CALLS) == ()


@given(st.integers(0, (1 << 64) - 1))
def test_whatever_a_server_says_only_calls_of_those_given_are_named(value: int) -> None:
    marks = Marks(5)
    marks.expect(CALLS[0], "1")
    marks.expect(CALLS[1], "1")
    assert marks.named(value, CALLS[1:3]) in ((), (CALLS[1],))
