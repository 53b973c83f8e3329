"""Contenders in turn, round after round: what disturbs the machine disturbs all of them, and medians forget it."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

__all__ = ["interleaved", "median", "percentile"]

T = TypeVar("T")


def interleaved(
    contenders: Mapping[str, Callable[[], T]], rounds: int, tell: Callable[[str], None]
) -> list[Mapping[str, T]]:
    """The results of each round by name. Each round begins with the next contender, so none always goes first."""
    names = list(contenders)
    results: list[Mapping[str, T]] = []
    for number in range(rounds):
        tell(f"round {number + 1} of {rounds}")
        first = number % len(names)
        results.append({name: contenders[name]() for name in (*names[first:], *names[:first])})
    return results


def median(rounds: Sequence[T], figure: Callable[[T], float]) -> float:
    """The median over rounds of a figure that is taken within each."""
    return statistics.median(map(figure, rounds))


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that `share` of all do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]
