"""Turns are taken fairly, and one disturbed round does not decide."""

from __future__ import annotations

from functools import partial

from hypothesis import given
from hypothesis import strategies as st

from triptych.infra.bench.rounds import interleaved, median, percentile


def test_every_round_has_all_contenders_and_begins_with_the_next() -> None:
    order: list[str] = []
    told: list[str] = []
    results = interleaved({name: partial(order.append, name) for name in "abc"}, 4, told.append)
    assert "".join(order) == "abcbcacababc"
    assert [set(one) for one in results] == [set("abc")] * 4
    assert told == [f"round {number} of 4" for number in (1, 2, 3, 4)]


def test_a_figure_is_taken_within_its_round_before_the_median() -> None:
    rounds = [{"a": 10, "b": 15}, {"a": 100, "b": 106}, {"a": 20, "b": 90}]
    assert median(rounds, lambda one: one["b"] - one["a"]) == 6


@given(st.lists(st.floats(0, 1e6), min_size=1), st.floats(0, 0.999))
def test_a_percentile_is_one_of_the_values_and_leaves_no_more_above_it(values: list[float], share: float) -> None:
    found = percentile(values, share)
    assert found in values
    assert sum(value > found for value in values) <= (1 - share) * len(values)
