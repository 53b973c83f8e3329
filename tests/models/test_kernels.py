from __future__ import annotations

import sys

import numpy as np
import pytest
from sklearn.ensemble import IsolationForest

from triptych.models import kernels
from triptych.models.forest import Forest
from triptych.models.kernels import Kernels, compiled, fastest, plain

RANDOM = np.random.default_rng(11)
ROWS = np.abs(RANDOM.normal(size=(200, 5))).round(1)
FOREST = Forest.of(IsolationForest(n_estimators=40, max_samples=64, random_state=3).fit(ROWS.astype(np.float32)))
TREES = (FOREST.roots, FOREST.feature, FOREST.threshold, FOREST.left, FOREST.right, FOREST.depth)
UNSEEN = RANDOM.normal(size=(60, 5)) * 2
HOLED = np.where(RANDOM.random(UNSEEN.shape) < 0.2, np.nan, UNSEEN)
COLUMNS = np.sort(ROWS[:, :4], axis=0).T.ravel()  # of the fifth column nothing is known
STARTS = np.array([0, 200, 400, 600, 800, 800], dtype=np.int32)
GRAIN = np.array([0.5, 1.0, 2.0, 1.0, 1.0])

LOOPS = Kernels(kernels._walk_loops, kernels._blame_loops, kernels._surprise_loops)  # as written, not compiled


@pytest.mark.parametrize("other", [LOOPS, fastest()], ids=["loops", "fastest"])
def test_all_kernels_agree(other: Kernels) -> None:
    narrow = UNSEEN.astype(np.float32)
    assert np.abs(plain().walk(narrow, *TREES) - other.walk(narrow, *TREES)).max() < 1e-9
    assert max(np.abs(plain().blame(row, *TREES) - other.blame(row, *TREES)).max() for row in narrow) < 1e-9
    found = [one.surprise(HOLED, COLUMNS, STARTS, GRAIN) for one in (plain(), other)]
    assert np.abs(found[0] - found[1]).max() < 1e-9


def test_nothing_known_and_nothing_seen_surprise_nobody() -> None:
    found = plain().surprise(HOLED, COLUMNS, STARTS, GRAIN)
    assert not found[:, 4].any()
    assert not found[np.isnan(HOLED)].any()
    assert (found[:, :4][UNSEEN[:, :4] > 10] > 0).all()


def test_without_numba_numpy_serves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "numba", None)
    compiled.cache_clear()
    try:
        assert compiled() is None
        assert fastest() is plain()
    finally:
        compiled.cache_clear()
