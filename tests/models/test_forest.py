from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from sklearn.ensemble import IsolationForest

from triptych.models.forest import Forest, ForestError
from triptych.models.kernels import plain

RANDOM = np.random.default_rng(7)
NORMAL = np.abs(RANDOM.normal(size=(150, 6))).round(1)
UNSEEN = np.abs(RANDOM.normal(size=(300, 6))) * 1.5


@pytest.fixture(scope="module")
def fitted() -> Any:
    return IsolationForest(n_estimators=60, max_samples=100, random_state=3).fit(NORMAL.astype(np.float32))


@pytest.fixture(scope="module")
def forest(fitted: Any) -> Forest:
    return Forest.of(fitted)


@pytest.mark.parametrize("rows", [NORMAL, UNSEEN], ids=["on borders", "between"])
def test_scores_equal_scikit_learn(fitted: Any, forest: Forest, rows: np.ndarray) -> None:
    assert np.abs(forest.score(rows) + fitted.score_samples(rows.astype(np.float32))).max() < 1e-9


def test_the_same_seed_gives_the_same_forest() -> None:
    one, two, other = (Forest.train(NORMAL, seed=seed, trees=20).arrays() for seed in (1, 1, 2))
    assert all(np.array_equal(one[name], two[name]) for name in one)
    assert any(not np.array_equal(one[name], other[name]) for name in one)


def test_attributions_add_up_to_the_shortening_of_the_paths(forest: Forest) -> None:
    row = UNSEEN[0]
    narrow = row.reshape(1, -1).astype(np.float32)
    arrays = (forest.roots, forest.feature, forest.threshold, forest.left, forest.right, forest.depth)
    depth = plain().walk(narrow, *arrays)[0] / len(forest.roots)
    assert forest.attribute(row).sum() == pytest.approx(forest.depth[forest.roots].mean() - depth)


def test_the_feature_that_sticks_out_is_blamed(forest: Forest) -> None:
    row = np.median(NORMAL, axis=0)
    row[4] = 50.0
    assert int(np.argmax(forest.attribute(row))) == 4


def _changed(forest: Forest, name: str, at: int, value: float) -> Forest:
    array = getattr(forest, name).copy()
    array[at] = value
    return replace(forest, **{name: array})


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("left", 10**6, "M02"),
        ("right", -1, "M02"),
        ("roots", 10**6, "M02"),
        ("feature", 6, "M02"),
        ("feature", -2, "M02"),
        ("left", 0, "M03"),
        ("threshold", np.nan, "M01"),
        ("depth", np.inf, "M01"),
    ],
)
def test_arrays_that_lead_astray_are_refused(forest: Forest, name: str, value: float, code: str) -> None:
    with pytest.raises(ForestError) as error:
        _changed(forest, name, 0, value)
    assert error.value.code == code


def test_a_leaf_that_leads_on_is_refused(forest: Forest) -> None:
    leaf = int(np.flatnonzero(forest.feature < 0)[0])
    with pytest.raises(ForestError, match="before its parent"):
        _changed(forest, "left", leaf, leaf + 1)


@pytest.mark.parametrize("name", ["feature", "threshold", "left", "depth"])
def test_arrays_of_another_length_or_type_are_refused(forest: Forest, name: str) -> None:
    array = getattr(forest, name)
    for wrong in (array[:-1], array.astype(np.int64), array.reshape(1, -1)):
        with pytest.raises(ForestError):
            replace(forest, **{name: wrong})


def test_rows_of_another_width_are_refused(forest: Forest) -> None:
    with pytest.raises(ForestError, match="6 features"):
        forest.score(UNSEEN[:, :5])
