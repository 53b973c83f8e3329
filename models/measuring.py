"""Numbers of one turn that were worked out before, kept while the turn grows. They change no answer, only its price."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from . import baseline as base
from .baseline import BaselineView
from .features_protocol import Moment
from .turn import Turn

__all__ = ["Measures"]

Rows = NDArray[np.float64]
T = TypeVar("T")
_Around = tuple[object, ...]


@dataclass(slots=True, eq=False)
class Measures:
    """Of one turn. A view's counts of a key must not change once they were asked for; its totals may."""

    _values: dict[str, tuple[_Around, list[float]]] = field(default_factory=dict)
    _scored: tuple[object, Rows, Rows] | None = None
    _done: dict[Hashable, tuple[_Around, Any]] = field(default_factory=dict)

    def once(self, what: Hashable, turn: Turn, views: Mapping[str, BaselineView], work: Callable[[], T]) -> T:
        """What `work` says of the turn as it is now; asked again only when its records or its servers' totals changed.
        `what` tells works of one turn apart."""
        around = (turn.calls, turn.spans, *((view.sessions, view.principals) for view in views.values()))
        kept = self._done.get(what)
        if kept is None or kept[0] != around:
            kept = self._done[what] = around, work()
        result: T = kept[1]
        return result

    def of(self, moment: Moment, measure: Callable[[Moment], list[float]]) -> list[float]:
        """What `measure` says of a call. Asked again only when the call, what led to it or who told of it changed."""
        around, call_id = _around(moment), moment.call.call_id
        kept = self._values.get(call_id)
        if kept is None or kept[0] != around:
            kept = self._values[call_id] = around, measure(moment)
        return kept[1]

    def keep_only(self, calls: frozenset[str]) -> None:
        """Forget the calls that the turn forgot."""
        for gone in self._values.keys() - calls:
            del self._values[gone]

    def raw(self, rows: Rows, score: Callable[[Rows], Rows]) -> Rows:
        """`score(rows)`, where each row is scored by itself. Rows that were scored by the same before are not again."""
        if self._scored is None:
            self._scored = score, rows, score(rows)
            return self._scored[2]
        known = np.full(len(rows), np.nan)
        if self._scored[0] == score:
            before, scores = self._scored[1:]
            most = min(len(before), len(rows))
            same = np.all((rows[:most] == before[:most]) | (np.isnan(rows[:most]) & np.isnan(before[:most])), axis=1)
            known[:most][same] = scores[:most][same]
        fresh = np.isnan(known)
        if fresh.any():
            known[fresh] = score(rows[fresh])
        self._scored = score, rows, known
        return known


def _around(moment: Moment) -> _Around:
    """Everything that the values of a call depend on."""
    actions = base.actions_before(moment.turn.calls, moment.index)
    totals = (moment.view.sessions, moment.view.principals)
    return moment.call, actions, moment.carried, moment.after_write, totals, moment.turn.spans
