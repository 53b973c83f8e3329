from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from triptych.models.calibration import FLOOR, Calibration, CalibrationError, Tails, risk_of

NORMAL = Calibration.of(np.random.default_rng(1).normal(size=400))
finite = st.floats(-50, 50)


@given(st.lists(finite, min_size=1, max_size=60), finite, finite)
def test_a_higher_score_is_never_likelier(scores: list[float], one: float, other: float) -> None:
    calibration = Calibration.of(np.array(scores))
    low, high = sorted((one, other))
    assert FLOOR <= calibration.p(high) <= calibration.p(low) <= 1


@pytest.mark.parametrize("share", [0.5, 0.9, 0.99])
def test_inside_the_observed_the_share_is_the_empirical_one(share: float) -> None:
    score = float(np.quantile(NORMAL.scores, share))
    assert NORMAL.p(score) == pytest.approx(1 - share, abs=0.006)


def test_beyond_the_observed_the_tail_goes_on() -> None:
    top = float(NORMAL.scores[-1])
    beyond = [NORMAL.p(top + step) for step in (0.1, 1, 3, 30)]
    assert beyond[0] <= 1 / 401
    assert beyond == sorted(beyond, reverse=True)
    assert beyond[-1] == FLOOR


def test_few_scores_give_a_gentler_tail() -> None:
    few = Calibration.of(NORMAL.scores[::20].copy())
    assert few.p(5.0) > NORMAL.p(5.0)


def test_equal_scores_still_have_a_tail() -> None:
    flat = Calibration.of(np.full(50, 2.0))
    assert flat.p(2.0) == 1.0
    assert flat.p(3.0) < 0.02


@pytest.mark.parametrize("scores", [[], [np.nan], [np.inf, 1.0]])
def test_scores_that_calibrate_nothing_are_refused(scores: list[float]) -> None:
    with pytest.raises(CalibrationError):
        Calibration.of(np.array(scores, dtype=np.float64))


def test_unsorted_scores_are_refused() -> None:
    with pytest.raises(CalibrationError, match="sorted"):
        Calibration(np.array([2.0, 1.0]))


@pytest.mark.parametrize(("p", "risk"), [(1, 0), (0.1, 25), (0.01, 50), (0.001, 75), (1e-4, 100), (0.0, 100)])
def test_risk_is_a_false_positive_budget(p: float, risk: float) -> None:
    assert risk_of(p) == pytest.approx(risk)


class TestTails:
    rows = np.array([[0.0, np.nan], [0.0, np.nan], [1.0, np.nan]])
    tails = Tails.of(rows, np.ones(2))

    def test_the_rarer_the_value_the_more_it_says(self) -> None:
        said = self.tails.surprise(np.array([[0.0, 0.0], [1.0, 0.0], [2.0, 0.0], [500.0, 0.0]]))[:, 0]
        assert said[0] == 0
        assert list(said) == sorted(said)
        assert said[2] == pytest.approx(np.log(4) + np.log(2))
        assert said[3] == pytest.approx(np.log(4) + 8 * np.log(2))

    def test_what_is_missing_says_nothing(self) -> None:
        assert self.tails.surprise(np.array([[np.nan, 9.0]])).tolist() == [[0.0, 0.0]]
