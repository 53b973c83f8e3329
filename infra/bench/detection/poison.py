"""One principal repeats one attack until it looks normal: what of that attack is still seen.

In every suite the goal that most attacks reached is slipped into the harmless runs as sessions of a principal of its
own, one in a hundred of them. The pipelines stand for the principals of the harmless runs.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np

from ....models.training import Normal, baselines, fit, matrix
from ....models.turn import Turn
from .evaluate import DIRECTIONS, above
from .extract import Extract, Run
from .split import Part, Split

__all__ = ["kept"]

_SEED = 1
_FIRST_NUMBER = 10_000_000  # no run of a file has it


def kept(extract: Extract, share: float, seed: int) -> Iterator[float]:
    """For each direction the TPR at 1 % FPR on the poisoned goals, with this share of the training poisoned."""
    split = Split.of(extract.benign)
    goals = _goals(extract.attacks)
    aimed = [run for run in extract.attacks if (run.suite, run.goal) in goals]
    for direction in DIRECTIONS:
        part = Part(direction)
        clean = [run.turn(principal=run.pipeline) for run in extract.benign if split.trains(run, part)]
        pool = [run for run in aimed if split.trains(run, part)] or aimed
        turns = [*clean, *_poison(pool, round(share * len(clean) / (1 - share)))]
        known = baselines(turns)
        form = fit(Normal.of(turns, known), seed=seed)
        scores = []
        for runs in (extract.benign, aimed):
            judged = [run.turn() for run in runs if split.judges(run, part)]
            rows = matrix(judged, known, [()] * len(judged))
            scores.append(rows.highest(form.raw(rows.rows)))
        benign, attacks = scores
        yield above(attacks, np.sort(benign), 0.01)


def _goals(attacks: Sequence[Run]) -> set[tuple[str, str | None]]:
    """For each suite the goal most often reached."""
    found: dict[str, Counter[str | None]] = {}
    for run in attacks:
        found.setdefault(run.suite, Counter())[run.goal] += 1
    return {(suite, counts.most_common(1)[0][0]) for suite, counts in found.items()}


def _poison(pool: Sequence[Run], count: int) -> list[Turn]:
    """Sessions of the attacker: attacks of the pool, taken again where it has too few."""
    draw = random.Random(_SEED)  # noqa: S311  an even choice, no secret
    picked = [draw.choice(pool) for _ in range(count)]
    return [run.turn(principal="attacker", number=_FIRST_NUMBER + at) for at, run in enumerate(picked)]
