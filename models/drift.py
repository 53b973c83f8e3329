"""Whether a server's turns of a day still look as they did, and how a candidate model judges beside the current one.

Shares in bins are compared by the population stability index, sum((a - b) * ln(a / b)): below 0.1 nothing moved, above
0.25 much did; where the turns are few it must also exceed what chance alone gives (its mean is
(bins - 1) * (1 / n + 1 / m), three times that is one chance in a hundred for seven bins).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from .features import FEATURES
from .observation import Observation

__all__ = ["MOVED", "Drift", "Shadow", "Shift", "drift", "psi", "shadow"]

Floats = NDArray[np.float64]
MOVED = 0.25
_LEAST = 30  # turns on both sides, before anything is said to have moved
_NOISE = 3.0
_P_EDGES = np.array([0.01, 0.05, 0.1, 0.25, 0.5, 0.75])
_FEATURE_BINS = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift:
    """A feature that moved: its mean before and on the day."""

    feature: str
    meaning: str
    psi: float
    before: float
    now: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """One server on one day. `scores`: index of the score's distribution against the days before, without any against
    what calibration promises; `alert_rate` against `nominal`; shares of facts never seen; `moved` features, most first.
    """

    turns: int
    before: int
    scores: float
    drifted: bool
    alert_rate: float
    nominal: float
    unseen: float
    unseen_before: float
    moved: tuple[Shift, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shadow:
    """How a candidate judged live turns beside the current model. `turns`: that the candidate judged; `both`: that both
    did; shares of turns over the threshold, and of `both` on which the two agree."""

    turns: int = 0
    both: int = 0
    current_rate: float = 0.0
    candidate_rate: float = 0.0
    agreement: float = 1.0


def psi(before: Floats, now: Floats) -> float:
    """Of two rows of counts over the same bins, each count half a turn larger than it is."""
    a, b = (before + 0.5) / (before + 0.5).sum(), (now + 0.5) / (now + 0.5).sum()
    return float(((b - a) * np.log(b / a)).sum())


def drift(day: Sequence[Observation], before: Sequence[Observation], *, nominal: float) -> Drift:
    """`before`: of the same server on the days before. `nominal`: the share of normal turns that may alert by score."""
    p, old_p = _known([one.p for one in day]), _known([one.p for one in before])
    scores, far = _moved(_counts(p, _P_EDGES), _counts(old_p, _P_EDGES) if len(old_p) else _promised(len(p)))
    return Drift(
        turns=len(day),
        before=len(before),
        scores=round(scores, 4),
        drifted=far,
        alert_rate=_share(one.alerts for one in day),
        nominal=nominal,
        unseen=_unseen(day),
        unseen_before=_unseen(before),
        moved=_shifts(day, before),
    )


def shadow(seen: Sequence[Observation]) -> Shadow:
    judged = [one for one in seen if not np.isnan(one.candidate_p)]
    both = [one for one in judged if not np.isnan(one.p)]
    told = Shadow(turns=len(judged), both=len(both), candidate_rate=_share(one.candidate_alerts for one in judged))
    if not both:
        return told
    return replace(
        told,
        current_rate=_share(one.alerts for one in both),
        agreement=_share(one.alerts == one.candidate_alerts for one in both),
    )


def _shifts(day: Sequence[Observation], before: Sequence[Observation]) -> tuple[Shift, ...]:
    if not day or not before:
        return ()
    now, old = (np.stack([one.highest for one in some]) for some in (day, before))
    found = []
    for at, feature in enumerate(FEATURES):
        a, b = _known(old[:, at]), _known(now[:, at])
        if len(a) < _LEAST or len(b) < _LEAST:
            continue
        edges = np.unique(np.quantile(a, np.linspace(0, 1, _FEATURE_BINS)))
        index, far = _moved(_counts(b, edges), _counts(a, edges))
        if far:
            means = {"before": round(float(a.mean()), 4), "now": round(float(b.mean()), 4)}
            found.append(Shift(feature=feature.name, meaning=feature.meaning, psi=round(index, 4), **means))
    return tuple(sorted(found, key=lambda shift: -shift.psi))


def _moved(now: Floats, before: Floats) -> tuple[float, bool]:
    """The index, and whether it is more than chance."""
    n, m = now.sum(), before.sum()
    if min(n, m) < _LEAST:
        return 0.0, False
    index = psi(before, now)
    return index, index > max(MOVED, _NOISE * (len(now) - 1) * (1 / n + 1 / m))


def _promised(turns: int) -> Floats:
    """What calibration promises: p is as often below x as x says."""
    return np.diff(np.concatenate([[0.0], _P_EDGES, [1.0]])) * turns


def _counts(values: Floats, edges: Floats) -> Floats:
    return np.bincount(np.searchsorted(edges, values), minlength=len(edges) + 1).astype(np.float64)


def _known(values: Sequence[float] | Floats) -> Floats:
    found = np.asarray(values, dtype=np.float64)
    return found[~np.isnan(found)]


def _share(flags: Iterable[bool]) -> float:
    told = list(flags)
    return round(sum(told) / len(told), 6) if told else 0.0


def _unseen(seen: Sequence[Observation]) -> float:
    facts = sum(one.facts for one in seen)
    return round(sum(one.unseen for one in seen) / facts, 6) if facts else 0.0
