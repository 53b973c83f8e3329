"""A threshold that moves with the stream: what is rare in training must be rare among the latest turns too.

Between two trainings users change what they do. Where more turns look unusual than the model expects, each of them is
less unusual; the other way round nothing is made worse.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable

import numpy as np

from .calibration import Calibration
from .errors import ConfigError

__all__ = ["LEAST", "WINDOW", "Latest", "Rolling"]

WINDOW, LEAST = 500, 100


class Rolling:
    """The p of the latest normal turns of one server, oldest first. What analysts confirmed as an attack stays out."""

    def __init__(self, latest: Iterable[float] = (), *, window: int = WINDOW, least: int = LEAST) -> None:
        if not 1 <= least <= window:
            raise ConfigError(f"a window of {window} turns never holds the {least} it needs", "lower least")
        self._surprises = deque(map(_surprise, latest), maxlen=window)
        self._least = least
        self._calibration: Calibration | None = None

    def add(self, p: float) -> None:
        self._surprises.append(_surprise(p))
        self._calibration = None

    def p(self, p: float) -> float:
        """The p of a turn in the light of the latest ones: never below `p`, and `p` itself while they are few."""
        if len(self._surprises) < self._least:
            return p
        if self._calibration is None:
            self._calibration = Calibration.of(np.array(self._surprises))
        return max(p, self._calibration.p(_surprise(p)))


class Latest:
    """The p of the latest normal turns of one server, each with who it was for. Nobody's own turns make their next one
    less rare: one principal alone could silence the score. Of principals, who may be thousands, none costs memory."""

    def __init__(self, turns: Iterable[tuple[bytes, float]] = ()) -> None:
        known = sorted((_surprise(p), who) for who, p in turns)
        self._surprises = np.array([surprise for surprise, _ in known])
        self._whose = np.array([who for _, who in known], dtype="S")

    def p(self, p: float, principal: bytes) -> float:
        """The p of a turn for `principal` in the light of those of all others."""
        others = self._surprises[self._whose != principal]
        return p if len(others) < LEAST else max(p, Calibration(others).p(_surprise(p)))


def _surprise(p: float) -> float:
    return -math.log(p)
