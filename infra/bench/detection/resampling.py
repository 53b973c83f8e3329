"""How far the figures would move with other tasks: 95 % intervals by drawing the tasks again, with replacement."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from .evaluate import above

__all__ = ["Ranked", "interval"]

Floats = NDArray[np.float64]
_DRAWS = 200
_SEED = 5


class Ranked:
    """Scores of harmless runs and attacks of one direction, with the task of each."""

    def __init__(self, benign: Floats, attacks: Floats, tasks: Sequence[Sequence[tuple[str, str]]]) -> None:
        self.scores = benign, attacks
        self.tasks = tasks

    def drawn(self, times: Counter[tuple[str, str]]) -> tuple[float, float, float] | None:
        """AUC, TPR at 1 % and at 5 % FPR with every task taken so many times; None where nothing is left to compare."""
        benign, attacks = (
            np.repeat(scores, [times[task] for task in tasks])
            for scores, tasks in zip(self.scores, self.tasks, strict=True)
        )
        if not len(benign) or not len(attacks):
            return None
        labels = np.repeat([0, 1], [len(benign), len(attacks)])
        ordered = np.sort(benign)
        auc = float(roc_auc_score(labels, np.concatenate([benign, attacks])))
        return auc, above(attacks, ordered, 0.01), above(attacks, ordered, 0.05)


def interval(directions: Sequence[Ranked], draws: int = _DRAWS) -> list[tuple[float, float]]:
    """The middle 95 % of AUC, TPR at 1 % and at 5 % FPR, mean over the directions."""
    tasks = sorted({task for one in directions for found in one.tasks for task in found})
    draw = np.random.default_rng(_SEED)
    found = []
    for _ in range(draws):
        times = Counter(tasks[at] for at in draw.integers(len(tasks), size=len(tasks)))
        each = [figures for one in directions if (figures := one.drawn(times)) is not None]
        if each:
            found.append(np.mean(each, axis=0))
    low, high = np.percentile(np.array(found), [2.5, 97.5], axis=0)
    return list(zip(low.tolist(), high.tolist(), strict=True))
