"""Watches closed turns for drift, and tries a candidate model on them beside the one in use. Pure; makes no finding."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np
import structlog

from ..models.calibration import risk_of
from ..models.model import Model
from ..models.observation import Observation, observe, pack, principal_digest
from ..models.risk import LEARNING_CAP, Judgement
from ..models.rolling import Latest
from ..models.turn import Turn
from .drawing import Drawing
from .known import Known, Sampled
from .openturn import OpenTurn
from .samples import day_name, shadow_name

__all__ = ["Observing", "in_the_light_of"]

log = structlog.get_logger(__name__)


class Observing:
    """One for all turns of a co-partition. `alert_risk`: from which the score alone makes a finding; `drawing`: one for
    all co-partitions, which share the samples."""

    def __init__(self, alert_risk: float, drawing: Drawing) -> None:
        self._alert_risk = alert_risk
        self._drawing = drawing
        self._model: Model | None = None
        self._candidate: Model | None = None
        self._unable: tuple[str, ...] = ()
        self._totals = dict.fromkeys(("shadowed", "shadow_alerts", "shadow_disagreed"), 0)

    def counts(self) -> dict[str, int]:
        """Turns that the candidate judged, would have told of, and judged otherwise than the model in use."""
        return dict(self._totals)

    def learn(self, known: Known) -> None:
        self._model, self._candidate = known.model, known.candidate

    def close(self, open_turn: OpenTurn) -> tuple[Sampled, ...]:
        """What is kept of a turn that closes, for each of its servers and for the candidate."""
        turn = open_turn.turn()
        names = [name for name in self._names(turn) if self._drawing.takes(name, turn.key)]
        if not names:
            return ()
        seen = self._observed(open_turn, turn)
        if seen is None:
            return ()
        self._count(seen)
        return tuple(Sampled(sample=name, turn=turn.key, body=pack(seen)) for name in names)

    def _observed(self, open_turn: OpenTurn, turn: Turn) -> Observation | None:
        """A model that fails, tried or not, must not take the end of the turn with it: it is logged once."""
        try:
            return observe(
                turn,
                open_turn.views,
                self._model,
                self._candidate,
                alert_risk=self._alert_risk,
                raised=open_turn.raised,
                measures=open_turn.measures,
            )
        except Exception:
            models = tuple(one.manifest.model_id for one in (self._model, self._candidate) if one is not None)
            if self._unable != models:
                self._unable = models
                log.exception("a turn could not be observed", models=models)
            return None

    def _names(self, turn: Turn) -> Iterator[str]:
        """The samples that the turn belongs to."""
        if not turn.calls or (self._model is None and self._candidate is None):
            return
        for server in filter(None, turn.servers):
            yield day_name(server, turn.calls[0].started_ns)
        if self._candidate is not None:
            yield shadow_name(self._candidate.manifest.model_id)

    def _count(self, seen: Observation) -> None:
        if not np.isnan(seen.candidate_p):
            self._totals["shadowed"] += 1
            self._totals["shadow_alerts"] += seen.candidate_alerts
            self._totals["shadow_disagreed"] += seen.candidate_alerts != seen.alerts


def in_the_light_of(score: Judgement, turn: Turn, latest: Mapping[str, Latest]) -> Judgement:
    """The judgement with its p among the latest turns of its servers: never more unusual than the model says."""
    servers = [latest[server] for server in turn.servers if server in latest]
    if not servers:
        return score
    principal = principal_digest(turn)
    p = min(server.p(score.score.p, principal) for server in servers)
    if p <= score.score.p:
        return score
    risk = min(risk_of(p), LEARNING_CAP) if score.score.state == "learning" else risk_of(p)
    return replace(score, score=replace(score.score, p=p, risk=round(risk, 2)))
