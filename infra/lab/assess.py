"""Everything that is measured of one data set, in the order of what it costs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from .figures import Evaluation, Share, evaluate, pooled
from .masks import SUBSETS, name_of
from .score import Judged, Split, judge_all, split
from .shipped import Shipped, judged_as_shipped
from .stories import Story
from .turns import labelled
from .variations import Grown, Poisoned, grown, held_out, poisoned

__all__ = ["Assessment", "assess"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Assessment:
    """`calls`: of the harmless turns that were judged; `held_out`: by set of layers and way, each family judged by who
    was taught nothing of its kinds of work. The last four are empty where only the first was asked for."""

    evaluation: Evaluation
    calls: int
    held_out: Mapping[str, Mapping[str, Share]]
    grown: Sequence[Grown]
    poisoned: Sequence[Poisoned]
    shipped: Shipped | None

    def false_in_thousand(self, share: float) -> float:
        """Findings per 1,000 harmless calls, where this share of the harmless turns is found."""
        return 1000 * share * self.evaluation.turns["harmless"] / max(self.calls, 1)


def assess(
    folder: Path, stories: Sequence[Story], seeds: Sequence[int], tell: Callable[[str], None], *, whole: bool = True
) -> Assessment:
    """Of the data set in a folder. Raises LabError Y03, TriptychError of the replay."""
    tell("joining the recording")
    parts = split(labelled(folder))
    judged = list(judge_all(parts, seeds=seeds, tell=tell))
    evaluation, calls = evaluate(judged), sum(len(one.turn.calls) for one in parts.harmless)
    if not whole:
        return Assessment(evaluation=evaluation, calls=calls, held_out={}, grown=(), poisoned=(), shipped=None)
    return Assessment(
        evaluation=evaluation,
        calls=calls,
        held_out=_held_out(parts, _work(stories), tell),
        grown=list(grown(parts, tell)),
        poisoned=list(poisoned(parts, _all_three(judged), tell)),
        shipped=judged_as_shipped(folder, parts, tell),
    )


def _held_out(
    parts: Split, work: Mapping[str, frozenset[str]], tell: Callable[[str], None]
) -> dict[str, dict[str, Share]]:
    folds = held_out(parts, work, tell)
    return {name_of(layers): pooled(of_folds) for layers, of_folds in zip(SUBSETS, folds, strict=True)}


def _all_three(judged: Sequence[Sequence[Judged]]) -> Judged:
    return judged[-1][0]


def _work(stories: Sequence[Story]) -> dict[str, frozenset[str]]:
    """The kinds of honest work that each family's stories are like."""
    kinds: dict[str, set[str]] = defaultdict(set)
    for story in stories:
        kinds[story.family].update(story.like)
    return {family: frozenset(found) for family, found in kinds.items()}
