"""What is measured of a turn, relative to what its servers normally do: one row of numbers after each call.

Every number speaks of novelty, effect and origin together; each higher value is more unusual. A layer that was not
watching gives NaN, never 0: nothing seen and nothing looked at are different answers.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, cast

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

FEATURE_SET = "v4"


@dataclass(frozen=True, slots=True)
class Feature:
    """One column, from 0 to `high`. `fold` says how the calls of a turn add up, `unit` `log` is log2(1 + n); `grain` is
    the smallest step beyond everything seen that counts as another halving of its rarity. One that stands `apart` is
    hardly ever anything but 0: it is heard in units of its own spread, and would drown in that of its layer."""

    name: str
    layer: Layer
    unit: Unit
    high: float
    fold: Fold
    grain: float
    meaning: str
    apart: bool = False


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
    Feature("new_statements", "protocol", "log", 16, "sum", 1, "kinds of SQL on tables, new for the tool", apart=True),
    Feature("new_habits", "protocol", "log", 16, "sum", 1, "tools that others use, new for the principal", apart=True),
    Feature("new_paths", "execution", "log", 16, "sum", 1, "directories never opened by the tool"),
    Feature("secret_opens", "execution", "log", 16, "sum", 1, "sensitive files opened, named by no argument"),
    Feature("new_destinations", "execution", "log", 16, "sum", 1, "outside addresses new for the tool, not wished for"),
    Feature("new_doors", "execution", "log", 16, "sum", 1, "inside addresses and listening sockets new for the tool"),
    Feature("changed_files", "execution", "bits", 96, "max", 2, "files written, renamed, removed: rarity of so many"),
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
    return cast(Rows, np.minimum(np.maximum(_folded(each), 0.0), _HIGH))


def _folded(each: Rows) -> Rows:
    """The running values of all columns; calls that could not tell leave them as they were, NaN until one could."""
    if len(each) == 1:  # as in most turns
        return np.where(_LOG, np.log2(1 + each), each)
    told = ~np.isnan(each)
    running = np.cumsum(np.where(told, each, 0.0), axis=0)
    running[:, _MEAN] /= np.maximum(np.cumsum(told[:, _MEAN], axis=0), 1)
    running[:, _MAX] = np.fmax.accumulate(each[:, _MAX], axis=0)
    running[:, _LOG] = np.log2(1 + running[:, _LOG])
    return np.where(np.logical_or.accumulate(told, axis=0), running, np.nan)


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
_MAX, _MEAN = (np.array([feature.fold == fold for feature in FEATURES]) for fold in ("max", "mean"))
_LOG = np.array([feature.unit == "log" for feature in FEATURES])
