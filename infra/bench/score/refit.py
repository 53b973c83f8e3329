"""Training again on many records: forest, tails and calibration, beside scikit-learn's forest alone."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import IsolationForest

from ....models.training import SAMPLE, TREES, Matrix, Normal, fit
from ..report import Row
from ..run import Plan

__all__ = ["SEED", "rows", "twin_of"]

SEED = 7
_RECORDS = 50_000
_PER_TURN = 4
_BAR_S = 10.0


def rows(plan: Plan, normal: Normal) -> Iterator[Row]:
    """Processor seconds of one form; a model has one for each sight its turns were told with, three at most."""
    count = 5_000 if plan.quick else _RECORDS
    plan.tell(f"training on {count} records")
    many = Normal(_many(normal.known, count), _many(normal.unseen, count), normal.new_tasks)
    filled = np.nan_to_num(many.known.rows)
    yield Row(name=f"refit of {count:,} records", value=_spent(lambda: fit(many, seed=SEED)), unit="s", at_most=_BAR_S)
    yield Row(name="  scikit-learn's forest alone", value=_spent(lambda: twin_of(filled)), unit="s")


def twin_of(filled: NDArray[np.float64]) -> Any:
    """The forest that training flattens, as scikit-learn keeps it."""
    twin = IsolationForest(n_estimators=TREES, max_samples=min(SAMPLE, len(filled)), random_state=SEED)
    return twin.fit(filled.astype(np.float32))


def _many(few: Matrix, count: int) -> Matrix:
    """So many records, each one of the few with a little noise."""
    draw = np.random.default_rng(SEED)
    picked = few.rows[draw.integers(len(few.rows), size=count)]
    noise = draw.normal(scale=0.01, size=picked.shape)
    return Matrix(np.maximum(picked + noise, 0.0), np.arange(count) // _PER_TURN)


def _spent(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began
