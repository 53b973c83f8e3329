"""Running totals become what was added, and no byte is told twice or never."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from triptych.producers.sensor.decode import FLOW, FLOW_KEY, KernelEvent, decode_flow
from triptych.producers.sensor.layouts import FLOW_LAST
from triptych.producers.sensor.totals import Totals, Use

KEY = FLOW_KEY.pack(10, 10, 5, 0, 0, 2, 6, 4000, 443, bytes(16))


def _entry(sent: int, received: int = 0) -> tuple[bytes, bytes]:
    return KEY, FLOW.pack(sent, received, 99, 0, 1, 0, b"")


def _never(_: Use) -> bool:
    return False


def _always(_: Use) -> bool:
    return True


def test_only_what_was_added_is_told() -> None:
    totals = Totals(decode_flow, FLOW_LAST)
    assert [event.bytes_out for event in totals.added([_entry(100)], _never)[0]] == [100]
    assert [event.bytes_out for event in totals.added([_entry(150)], _never)[0]] == [50]
    assert totals.added([_entry(150)], _never) == ([], [])


def test_a_finished_flow_goes_only_after_a_silent_reading() -> None:
    totals = Totals(decode_flow, FLOW_LAST)
    assert totals.added([_entry(100)], _always)[1] == []
    assert totals.added([_entry(100)], _always) == ([], [KEY])


def test_a_key_that_comes_again_counts_from_zero() -> None:
    totals = Totals(decode_flow, FLOW_LAST)
    totals.added([_entry(100)], _always)
    totals.added([_entry(100)], _always)
    assert [event.bytes_out for event in totals.added([_entry(30)], _never)[0]] == [30]


@given(st.lists(st.tuples(st.integers(0, 1000), st.integers(0, 1000)), max_size=30))
def test_the_sum_of_what_is_told_is_the_total(added: list[tuple[int, int]]) -> None:
    totals, sent, received, told_out, told_in = Totals(decode_flow, FLOW_LAST), 0, 0, 0, 0
    for more_out, more_in in added:
        sent, received = sent + more_out, received + more_in
        for event in totals.added([_entry(sent, received)], _never)[0]:
            told_out, told_in = told_out + event.bytes_out, told_in + event.bytes_in
    assert (told_out, told_in) == (sent, received)


def test_a_sum_that_comes_round_still_tells_what_was_added() -> None:
    totals = Totals(decode_flow, FLOW_LAST)
    totals.added([_entry((1 << 64) - 5)], _never)
    assert [event.bytes_out for event in totals.added([_entry(7)], _never)[0]] == [12]


def test_an_entry_that_rests_is_not_decoded_again() -> None:
    decoded: list[bytes] = []

    def counted(key: bytes, value: bytes) -> KernelEvent:
        decoded.append(key)
        return decode_flow(key, value)

    totals = Totals(counted, FLOW_LAST)
    asked: list[Use] = []
    for _ in range(3):
        totals.added([_entry(100)], lambda use: bool(asked.append(use)))
    assert decoded == [KEY]
    assert asked == [Use(10, 5, 99)] * 2
