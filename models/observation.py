"""What a closed turn looked like: how rare to the current model and to a candidate, what was new, which numbers.

A few bytes a turn. Samples of them tell whether a server's users changed what they do, and whether another model would
have judged alike.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .baseline import BaselineView, turn_keys
from .features import FEATURES, measured, rows
from .history import principal_of
from .measuring import Measures
from .model import Model
from .risk import judge
from .turn import Turn

__all__ = ["Observation", "cleared", "observe", "pack", "principal_digest", "unpack"]

_HEAD = struct.Struct("<ddBII8s")
_FLAGS = 16  # where they stand
_RAISED, _ALERTS, _CANDIDATE = 1, 2, 4
_SIZE = _HEAD.size + 4 * len(FEATURES)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Observation:
    """`p`, `candidate_p`: by the model in use and by the candidate, NaN without one. `raised`: it made a finding;
    `alerts`, `candidate_alerts`: the score alone would. `facts` asked of the baseline, `unseen` of them never shown;
    `principal`: 64 bits for whom it was. `highest`: of each feature its highest value (features,), NaN where nothing
    looked."""

    p: float
    candidate_p: float
    raised: bool
    alerts: bool
    candidate_alerts: bool
    facts: int
    unseen: int
    principal: bytes
    highest: NDArray[np.float64]


def observe(
    turn: Turn,
    views: Mapping[str, BaselineView],
    model: Model | None,
    candidate: Model | None,
    *,
    alert_risk: float,
    raised: bool,
    measures: Measures | None = None,
) -> Observation | None:
    """None where the turn has no action to measure. `measures`: what was measured of the turn before, if it stands."""
    acted = measured(turn)
    if not acted.calls:
        return None
    measures = Measures() if measures is None else measures
    said, other = (judge(one, turn, views, measures) if one is not None else None for one in (model, candidate))
    moments = measures.once("rows", acted, views, lambda: rows(acted, views, measures))
    asked = [
        view.support(key) for name in turn.servers if (view := views.get(name)) for key in turn_keys(turn.calls, name)
    ]
    return Observation(
        p=said.score.p if said else np.nan,
        candidate_p=other.score.p if other else np.nan,
        raised=raised,
        alerts=said is not None and said.alerts(alert_risk),
        candidate_alerts=other is not None and other.alerts(alert_risk),
        facts=len(asked),
        unseen=sum(not support.sessions for support in asked),
        principal=principal_digest(turn),
        highest=np.fmax.reduce(moments, axis=0),
    )


def principal_digest(turn: Turn) -> bytes:
    """64 bits that stand for whom the turn was for."""
    return hashlib.blake2b(principal_of(turn).encode("utf-8", "surrogatepass"), digest_size=8).digest()


def pack(seen: Observation) -> bytes:
    flags = _RAISED * seen.raised | _ALERTS * seen.alerts | _CANDIDATE * seen.candidate_alerts
    head = _HEAD.pack(seen.p, seen.candidate_p, flags, seen.facts, seen.unseen, seen.principal)
    return head + seen.highest.astype("<f4").tobytes()


def cleared(data: bytes) -> bytes:
    """The same observation of a turn that turned out to be normal."""
    flags = _HEAD.unpack_from(data)[2] & ~_RAISED
    return data[:_FLAGS] + bytes((flags,)) + data[_FLAGS + 1 :]


def unpack(data: bytes) -> Observation | None:
    """None for bytes of another set of features."""
    if len(data) != _SIZE:
        return None
    p, candidate_p, flags, facts, unseen, principal = _HEAD.unpack_from(data)
    return Observation(
        p=p,
        candidate_p=candidate_p,
        raised=bool(flags & _RAISED),
        alerts=bool(flags & _ALERTS),
        candidate_alerts=bool(flags & _CANDIDATE),
        facts=facts,
        unseen=unseen,
        principal=principal,
        highest=np.frombuffer(data, "<f4", offset=_HEAD.size).astype(np.float64),
    )
