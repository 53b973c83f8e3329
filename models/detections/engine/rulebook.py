"""All rules of a deployment, and what they say of one turn: hits, and what could not be judged and why.

Pure and deterministic: the same turn and baselines give the same answer, in replay as in the stream.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ...baseline import BaselineView
from ...errors import ConfigError
from ...events import Call, RuleHit, Severity
from ...turn import Turn
from .conditions import Judging
from .errors import RuleError
from .matching import Match, find
from .rule import CATEGORIES, SEVERITIES, Rule, WatchingLayer, read_rule
from .subjects import ON, Subject, candidates

__all__ = ["BUILT_IN", "Evaluation", "Hit", "NotJudged", "Rulebook"]

Subjects = Mapping[str, Sequence[Subject]]
BUILT_IN = Path(__file__).resolve().parents[1]


@dataclass(frozen=True, slots=True)
class Hit:
    """One rule that matched, with what it matched. Severity and risk are those after escalation."""

    rule: Rule
    severity: Severity
    risk: float
    matches: tuple[Match, ...]

    @property
    def record(self) -> RuleHit:
        """The hit as it stands in a finding."""
        sources = (match.subject.source for match in self.matches)
        return RuleHit(
            id=self.rule.id,
            version=self.rule.version,
            title=self.rule.title,
            severity=self.severity,
            evidence=tuple(dict.fromkeys(sources)),
            attacks=self.rule.attacks,
            tags=self.rule.tags,
        )


@dataclass(frozen=True, slots=True)
class NotJudged:
    """A rule that could say nothing of a turn, and what it lacked."""

    rule: str
    reason: str


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What a rulebook says of one turn. A rule in neither tuple was judged and is quiet."""

    hits: tuple[Hit, ...] = ()
    not_judged: tuple[NotJudged, ...] = ()


class Rulebook:
    """Compiled rules in order of their id."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        """Raises RuleError D01 when two rules have one id."""
        by_id: dict[str, Rule] = {}
        for rule in rules:
            if (other := by_id.setdefault(rule.id, rule)) is not rule:
                raise RuleError(
                    f"rule {rule.id} stands in {other.file} and in {rule.file}",
                    "give one of them another id",
                    code="D01",
                )
        self.rules = tuple(by_id[identifier] for identifier in sorted(by_id))

    @classmethod
    def load(cls, folders: Sequence[Path] = ()) -> Rulebook:
        """The built-in rules and every *.toml under `folders`. Raises RuleError, ConfigError for a missing folder."""
        files = [file for category in CATEGORIES for file in sorted((BUILT_IN / category).glob("*.toml"))]
        for folder in folders:
            if not folder.is_dir():
                raise ConfigError(f"{folder} is no folder of rules", "set findings.rules to folders with *.toml files")
            files += sorted(folder.rglob("*.toml"))
        return cls([read_rule(file) for file in files])

    def evaluate(self, turn: Turn, views: Mapping[str, BaselineView]) -> Evaluation:
        """What the rules say of a turn; `views` by server id, a missing one counts as learning."""
        subjects = {on: tuple(candidates(turn, on)) for on in ON}
        hits: list[Hit] = []
        not_judged: list[NotJudged] = []
        for rule in self.rules:
            verdict = _judge(rule, turn, subjects, views)
            if isinstance(verdict, Hit):
                hits.append(verdict)
            elif verdict is not None:
                not_judged.append(verdict)
        return Evaluation(tuple(hits), tuple(not_judged))


def _judge(rule: Rule, turn: Turn, subjects: Subjects, views: Mapping[str, BaselineView]) -> Hit | NotJudged | None:
    strict = Judging(views)
    if matches := find(rule, subjects, strict):
        return _hit(rule, matches, strict)
    reasons = _unwatched(rule, turn)
    if strict.unknown:
        lenient = Judging(views, lenient=True)
        if find(rule, subjects, lenient):
            reasons += lenient.unknown
    return NotJudged(rule.id, "; ".join(dict.fromkeys(reasons))) if reasons else None


def _hit(rule: Rule, matches: tuple[Match, ...], judging: Judging) -> Hit:
    severity, risk = rule.severity, rule.risk
    for escalation in rule.escalations:
        subjects = (match.subject for match in matches if match.step == escalation.step)
        if any(escalation.where(subject, judging) for subject in subjects):
            severity = max(severity, escalation.severity, key=SEVERITIES.index)
            risk = max(risk, escalation.risk)
    return Hit(rule, severity, risk, matches)


def _unwatched(rule: Rule, turn: Turn) -> list[str]:
    """Layers that the rule needs and that did not watch every call."""
    reasons = []
    calls = [call for call in turn.calls if rule.speaks_of(call)]
    for layer in rule.needs.layers:
        blind = sum(not _watched(turn, call, layer) for call in calls)
        if blind:
            reasons.append(f"the {layer} layer did not watch {blind} of {len(calls)} calls")
    return reasons


def _watched(turn: Turn, call: Call, layer: WatchingLayer) -> bool:
    coverage = call.coverage
    return {
        "protocol": coverage.protocol,
        "execution": coverage.execution,
        "agent": coverage.agent or bool(turn.spans),
    }[layer]
