"""When a difference between two sides is one, and when a scenario only wavers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triptych.infra.conformance.compare import Outcome, judge, settled

GOOD: Outcome = (("answers", "SUCCESS"), ("in time", "SUCCESS"))
BAD: Outcome = (("answers", "SUCCESS"), ("in time", "FAILURE"))
OUTCOMES = st.lists(st.sampled_from([GOOD, BAD]), min_size=1, max_size=12)


def test_one_outcome_on_both_sides_is_the_same_even_where_it_fails() -> None:
    assert judge([BAD], [BAD]) == "same"
    assert settled([BAD], [BAD])


def test_no_outcome_in_common_is_a_difference_after_three_rounds() -> None:
    assert judge([GOOD] * 3, [BAD] * 3) == "different"
    assert [settled([GOOD] * rounds, [BAD] * rounds) for rounds in (1, 2, 3)] == [False, False, True]


def test_a_failure_that_goes_away_on_another_run_needs_more_of_them() -> None:
    assert not settled([GOOD, GOOD], [BAD, GOOD])
    assert settled([GOOD] * 10, [BAD, *[GOOD] * 9])


@pytest.mark.parametrize(("odd", "verdict"), [(1, "unsteady"), (3, "unsteady"), (4, "different"), (9, "different")])
def test_what_only_one_side_shows_is_chance_up_to_one_in_twenty(odd: int, verdict: str) -> None:
    wavering = [BAD] * odd + [GOOD] * (10 - odd)
    assert judge([GOOD] * 10, wavering) == verdict
    assert judge(wavering, [GOOD] * 10) == verdict, "a gateway that hides a failure differs as well"


def test_two_sides_that_both_waver_are_unsteady() -> None:
    assert judge([GOOD, BAD] * 5, [BAD] * 9 + [GOOD]) == "unsteady"


@given(OUTCOMES, OUTCOMES)
def test_the_verdict_does_not_depend_on_order_or_side(direct: list[Outcome], through: list[Outcome]) -> None:
    assert judge(direct, through) == judge(through[::-1], direct[::-1])
    assert judge(direct, direct) in ("same", "unsteady")
