"""What it costs to train on rows that know their own session: the regression test of the training matrix.

The forest is asked alone. The tail sum beside it suffers less, and together they would hide what went wrong.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ....models.form import Form
from ....models.training import fit, matrix
from .evaluate import Case, Judged, above

__all__ = ["gain"]


def gain(cases: Sequence[Case], seed: int) -> float:
    """How much higher the TPR at 1 % FPR of the forest is for leaving the own session out; of the cases of one
    direction together."""
    honest, blind = ([fit(one.normal, seed=seed) for one in found] for found in (cases, [*map(_naive, cases)]))
    return _ranked(honest, cases) - _ranked(blind, cases)


def _naive(case: Case) -> Case:
    """The same with every training turn measured against baselines that know it."""
    known = matrix(case.turns, case.known, [()] * len(case.turns))
    return replace(case, normal=replace(case.normal, known=known))


def _ranked(forms: Sequence[Form], cases: Sequence[Case]) -> float:
    pairs = list(zip(forms, cases, strict=True))
    benign = np.concatenate([_highest(form, case.benign) for form, case in pairs])
    attacks = np.concatenate([_highest(form, case.attacks) for form, case in pairs])
    return above(attacks, np.sort(benign), 0.01)


def _highest(form: Form, judged: Judged) -> NDArray[np.float64]:
    return judged.rows.highest(form.forest.score(form.filled(judged.rows.rows)))
