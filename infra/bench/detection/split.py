"""Who trains and who is judged: pipelines of one group of model families against those of the other, tasks in folds.

The groups are those of the published gates, GPT and Command R against the rest, where a file has runs of both; else its
families, or the pipelines of its only family, dealt into two groups of about equal size.
"""

from __future__ import annotations

import random
import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..errors import BenchError
from .extract import Run

__all__ = ["FOLDS", "Part", "Split"]

FOLDS = 5
_FIRST = frozenset({"gpt", "command"})
_SEED = 1


@dataclass(frozen=True, slots=True)
class Part:
    """The group that trains, and the fold of tasks it must not know; without one it may know all."""

    direction: int
    fold: int | None = None


@dataclass(frozen=True, slots=True)
class Split:
    """For each pipeline its group, for each suite and task its fold."""

    groups: Mapping[str, int]
    folds: Mapping[tuple[str, str], int]

    @classmethod
    def of(cls, benign: Sequence[Run]) -> Split:
        """Raises BenchError B03 where one pipeline is all there is."""
        return cls(_groups(benign), _folds(benign))

    def trains(self, run: Run, part: Part) -> bool:
        known = part.fold is None or self.folds[run.suite, run.task] != part.fold
        return known and self.groups[run.pipeline] == part.direction

    def judges(self, run: Run, part: Part) -> bool:
        """Whether the other group made the run. An attack by a pipeline without harmless runs judges nothing."""
        held_out = part.fold is None or self.folds.get((run.suite, run.task)) == part.fold
        return held_out and self.groups.get(run.pipeline) == 1 - part.direction


def _groups(benign: Sequence[Run]) -> dict[str, int]:
    sizes = Counter(run.pipeline for run in benign)
    family = {name: _family(name) for name in sizes}
    fixed = {name: int(family[name] not in _FIRST) for name in sizes}
    if len(set(fixed.values())) == 2:
        return fixed
    units = family if len(set(family.values())) > 1 else {name: name for name in sizes}
    if len(set(units.values())) < 2:
        raise BenchError("runs of one pipeline only: nobody is left to be judged", "add runs of another", code="B03")
    return _dealt(units, sizes)


def _folds(benign: Sequence[Run]) -> dict[tuple[str, str], int]:
    """Every fold has tasks of every suite."""
    tasks: dict[str, set[str]] = defaultdict(set)
    for run in benign:
        tasks[run.suite].add(run.task)
    dealt: dict[tuple[str, str], int] = {}
    for suite in sorted(tasks):
        order = sorted(tasks[suite])
        random.Random(_SEED).shuffle(order)  # noqa: S311  an even deal, no secret
        dealt |= {(suite, task): at % FOLDS for at, task in enumerate(order)}
    return dealt


def _family(pipeline: str) -> str:
    """The first word of a pipeline's name."""
    found = re.match(r"[a-z]+", pipeline.lower())
    return found[0] if found else pipeline


def _dealt(units: Mapping[str, str], sizes: Counter[str]) -> dict[str, int]:
    """Units in two groups, the largest first, each to the smaller group."""
    weights: Counter[str] = Counter()
    for name, unit in units.items():
        weights[unit] += sizes[name]
    totals, group = [0, 0], {}
    for unit, weight in sorted(weights.items(), key=lambda item: (-item[1], item[0])):
        group[unit] = int(totals[1] < totals[0])
        totals[group[unit]] += weight
    return {name: group[unit] for name, unit in units.items()}
