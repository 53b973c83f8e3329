"""What is measured of a turn, relative to what its servers normally do: one row of numbers after each call.

Every number speaks of novelty, effect and origin together; each higher value is more unusual. A layer that was not
watching gives NaN, never 0: nothing seen and nothing looked at are different answers.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from . import baseline as base
from .baseline import BaselineView
from .events import Layer
from .features_execution import execution, is_unannounced
from .features_protocol import Moment, moments, protocol
from .measuring import Measures
from .turn import Turn

__all__ = ["FEATURES", "FEATURE_HASH", "FEATURE_SET", "NAMES", "Feature", "Rows", "measured", "rows"]

Rows = NDArray[np.float64]
Fold = Literal["max", "sum", "mean"]
Unit = Literal["bits", "share", "log"]

FEATURE_SET = "v3"


@dataclass(frozen=True, slots=True)
class Feature:
    """One column, from 0 to `high`. `fold` says how the calls of a turn add up, `unit` `log` is log2(1 + n); `grain` is
    the smallest step beyond everything seen that counts as another halving of its rarity."""

    name: str
    layer: Layer
    unit: Unit
    high: float
    fold: Fold
    grain: float
    meaning: str


FEATURES = (
    Feature("unprompted_source", "protocol", "bits", 64, "max", 2, "of an unprompted write: how rare its origins are"),
    Feature("unprompted_order", "protocol", "bits", 64, "max", 2, "of an unprompted write: -log2 P(tool | two before)"),
    Feature("unprompted_size", "protocol", "bits", 96, "max", 2, "of an unprompted write: rarity of its size"),
    Feature("unprompted_alone", "protocol", "share", 1, "max", 1, "1 where it shares no value with an earlier call"),
    Feature("write_alone", "protocol", "share", 1, "max", 1, "the same, of any write"),
    Feature("acting_new_values", "protocol", "share", 1, "max", 0.5, "of an acting call: new at their place, returned"),
    Feature("acting_foreign_values", "protocol", "share", 1, "max", 0.5, "the same, new on the whole server"),
    Feature("sent_values", "protocol", "log", 16, "sum", 1, "new values sent without writing, not from the prompt"),
    Feature("new_values", "protocol", "share", 1, "max", 0.5, "of a call: values new on the whole server"),
    Feature("read_after_write", "protocol", "share", 1, "max", 1, "1 where a call reads after a write"),
    Feature("mean_surprise", "protocol", "bits", 64, "mean", 2, "-log2 P(tool | the two actions before), backed off"),
    Feature("new_paths", "execution", "log", 16, "sum", 1, "directories never opened by the tool"),
    Feature("secret_opens", "execution", "log", 16, "sum", 1, "sensitive files opened, named by no argument"),
    Feature("new_destinations", "execution", "log", 16, "sum", 1, "outside addresses new for the tool"),
    Feature("sent_outside", "execution", "bits", 96, "max", 4, "bytes out: rarity, and doublings beyond the known"),
    Feature("new_children", "execution", "log", 16, "sum", 1, "programs never started by the tool"),
    Feature("undeclared_actions", "execution", "log", 16, "sum", 1, "new writes and contacts, named by no argument"),
    Feature("unannounced_calls", "agent", "log", 16, "sum", 1, "calls the agent's own spans do not tell of"),
)
NAMES = tuple(feature.name for feature in FEATURES)
FEATURE_HASH = hashlib.sha256(repr((FEATURE_SET, FEATURES)).encode()).hexdigest()[:16]


def measured(turn: Turn) -> Turn:
    """The turn with only the calls that are measured."""
    return Turn(turn.key, tuple(filter(base.is_action, turn.calls)), turn.spans)


def rows(turn: Turn, views: Mapping[str, BaselineView], measures: Measures | None = None) -> Rows:
    """One row for each call of a measured() turn: the turn up to and with it. Shape (calls, features), NaN where
    nothing looked. `measures` remembers the turn as it was, and changes no number."""
    measures = Measures() if measures is None else measures
    measures.keep_only(frozenset(call.call_id for call in turn.calls))
    each = np.array([measures.of(moment, _measure) for moment in moments(turn, views)], dtype=np.float64)
    each = each.reshape(len(turn.calls), len(FEATURES))
    columns = [_folded(feature, each[:, at]) for at, feature in enumerate(FEATURES)]
    return np.clip(np.stack(columns, axis=1), 0.0, _HIGH)


def _folded(feature: Feature, column: Rows) -> Rows:
    """The running value of one column; calls that could not tell leave it as it was, NaN until one could."""
    told = ~np.isnan(column)
    seen = np.cumsum(told)
    if feature.fold == "max":
        running = np.fmax.accumulate(column)
    else:
        running = np.cumsum(np.where(told, column, 0.0))
        if feature.fold == "mean":
            running = running / np.maximum(seen, 1)
    if feature.unit == "log":
        running = np.log2(1 + running)
    return np.where(seen > 0, running, np.nan)


def _measure(moment: Moment) -> list[float]:
    """The values of one call, in the order of FEATURES."""
    call, spans = moment.call, moment.turn.spans
    values = dict.fromkeys(NAMES, math.nan)
    if call.coverage.protocol:
        values |= protocol(moment)
    if call.coverage.execution:
        values |= execution(call, moment.view)
    if spans and call.coverage.protocol:
        values["unannounced_calls"] = float(is_unannounced(call, spans))
    return list(values.values())


_HIGH = np.array([feature.high for feature in FEATURES])
