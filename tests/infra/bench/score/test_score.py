"""A quick run of everything that needs no store: the figures exist, the equalities hold."""

from __future__ import annotations

import pytest

from triptych.infra.bench.run import Plan
from triptych.infra.bench.score import refit, walking
from triptych.models.testing_traffic import sessions
from triptych.models.training import Normal, baselines, fit

PLAN = Plan(quick=True, only="", tell=lambda _: None)


@pytest.fixture(scope="module")
def normal() -> Normal:
    turns = sessions(30)
    return Normal.of(turns, baselines(turns))


def test_every_path_is_measured_beside_its_bar_and_equals_scikit_learn(normal: Normal) -> None:
    form = fit(normal, seed=refit.SEED, trees=20)
    twin = refit.twin_of(form.filled(normal.known.rows))
    rows = {row.name: row for row in walking.rows(PLAN, form, twin, normal)}
    assert rows["score by numpy, p99"].bar == 1000
    assert rows["score by scikit-learn, p50"].value > rows["score by numpy, p50"].value
    assert all(row.ok for name, row in rows.items() if name.startswith("largest difference"))


def test_a_refit_is_of_as_many_records_as_it_says(normal: Normal) -> None:
    refitted, alone = refit.rows(PLAN, normal)
    assert refitted.name == "refit of 5,000 records"
    assert refitted.bar == 10
    assert alone.bar is None
