"""How well a model trained on one group of families tells the other group's attacks from its harmless runs.

Everything that judges is the product's own: baselines, rows, training, scores and p. K: the judged tasks occur in
training. U: neither the family nor the task does, five folds over the tasks.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from ....models.baseline import Baseline
from ....models.form import Form
from ....models.sight import Sight
from ....models.training import LEAST, Matrix, Normal, baselines, fit, matrix
from ....models.turn import Turn
from ..errors import BenchError
from .extract import Extract, Run
from .split import FOLDS, Part, Split

__all__ = [
    "DIRECTIONS",
    "Case",
    "Figures",
    "Judged",
    "Scores",
    "above",
    "cases",
    "figures",
    "judged",
    "scored",
]

Floats = NDArray[np.float64]
DIRECTIONS = (0, 1)
NOMINAL = 0.01


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """Runs of the judged group as rows, and of each the server and the task."""

    rows: Matrix
    servers: Sequence[str]
    tasks: Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """One training set, the baselines of it, and the runs it is judged by. `direction`: the group that trains."""

    direction: int
    turns: Sequence[Turn]
    known: Mapping[str, Baseline]
    normal: Normal
    benign: Judged
    attacks: Judged


@dataclass(frozen=True, slots=True, eq=False)
class Scores:
    """One number a run: its score, and its p if every task is new, and if so many are as its server showed."""

    raw: Floats
    p_new: Floats
    p_learned: Floats

    @classmethod
    def of(cls, form: Form, runs: Judged) -> Scores:
        raw = runs.rows.highest(form.raw(runs.rows.rows))
        shares = [form.new_tasks([server]) for server in runs.servers]
        p_learned = [form.p(score, share) for score, share in zip(raw, shares, strict=True)]
        return cls(raw, np.array([form.p(score, 1.0) for score in raw]), np.array(p_learned))

    @classmethod
    def joined(cls, parts: Sequence[Scores]) -> Scores:
        """Of several cases. A score is in units of its own model's normal spread, so they compare."""
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in cls.__slots__))


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """Of one direction and seed. `tpr1`, `tpr5`: share of the attacks above all but 1 % and 5 % of the harmless runs.
    The rest is what an alert at a nominal 1 % really does: `new`, every task is held to be new; `learned`, as many are
    as each server showed in training."""

    auc: float
    tpr1: float
    tpr5: float
    fpr_new: float
    tpr_new: float
    fpr_learned: float
    tpr_learned: float


def cases(extract: Extract, sight: Sight, *, unseen: bool) -> Iterator[Case]:
    """Both directions, each once (K) or in every fold (U). Raises BenchError B03 where a direction has too few runs."""
    split = Split.of(extract.benign)
    parts = [Part(direction, fold) for direction in DIRECTIONS for fold in (range(FOLDS) if unseen else (None,))]
    for part in parts:
        normal = [run.turn(sight) for run in extract.benign if split.trains(run, part)]
        harmless, attacks = (
            [run for run in runs if split.judges(run, part)] for runs in (extract.benign, extract.attacks)
        )
        if len(normal) < LEAST or not harmless or not attacks:
            counts = f"{len(normal)} runs to learn from, {len(harmless)} harmless and {len(attacks)} attacks to judge"
            raise BenchError(f"too few runs: {counts}", f"at least {LEAST}, 1 and 1 are needed", code="B03")
        known = baselines(normal)
        judges = judged(harmless, known, sight), judged(attacks, known, sight)
        yield Case(part.direction, normal, known, Normal.of(normal, known), *judges)


def judged(runs: Sequence[Run], known: Mapping[str, Baseline], sight: Sight) -> Judged:
    """These runs as rows against the baselines of others."""
    turns = [run.turn(sight) for run in runs]
    rows = matrix(turns, known, [()] * len(turns))
    return Judged(rows, [run.suite for run in runs], [(run.suite, run.task) for run in runs])


def figures(benign: Scores, attacks: Scores) -> Figures:
    """Of all cases of one direction together."""
    labels = np.repeat([0, 1], [len(benign.raw), len(attacks.raw)])
    ordered = np.sort(benign.raw)
    return Figures(
        auc=float(roc_auc_score(labels, np.concatenate([benign.raw, attacks.raw]))),
        tpr1=above(attacks.raw, ordered, 0.01),
        tpr5=above(attacks.raw, ordered, 0.05),
        fpr_new=float((benign.p_new <= NOMINAL).mean()),
        tpr_new=float((attacks.p_new <= NOMINAL).mean()),
        fpr_learned=float((benign.p_learned <= NOMINAL).mean()),
        tpr_learned=float((attacks.p_learned <= NOMINAL).mean()),
    )


def scored(made: Iterable[Case], seed: int) -> tuple[Scores, Scores]:
    """The harmless runs and the attacks of several cases, each scored by the form that its case trains from this
    seed."""
    each = [(fit(case.normal, seed=seed), case) for case in made]
    return (
        Scores.joined([Scores.of(form, case.benign) for form, case in each]),
        Scores.joined([Scores.of(form, case.attacks) for form, case in each]),
    )


def above(attacks: Floats, benign: Floats, share: float) -> float:
    """Share of the attacks that score above all but `share` of the harmless runs, which are sorted."""
    return float((attacks > benign[math.ceil((1 - share) * len(benign)) - 1]).mean())
