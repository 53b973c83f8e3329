"""Figures of an evaluation: how much each set of layers finds, story by story, and whether all three find the most."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from .masks import SUBSETS, name_of
from .score import Found, Judged, found

__all__ = ["WAYS", "Evaluation", "Share", "StoryFigures", "evaluate", "pooled"]

Floats = NDArray[np.float64]
WAYS = ("score", "rules", "both")
_DRAWS = 1000
_SEED = 1


@dataclass(frozen=True, slots=True)
class Share:
    """A share of the attacks with its 95 % interval over the stories, and the share of harmless turns found beside."""

    value: float
    low: float
    high: float
    harmless: float


@dataclass(frozen=True, slots=True, kw_only=True)
class StoryFigures:
    """How often all three layers found one story, by form and by all; `rules` that matched; `by`: for each set of
    layers the share found by both ways."""

    name: str
    family: str
    seen_by: tuple[str, ...]
    verdict: str
    forms: Mapping[str, float]
    rules: tuple[str, ...]
    by: Mapping[str, float]

    @property
    def share(self) -> float:
        return self.by[name_of(SUBSETS[-1])]


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """`shares`: by set of layers and way; `kinds`: of each kind of harmless work the share that all three raise a
    finding about."""

    turns: Mapping[str, int]
    shares: Mapping[str, Mapping[str, Share]]
    stories: Sequence[StoryFigures]
    kinds: Mapping[str, float] = field(default_factory=dict)

    @property
    def invisible(self) -> list[str]:
        """The stories of which nothing was found in any form."""
        return [story.name for story in self.stories if story.share == 0]

    def best_without(self, way: str) -> tuple[str, float]:
        """The best of all sets with fewer than three layers."""
        fewer = [name_of(layers) for layers in SUBSETS[:-1]]
        best = max(fewer, key=lambda name: self.shares[name][way].value)
        return best, self.shares[best][way].value

    def holds(self, way: str) -> bool:
        """Whether all three layers find more than any fewer do."""
        return self.shares[name_of(SUBSETS[-1])][way].value > self.best_without(way)[1]


def evaluate(judged: Iterable[Sequence[Judged]]) -> Evaluation:
    """Of what judge_all() says, seeds averaged."""
    each = {name_of(of_seeds[0].layers): [found(one) for one in of_seeds] for of_seeds in judged}
    whole = each[name_of(SUBSETS[-1])]
    truths, attacked = whole[0].judged.truths, whole[0].judged.attacked
    counts = {"harmless": int((~attacked).sum()), "attacks": int(attacked.sum())}
    return Evaluation(
        turns=counts,
        shares={name: {way: _share(of_seeds, way) for way in WAYS} for name, of_seeds in each.items()},
        stories=_stories(each),
        kinds=_by_key([truth.kind for truth in truths], _mean(whole, "both"), ~attacked),
    )


def pooled(folds: Sequence[Judged]) -> dict[str, Share]:
    """By each way, over judgements that were asked about different attacks, each within its own budget."""
    each = [found(one) for one in folds]
    stories = [truth.story for one in folds for truth in one.truths if truth.story]
    made = {}
    for way in WAYS:
        sides = [(getattr(one, f"by_{way}"), one.judged.attacked) for one in each]
        hits = np.concatenate([how[attacked] for how, attacked in sides]).astype(np.float64)
        harmless = np.mean([how[~attacked].mean() for how, attacked in sides])
        low, high = _interval(list(_groups(stories, hits, np.ones(len(hits), dtype=np.bool_)).values()))
        made[way] = Share(float(hits.mean()), low, high, float(harmless))
    return made


def _mean(of_seeds: Sequence[Found], way: str) -> Floats:
    """For each judged turn in how many of the seeds it was found."""
    return np.asarray(np.mean([getattr(one, f"by_{way}") for one in of_seeds], axis=0), dtype=np.float64)


def _share(of_seeds: Sequence[Found], way: str) -> Share:
    hits, attacked = _mean(of_seeds, way), of_seeds[0].judged.attacked
    stories = [truth.story for truth in of_seeds[0].judged.truths]
    low, high = _interval(list(_groups(stories, hits, attacked).values()))
    return Share(float(hits[attacked].mean()), low, high, float(hits[~attacked].mean()))


def _interval(groups: Sequence[Floats]) -> tuple[float, float]:
    """Of the mean, by drawing whole stories with replacement: turns of one story are not independent."""
    draws = np.random.default_rng(_SEED).integers(0, len(groups), (_DRAWS, len(groups)))
    sums, sizes = np.array([group.sum() for group in groups]), np.array([len(group) for group in groups])
    means = sums[draws].sum(axis=1) / sizes[draws].sum(axis=1)
    return float(np.quantile(means, 0.025)), float(np.quantile(means, 0.975))


def _groups(keys: Sequence[str], values: Floats, chosen: NDArray[np.bool_]) -> dict[str, Floats]:
    grouped: dict[str, list[float]] = defaultdict(list)
    for key, value, wanted in zip(keys, values, chosen, strict=True):
        if wanted:
            grouped[key].append(float(value))
    return {key: np.array(group) for key, group in grouped.items()}


def _by_key(keys: Sequence[str], values: Floats, chosen: NDArray[np.bool_]) -> dict[str, float]:
    return {key: float(group.mean()) for key, group in sorted(_groups(keys, values, chosen).items())}


def _stories(each: Mapping[str, Sequence[Found]]) -> list[StoryFigures]:
    whole = each[name_of(SUBSETS[-1])]
    judged = whole[0].judged
    names = [truth.story for truth in judged.truths]
    by_layers = {name: _by_key(names, _mean(seeds, "both"), judged.attacked) for name, seeds in each.items()}
    hits = _mean(whole, "both")
    first = {truth.story: truth for truth in judged.truths if truth.story}
    return [
        StoryFigures(
            name=name,
            family=truth.family,
            seen_by=truth.seen_by,
            verdict=truth.verdict,
            forms=_by_key([one.form for one in judged.truths], hits, np.array([story == name for story in names])),
            rules=_rules(judged, name),
            by={layers: shares[name] for layers, shares in by_layers.items()},
        )
        for name, truth in sorted(first.items(), key=lambda item: (item[1].family, item[0]))
    ]


def _rules(judged: Judged, story: str) -> tuple[str, ...]:
    told = [rules for truth, rules in zip(judged.truths, judged.rules, strict=True) if truth.story == story]
    return tuple(sorted({rule for rules in told for rule in rules}))
