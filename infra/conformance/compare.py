"""Two sides of one scenario, run as often as it took: the same, unsteady by itself, or different. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

__all__ = ["Outcome", "Verdict", "judge", "settled"]

Outcome = tuple[tuple[str, str], ...]
"""What one run of a scenario gave: its checks with their status, sorted."""
Verdict = Literal["same", "unsteady", "different"]

_CHANCE = 0.05  # below it, runs that are odd on one side only are no accident
_MOST_ROUNDS = 10
_ENOUGH_APART = 3  # rounds without one outcome in common


def judge(direct: Sequence[Outcome], through: Sequence[Outcome]) -> Verdict:
    """Of the runs of both sides. Unsteady are sides that share outcomes and differ no more than chance would make them.

    Chance: that all the runs with an outcome the other side never had fell on one side, were the sides alike.
    """
    seen, met = set(direct), set(through)
    if seen == met and len(seen) == 1:
        return "same"
    if not seen & met:
        return "different"
    odd = min(_chance(direct, met, len(through)), _chance(through, seen, len(direct)))
    return "different" if odd < _CHANCE else "unsteady"


def settled(direct: Sequence[Outcome], through: Sequence[Outcome]) -> bool:
    """Whether further runs would not tell more."""
    rounds = min(len(direct), len(through))
    apart = not set(direct) & set(through)
    return judge(direct, through) == "same" or rounds >= (_ENOUGH_APART if apart else _MOST_ROUNDS)


def _chance(runs: Sequence[Outcome], others: set[Outcome], other_runs: int) -> float:
    odd = sum(outcome not in others for outcome in runs)
    return math.comb(len(runs), odd) / math.comb(len(runs) + other_runs, odd)
