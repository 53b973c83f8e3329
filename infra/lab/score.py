"""How much of the attacks each set of layers finds: by score at a false-positive budget, by rules, and by both.

The first half of the harmless sessions teaches, per set of layers, baselines and a model; the second half and all
attacks are judged. Everything that judges is the product's own.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...models.baseline import Baseline
from ...models.calibration import FLOOR
from ...models.detections.engine import Hit, Rulebook
from ...models.events import Severity
from ...models.features import measured, rows
from ...models.model import Model
from ...models.sight import seen_with, sight_of
from ...models.training import TrainingError, baselines, train, views_of
from ...models.turn import Turn
from .errors import LabError
from .masks import SUBSETS, name_of, seen_by
from .turns import Labelled, Truth

__all__ = ["BUDGET", "Found", "Judged", "Split", "found", "judge", "judge_all", "split"]

Floats = NDArray[np.float64]
BUDGET = 0.01
"""The share of harmless turns that may raise a finding."""
_LOUD: frozenset[Severity] = frozenset({"high", "critical"})
"""Of these severities a rule is a finding by itself."""
_LEAST = 50


@dataclass(frozen=True, slots=True)
class Split:
    """Turns that teach, harmless turns to judge, and attacks."""

    normal: Sequence[Labelled]
    harmless: Sequence[Labelled]
    attacks: Sequence[Labelled]


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """What one set of layers says of each judged turn. `scores`: -inf where nothing was measured; `rules`: the loud
    ones that matched; `evidence`: the risk by score, not capped at 100, and the highest of any rule, added."""

    layers: tuple[str, ...]
    truths: Sequence[Truth]
    scores: Floats
    rules: Sequence[tuple[str, ...]]
    evidence: Floats

    @property
    def attacked(self) -> NDArray[np.bool_]:
        return np.array([bool(truth.story) for truth in self.truths])


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """Which of the judged turns are findings at the budget: by score, by rules (whatever that costs), by both."""

    judged: Judged
    by_score: NDArray[np.bool_]
    by_rules: NDArray[np.bool_]
    by_both: NDArray[np.bool_]

    def share(self, how: NDArray[np.bool_], *, of_attacks: bool) -> float:
        """Of the attacks, or of the harmless turns, how many are findings."""
        return float(how[self.judged.attacked == of_attacks].mean())


def split(turns: Sequence[Labelled]) -> Split:
    """By sessions in the order of their beginning. Raises LabError Y03 where too little is left on a side.

    Honest turns of a session that turns bad neither teach nor count: they are honest, but their server may not be.
    """
    attacks = [one for one in turns if one.truth.story]
    tainted = {one.truth.conversation for one in attacks}
    harmless = [one for one in turns if one.truth.conversation not in tainted]
    order = list(dict.fromkeys(one.truth.conversation for one in harmless))
    first = set(order[: len(order) // 2])
    made = Split(
        [one for one in harmless if one.truth.conversation in first],
        [one for one in harmless if one.truth.conversation not in first],
        attacks,
    )
    if min(len(made.normal), len(made.harmless)) < _LEAST or not attacks:
        counts = f"{len(made.normal)} turns to learn from, {len(made.harmless)} harmless, {len(attacks)} attacks"
        raise LabError(f"too little to judge: {counts}", f"at least {_LEAST}, {_LEAST} and 1", code="Y03")
    return made


def judge_all(
    parts: Split,
    *,
    subsets: Sequence[tuple[str, ...]] = SUBSETS,
    seeds: Sequence[int] = (0,),
    tell: Callable[[str], None] = lambda _: None,
) -> Iterator[list[Judged]]:
    """For every set of layers what it says, once for each seed of its forest."""
    rules = Rulebook.load()
    for layers in subsets:
        tell(name_of(layers))
        yield judge(parts, layers, rules, seeds)


def judge(parts: Split, layers: tuple[str, ...], rules: Rulebook, seeds: Sequence[int]) -> list[Judged]:
    """What one set of layers says, once for each seed. Where too few turns teach, no score tells anything apart."""
    normal = [seen_by(one.turn, layers) for one in parts.normal]
    known = baselines([turn for turn in normal if turn.calls])
    judged = [*parts.harmless, *parts.attacks]
    turns = [seen_by(one.turn, layers) for one in judged]
    truths = [one.truth for one in judged]
    hits = [_hits(rules, (turn, *_beside(one, layers)), known) for turn, one in zip(turns, judged, strict=True)]
    loud = [tuple(dict.fromkeys(hit.rule.id for hit in found if hit.severity in _LOUD)) for found in hits]
    alarm = np.array([max((hit.risk for hit in found), default=0.0) for found in hits])
    made = []
    for seed in seeds:
        scores, risks = _scores(_trained(normal, seed), turns, known)
        made.append(Judged(layers, truths, scores, loud, risks + alarm))
    return made


def _trained(normal: Sequence[Turn], seed: int) -> Model | None:
    try:
        return train(normal, seed=seed)
    except TrainingError:
        return None


def _beside(one: Labelled, layers: tuple[str, ...]) -> Iterator[Turn]:
    return (seen_by(turn, layers) for turn in one.besides)


def _hits(rules: Rulebook, turns: Iterable[Turn], known: Mapping[str, Baseline]) -> list[Hit]:
    """What matched a turn, or what its servers did beside it."""
    return [hit for turn in turns for hit in rules.evaluate(turn, views_of(turn, known)).hits]


def _scores(model: Model | None, turns: Sequence[Turn], known: Mapping[str, Baseline]) -> tuple[Floats, Floats]:
    """The scores, and the risk that each means."""
    if model is None:
        return np.full(len(turns), -math.inf), np.zeros(len(turns))
    pairs = np.array([_score(model, measured(turn), known) for turn in turns])
    return pairs[:, 0], pairs[:, 1]


def _score(model: Model, turn: Turn, known: Mapping[str, Baseline]) -> tuple[float, float]:
    """The highest score of a turn's moments, by the form for what was told of it, and its risk."""
    if not turn.calls:
        return -math.inf, 0.0
    sight = model.sight(sight_of(turn.calls))
    turn = seen_with(turn, sight)
    form = model.forms[sight]
    score = float(form.raw(rows(turn, views_of(turn, known))).max())
    return score, -25 * math.log10(max(form.p(score, form.new_tasks(turn.servers)), FLOOR))


def found(judged: Judged, budget: float = BUDGET) -> Found:
    """Findings within the budget. By both: the turns with the most evidence, so rules that match the honest cost budget
    too."""
    by_rules = np.array([bool(rules) for rules in judged.rules])
    honest = ~judged.attacked
    return Found(judged, _above(judged.scores, honest, budget), by_rules, _above(judged.evidence, honest, budget))


def _above(scores: Floats, honest: NDArray[np.bool_], budget: float) -> NDArray[np.bool_]:
    """Who scores above all but that share of the honest."""
    ordered = np.sort(scores[honest])
    return np.asarray(scores > ordered[math.ceil((1 - budget) * len(ordered)) - 1])
