"""How bad and how sure a finding is. The only place where rules and score meet."""

from __future__ import annotations

from collections.abc import Sequence

from .bindings import weakest
from .detections.engine import Hit
from .detections.engine.rule import SEVERITIES
from .events import Binding, Call, Coverage, Score, Severity
from .turn import Turn

__all__ = ["band", "binding_of", "confidence_of", "coverage_of", "risk_of", "severity_of"]

_BANDS: tuple[tuple[float, Severity], ...] = ((90, "critical"), (70, "high"), (40, "medium"), (20, "low"))
_SURE = 95
_UNSURE = 5
_BINDING_COSTS: dict[Binding, int] = {
    "exact": 0,
    "cooperative": 5,
    "lineage": 10,
    "window": 30,
    "candidates": 50,
    "none": 0,  # nothing the kernel saw is needed, or it is surely the server's own, outside every call
}
_LOSS_COSTS = 15
_LAYER_COSTS = {"protocol": 20, "execution": 25, "agent": 5}
_STATE_COSTS = {"learning": 40, "provisional": 15, "active": 0}


def band(risk: float) -> Severity:
    """The severity of a risk alone: 90 critical, 70 high, 40 medium, 20 low."""
    return next((severity for least, severity in _BANDS if risk >= least), "informational")


def risk_of(hits: Sequence[Hit], score: Score | None) -> float:
    """0 to 100: the higher of the score's risk and that of any rule that hit."""
    return min(100.0, max([score.risk if score else 0.0, *(hit.risk for hit in hits)]))


def severity_of(hits: Sequence[Hit], score: Score | None, coverage: Coverage, binding: Binding) -> Severity:
    """The worst rule's severity, one step higher where the score agrees and the agent layer is there; without rules
    the band of the score. Never above medium where everything rests on candidates."""
    if not hits:
        severity = band(score.risk if score else 0.0)
    else:
        step = max(SEVERITIES.index(hit.severity) for hit in hits)
        agrees = score is not None and score.state != "learning" and band(score.risk) in ("high", "critical")
        severity = SEVERITIES[min(step + (agrees and coverage.agent), len(SEVERITIES) - 1)]
    if binding == "candidates":
        return min(severity, "medium", key=SEVERITIES.index)
    return severity


def confidence_of(hits: Sequence[Hit], score: Score | None, coverage: Coverage, binding: Binding) -> int:
    """0 to 100: what weak bindings, losses, missing layers and a young baseline leave of it."""
    costs = _BINDING_COSTS[binding] + (_LOSS_COSTS if coverage.lost_events else 0)
    costs += sum(cost for layer, cost in _LAYER_COSTS.items() if not getattr(coverage, layer))
    if not hits:
        costs += _STATE_COSTS[score.state if score else "learning"]
    return max(_UNSURE, _SURE - costs)


def binding_of(hits: Sequence[Hit], calls: Sequence[Call]) -> Binding:
    """The weakest binding among the effects that rules point at; of all effects where none does. A doubtful tie
    counts as weaker than none: an effect outside every call is surely the server's own."""
    effects = [match.subject.effect for hit in hits for match in hit.matches if match.subject.effect is not None]
    if not effects:
        effects = [effect for call in calls for effect in call.effects]
    bindings = [effect.binding for effect in effects]
    return "candidates" if "candidates" in bindings else weakest(bindings)


def coverage_of(turn: Turn) -> Coverage:
    """Layers that watched every call of the turn (the agent layer: any of it), and what limited the picture."""
    each = [call.coverage for call in turn.calls]
    return Coverage(
        protocol=bool(each) and all(coverage.protocol for coverage in each),
        execution=bool(each) and all(coverage.execution for coverage in each),
        agent=bool(turn.spans) or any(coverage.agent for coverage in each),
        lost_events=max((coverage.lost_events for coverage in each), default=0),
        notes=tuple(dict.fromkeys(note for coverage in each for note in coverage.notes)),
    )
