"""The cost of judging: a score, an attribution, a look-up and a refit, each beside its bar."""

from __future__ import annotations

import sys

from ....models.kernels import compiled
from ....models.testing_traffic import sessions
from ....models.training import Normal, baselines, fit
from ..run import Measured, Plan, main
from . import lookups, refit, walking

__all__ = ["measure"]


def measure(plan: Plan) -> Measured:
    """Everything in one run. Without numba the compiled half is not measured, and the record says so."""
    turns = sessions(40 if plan.quick else 200)
    normal = Normal.of(turns, baselines(turns))
    form = fit(normal, seed=refit.SEED)
    twin = refit.twin_of(form.filled(normal.known.rows))
    rows = [*walking.rows(plan, form, twin, normal), *lookups.rows(plan), *refit.rows(plan, normal)]
    missing = () if compiled() else ("scores by numba: install the extra `fast`",)
    return Measured(rows=rows, remarks=missing)


if __name__ == "__main__":
    sys.exit(main("score", measure, packages=("numpy", "numba", "scikit-learn", "redis")))
