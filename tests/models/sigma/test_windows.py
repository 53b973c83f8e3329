from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from triptych.models.sigma.correlation import Correlation, Slot
from triptych.models.sigma.windows import Sighting, Windows

S = 1_000_000_000


def counting(count: float, span_s: int = 60) -> Correlation:
    slot = Slot(rule="r", group_by=(), value=None)
    return Correlation(
        kind="event_count", slots=(slot,), span_ns=span_s * S, op="gte", count=count, percentile=50, terms=()
    )


def held(windows: Windows, *times: int) -> set[int]:
    """The ends of the windows that held, in whole seconds."""
    seen = (Sighting(at * S, 0, f"e{number}") for number, at in enumerate(times))
    return {one.end_ns // S for sighting in seen for one in windows.add((), sighting)}


@given(
    st.lists(st.integers(0, 500), max_size=30).flatmap(lambda times: st.tuples(st.just(times), st.permutations(times)))
)
def test_the_windows_that_hold_do_not_depend_on_the_order_of_arrival(drawn: tuple[list[int], list[int]]) -> None:
    times, shuffled = drawn
    assert held(Windows(counting(3)), *sorted(times)) <= held(Windows(counting(3)), *shuffled)


def test_the_same_match_counts_once() -> None:
    windows = Windows(counting(2))
    again = [Sighting(S, 0, "same")] * 5
    assert [list(windows.add((), one)) for one in again] == [[]] * 5


def test_a_match_that_comes_late_completes_the_window_behind_it() -> None:
    windows = Windows(counting(3))
    assert held(windows, 10, 50) == set()
    ((late,)) = list(windows.add((), Sighting(30 * S, 0, "late")))
    assert late.end_ns == 50 * S


def test_what_is_remembered_is_bounded_and_what_is_dropped_is_counted() -> None:
    windows = Windows(counting(10_000, 3_600))
    for number in range(5_000):
        list(windows.add((), Sighting(number * S // 100, 0, f"e{number}")))
    assert windows.dropped == 5_000 - 4_096
