"""How unusual a turn is for its servers: a calibrated risk, the layers it comes from, and reasons in words.

A server that is still being learned gives no verdict by score: its risk is capped and never alerts alone. Rules stand
beside this number, never inside it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from .baseline import BaselineView
from .calibration import risk_of
from .events import Layer, LearningState, Reason, Score
from .features import FEATURES, measured, rows
from .features_protocol import view_of
from .form import Form, layer_surprise
from .measuring import Measures
from .model import Model
from .reasons import facts
from .sight import seen_with, sight_of
from .turn import Turn
from .updates import updates

__all__ = ["EXPLAINED", "LEARNING_CAP", "Judgement", "judge", "state_of"]

LEARNING_CAP = 40.0
EXPLAINED = 25.0
_MOST_FEATURES = 6
_MOST_NEWS = 2
_LEAST_WEIGHT = 0.04
_RARE = math.log(5)
_STATES: tuple[LearningState, ...] = ("learning", "provisional", "active")


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the model says of a turn. `layers`: the risk of each layer that was looking, from its own features only;
    an explanation, not a part of the score. Below EXPLAINED there is nothing to explain."""

    score: Score
    reasons: tuple[Reason, ...] = ()
    layers: Mapping[Layer, float] = field(default_factory=dict)

    def alerts(self, threshold: float) -> bool:
        """Whether the score alone makes a finding."""
        return self.score.state != "learning" and self.score.risk >= threshold


def judge(
    model: Model, turn: Turn, views: Mapping[str, BaselineView], measures: Measures | None = None
) -> Judgement | None:
    """The judgement of the most unusual moment of the turn; None where it has no action to measure. `measures`
    remembers the turn as it was, and changes no number."""
    measures = Measures() if measures is None else measures
    return measures.once(model, turn, views, lambda: _judged(model, turn, views, measures))


def _judged(model: Model, turn: Turn, views: Mapping[str, BaselineView], measures: Measures) -> Judgement | None:
    news = updates(turn.calls, views)
    turn = measured(turn)
    if not turn.calls:
        return None
    sight = model.sight(sight_of(turn.calls))
    form, turn = model.forms[sight], seen_with(turn, sight)
    moments = measures.once("rows", turn, views, lambda: rows(turn, views, measures))
    raw = measures.raw(moments, form.raw)
    worst = int(np.argmax(raw))
    p = form.p(float(raw[worst]), form.new_tasks(turn.servers))
    state = state_of(turn, views, updated=bool(news))
    score = Score(
        risk=round(min(risk_of(p), LEARNING_CAP if state == "learning" else 100.0), 2),
        p=p,
        calibration_size=len(form.calibration.scores),
        state=state,
        model_id=model.manifest.model_id,
        feature_set=f"{model.manifest.feature_set}/{model.manifest.feature_hash}",
    )
    if score.risk < EXPLAINED:
        return Judgement(score)
    row = moments[worst]
    after = (Reason(fact=fact, layer="protocol") for fact in news[:_MOST_NEWS])
    return Judgement(score, (*_reasons(form, row, turn, worst, views), *after), _layers(form, row))


def state_of(turn: Turn, views: Mapping[str, BaselineView], *, updated: bool = False) -> LearningState:
    """The least learned of the servers of a turn; after an update none is more than provisional."""
    states = [view_of(call, views).state for call in turn.calls]
    if updated:
        states.append("provisional")
    return min(states, key=_STATES.index, default="learning")


def _layers(form: Form, row: NDArray[np.float64]) -> dict[Layer, float]:
    found = layer_surprise(form.tails, row.reshape(1, -1))
    present = {layer: float(value[0]) for layer, value in found.items() if not np.isnan(value[0])}
    return {
        layer: round(risk_of(form.layers[layer].p(value)), 2)
        for layer, value in present.items()
        if layer in form.layers
    }


def _reasons(
    form: Form, row: NDArray[np.float64], turn: Turn, upto: int, views: Mapping[str, BaselineView]
) -> Iterator[Reason]:
    """The features that carry the score, strongest first, as facts. The weights of the features add up to 1 at most."""
    weights = _weights(form, row)
    told: set[str] = set()
    for at in np.argsort(-weights, kind="stable")[:_MOST_FEATURES]:
        if weights[at] < _LEAST_WEIGHT:
            return
        feature = FEATURES[at]
        for fact in facts(feature.name, turn, upto, views):
            if fact not in told:
                told.add(fact)
                yield Reason(fact=fact, layer=feature.layer, weight=round(float(weights[at]), 4))


def _weights(form: Form, row: NDArray[np.float64]) -> NDArray[np.float64]:
    """Share of each feature in the score: the mean of its shares in the forest and in the tails. A value that one
    normal moment in five reaches too speaks for nothing."""
    filled = form.filled(row)
    surprise = form.tails.surprise(row.reshape(1, -1))[0]
    rare = (filled > form.fill) & (surprise > _RARE)
    shares = [
        np.where(rare, np.maximum(part, 0.0), 0.0)
        for part in (form.forest.attribute(filled), surprise / form.spread[1:])
    ]
    weights: NDArray[np.float64] = np.mean([share / max(float(share.sum()), 1e-12) for share in shares], axis=0)
    return weights
