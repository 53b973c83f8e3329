"""From a score to a false-positive budget: how often would something normal score at least this high?

The body is the empirical distribution of left-out normal turns; beyond it an exponential tail goes on, cautiously while
the turns are few. `risk = min(100, 25 * -log10 p)`: 50 is one in a hundred turns, 75 one in a thousand.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from .errors import TriptychError
from .kernels import Kernels, fastest

__all__ = ["FLOOR", "Calibration", "CalibrationError", "Tails", "risk_of"]

Floats = NDArray[np.float64]
FLOOR = 1e-6
_TAIL = 0.1  # share of the normal scores that shapes the tail
_LEAST = 8  # scores that shape it at least, where there are twice as many
_GENTLEST = 0.25  # no tail falls faster than this share of the spread, however equal the scores


class CalibrationError(TriptychError):
    """Normal scores that calibrate nothing: M04."""

    code = "M04"


@dataclass(frozen=True, slots=True, eq=False)
class Calibration:
    """`scores` of normal turns, sorted, finite, at least one."""

    scores: Floats

    def __post_init__(self) -> None:
        if self.scores.ndim != 1 or not len(self.scores) or not np.isfinite(self.scores).all():
            raise CalibrationError(f"calibration needs finite scores in one row, not {self.scores.shape}")
        if (np.diff(self.scores) < 0).any():
            raise CalibrationError("calibration scores are not sorted")

    @classmethod
    def of(cls, scores: Floats) -> Calibration:
        return cls(np.sort(scores))

    def p(self, score: float) -> float:
        """Share of normal turns expected to score at least `score`, from 1 down to 1e-6.

        p = (1 + #{normal >= score}) / (n + 1) inside the observed scores; beyond the largest the smaller of that and an
        exponential tail over the upper tenth (peaks over threshold with shape 0), its scale the mean excess enlarged by
        one standard error.
        """
        n = len(self.scores)
        above = n - int(np.searchsorted(self.scores, score - 1e-12))
        empirical = (1 + above) / (n + 1)
        if above:
            return empirical
        threshold, share, scale = self._tail()
        return max(min(empirical, share * math.exp(-(score - threshold) / scale)), FLOOR)

    def _tail(self) -> tuple[float, float, float]:
        """Threshold, share of scores above it, scale."""
        n = len(self.scores)
        count = max(math.ceil(_TAIL * n), min(_LEAST, math.ceil(n / 2)))
        threshold = float(self.scores[-count - 1]) if count < n else float(self.scores[0])
        excess = float(np.mean(self.scores[-count:] - threshold))
        least = _GENTLEST * max(float(np.std(self.scores)), 1e-3)
        return threshold, count / n, max(excess * (1 + 1 / math.sqrt(count)), least)


@dataclass(frozen=True, slots=True, eq=False)
class Tails:
    """For each feature the sorted values of left-out normal rows (NaN behind them), and the grain of one more halving.

    `ordered` has shape (rows, features), `grain` (features,).
    """

    ordered: Floats
    grain: Floats
    kernels: Kernels = field(default_factory=fastest)
    _columns: Floats = field(init=False, repr=False)
    _starts: NDArray[np.int32] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        columns = [column[~np.isnan(column)] for column in self.ordered.T]
        object.__setattr__(self, "_columns", np.concatenate([*columns, np.empty(0)]))
        object.__setattr__(self, "_starts", np.cumsum([0, *map(len, columns)], dtype=np.int32))

    @classmethod
    def of(cls, rows: Floats, grain: Floats) -> Tails:
        return cls(np.sort(rows, axis=0), grain)

    def surprise(self, rows: Floats) -> Floats:
        """-ln of each value's right-tail share, going on beyond the largest by ln 2 a grain, at most 8 grains; 0 where
        the value or everything to compare it with is missing. Shape as `rows`."""
        rows = np.ascontiguousarray(rows, dtype=np.float64)
        return self.kernels.surprise(rows, self._columns, self._starts, self.grain)


def risk_of(p: float) -> float:
    """0 to 100; every 25 is ten times rarer."""
    return min(100.0, max(0.0, -25 * math.log10(max(p, FLOOR))))
