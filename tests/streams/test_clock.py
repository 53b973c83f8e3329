"""The watermark: what moves it, what holds it, and that it never goes back."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from triptych.streams.clock import Clock, Hearing
from triptych.streams.config import ClockTimes

TIMES = ClockTimes(out_of_order_ns=10, idle_ns=100, lag_ns=50, skew_ns=5)


def clock(*topics: str) -> Clock:
    return Clock(topics or ("p", "x"), TIMES, 0)


def test_it_is_the_least_of_the_topics_minus_the_disorder() -> None:
    made = clock()
    made.observe("p", 500, 500, 500)
    made.observe("x", 300, 500, 500)
    assert made.watermark(500) == 290


def test_there_is_none_while_a_topic_may_still_bring_its_first_record() -> None:
    made = clock()
    made.observe("p", 500, 500, 500)
    assert made.watermark(10_000) is None


def test_far_ahead_is_who_passed_the_topic_that_time_waits_for_by_more_than_is_allowed() -> None:
    made = Clock(("p", "x"), replace(TIMES, ahead_ns=100), 0)
    made.observe("p", 500, 500, 500)
    assert made.ahead(500) == ("p",), "of the other nothing is known yet"
    made.observe("x", 400, 500, 500)
    assert made.ahead(500) == ()
    made.observe("p", 501, 501, 501)
    assert made.ahead(501) == ("p",)
    assert made.ahead(601, ["x"]) == (), "silence is waited for no longer"


def test_an_idle_topic_leaves_the_minimum_only_at_its_end_and_after_its_silence() -> None:
    made = clock()
    made.observe("x", 300, 300, 300)
    made.observe("p", 500, 500, 399)
    assert made.watermark(399, ["x"]) == 290
    assert made.watermark(400, []) == 290
    assert made.watermark(400, ["x"]) == 490


def test_with_all_topics_idle_it_follows_the_wall_clock_behind_the_lag() -> None:
    made = clock()
    made.observe("p", 500, 500, 500)
    made.observe("x", 500, 500, 500)
    assert made.watermark(5_000, ["p", "x"]) == 4_950


def test_a_clock_that_runs_ahead_does_not_move_it_beyond_the_arrival() -> None:
    made = clock("p")
    assert made.observe("p", 9_000, 400, 400) == 400
    assert made.watermark(400) == 390


def test_a_small_lead_keeps_its_time_and_still_does_not_move_it() -> None:
    made = clock("p")
    assert made.observe("p", 404, 400, 400) == 404
    assert made.watermark(400) == 390


def test_a_wall_clock_that_is_set_back_holds_no_idle_topic() -> None:
    made = clock()
    made.observe("p", 9_000, 9_000, 9_000)
    made.observe("x", 9_000, 9_000, 9_000)
    made.watermark(5_000, ["p", "x"])
    made.observe("p", 9_500, 9_500, 5_000)
    assert made.watermark(5_100, ["x"]) == 9_490


def heard(hearing: Hearing, *asked: tuple[int, int]) -> list[bool]:
    """At each wall time, of a broker that answered last that long before."""
    return [hearing.at("p", at - ago, at) for at, ago in asked]


def test_silence_counts_once_answers_came_without_a_pause_for_as_long() -> None:
    assert heard(Hearing(100), (1_000, 1), (1_050, 5), (1_099, 0), (1_100, 1), (1_180, 20)) == [False] * 3 + [True] * 2


def test_a_process_that_was_frozen_hears_silence_anew() -> None:
    hearing = Hearing(100)
    assert heard(hearing, (1_000, 1), (1_090, 1), (1_101, 1))[-1]
    assert heard(hearing, (9_000, 7_900), (9_050, 1), (9_099, 1), (9_150, 1)) == [False, False, False, True]


def test_a_broker_that_stops_answering_is_no_silence_nor_is_its_first_answer_behind_that() -> None:
    hearing = Hearing(100)
    assert heard(hearing, (1_000, 1), (1_090, 1), (1_101, 1))[-1]
    assert heard(hearing, (1_190, 90), (1_210, 110), (1_220, 0), (1_300, 1), (1_320, 1)) == [True, *[False] * 3, True]


def test_each_partition_is_heard_for_itself_and_a_clock_that_is_set_back_begins_anew() -> None:
    hearing = Hearing(100)
    assert heard(hearing, (1_000, 1), (1_090, 1), (1_110, 1))[-1]
    assert not hearing.at("x", 1_110, 1_110)
    assert not hearing.at("p", 500, 500)


steps = st.lists(
    st.tuples(
        st.sampled_from(["p", "x"]),
        st.integers(0, 2_000),
        st.integers(0, 2_000),
        st.integers(0, 300),
        st.sets(st.sampled_from(["p", "x"])),
    ),
    max_size=60,
)


@given(steps)
def test_it_never_goes_back_and_never_passes_what_has_arrived(steps: Any) -> None:
    made, wall, shown, arrived = clock(), 0, None, 0
    for topic, event, appended, passed, ended in steps:
        wall += passed
        made.observe(topic, event, min(appended, wall), wall)
        arrived = max(arrived, min(appended, wall), wall - TIMES.lag_ns)
        watermark = made.watermark(wall, ended)
        assert shown is None or (watermark is not None and watermark >= shown)
        assert watermark is None or watermark <= arrived
        shown = watermark
