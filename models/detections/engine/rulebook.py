"""All rules of a deployment, and what they say of one turn: hits, and what could not be judged and why.

Pure and deterministic: the same turn and baselines give the same answer, in replay as in the stream.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from ...baseline import BaselineView
from ...errors import ConfigError
from ...events import Call, Layer, LearningState, RuleHit, Score, Severity
from ...turn import Turn
from .asking import Asked, Index
from .conditions import Judging
from .errors import RuleError
from .growing import Growing
from .layers import Layers
from .matching import Match
from .rule import CATEGORIES, OF_SCORE, SEVERITIES, STATES, Rule, read_rule
from .sightings import Addition, Content, Place
from .subjects import Subject
from .telling import Told
from .verdicts import Failed, NotJudged
from .watching import Completed, Watched, Windows

__all__ = ["BUILT_IN", "Evaluation", "Hit", "NotJudged", "Rulebook", "WindowHit", "Windowed"]

BUILT_IN = Path(__file__).resolve().parents[1]


class Judgement(Protocol):
    """What models.risk says of a turn."""

    @property
    def score(self) -> Score: ...

    @property
    def layers(self) -> Mapping[Layer, float]: ...


@dataclass(frozen=True, slots=True)
class Hit:
    """One rule that matched, with what it matched. Severity and risk are those after escalation. Of a window, equal
    `key`: one and the same finding."""

    rule: Rule
    severity: Severity
    risk: float
    matches: tuple[Match, ...]
    key: str = ""

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
class Evaluation:
    """What a rulebook says of one turn. A rule in neither tuple was judged and is quiet. `failed`: those that raised
    just now; each stands in `not_judged`, unless it hit all the same."""

    hits: tuple[Hit, ...] = ()
    not_judged: tuple[NotJudged, ...] = ()
    failed: tuple[Failed, ...] = ()


@dataclass(frozen=True, slots=True)
class WindowHit:
    """A rule whose window is complete. Equal `key`: one and the same finding, whichever call completed it and however
    often; `count` sightings so far."""

    hit: Hit
    key: str
    place: Place
    count: int


@dataclass(frozen=True, slots=True)
class Windowed:
    """What the rules with a window say of one call. `additions`: what its hits add to windows that count hits."""

    hits: tuple[WindowHit, ...] = ()
    not_judged: tuple[NotJudged, ...] = ()
    additions: tuple[Addition, ...] = ()
    failed: tuple[Failed, ...] = ()

    @property
    def rules(self) -> tuple[str, ...]:
        """Ids of the rules that hit."""
        return tuple(dict.fromkeys(one.hit.rule.id for one in self.hits))


_Verdict = Hit | NotJudged | None


class Rulebook:
    """Compiled rules in order of their id."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        """Raises RuleError D01 when two rules have one id."""
        by_id: dict[str, Rule] = {}
        for rule in rules:
            if (other := by_id.setdefault(rule.id, rule)) is not rule:
                raise RuleError.doubled(rule.id, other.file, rule.file)
        self.rules = tuple(by_id[identifier] for identifier in sorted(by_id))
        self._of_score = tuple(rule for rule in self.rules if rule.steps[0].on == OF_SCORE)
        self._of_turn = tuple(rule for rule in self.rules if rule.window is None and rule not in self._of_score)
        self._index: Index[Sequence[Asked]] = Index(self._of_turn, tuple)
        self._layers = frozenset(layer for rule in self._of_turn for layer in rule.needs.layers)
        self._windows = Windows(self.rules)

    @classmethod
    def load(cls, folders: Sequence[Path] = ()) -> Rulebook:
        """The built-in rules and every *.toml under `folders`. Raises RuleError, ConfigError for a missing folder."""
        files = [file for category in CATEGORIES for file in sorted((BUILT_IN / category).glob("*.toml"))]
        for folder in folders:
            if not folder.is_dir():
                raise ConfigError(f"{folder} is no folder of rules", "set findings.rules to folders with *.toml files")
            files += sorted(folder.rglob("*.toml"))
        return cls([read_rule(file) for file in files])

    def evaluate(self, turn: Turn, views: Mapping[str, BaselineView], growing: Growing | None = None) -> Evaluation:
        """What the rules say of a turn; `views` by server id, a missing one counts as learning. `growing` remembers
        what was asked of this turn before, and changes no answer."""
        growing = Growing() if growing is None else growing
        failed = growing.take(self._index, turn, views)
        watched = Layers(turn)
        touched = self._of_turn if watched.blind & self._layers else self._touched(growing)
        verdicts = [_judge(rule, watched, growing, failed) for rule in touched]
        return _evaluation(verdicts, failed)

    def _touched(self, growing: Growing) -> Sequence[Rule]:
        """The rules that have anything to say where every layer watched; mostly none."""
        return [rule for rule in self._of_turn if rule.id in growing.touched] if growing.touched else ()

    def scored(self, turn: Turn, score: Judgement) -> Evaluation:
        """What the rules about a score say; they wait for whole calls, as it does."""
        subject = Subject(turn, turn.calls[-1], turn.calls[0].started_ns, turn.calls[-1].ended_ns, part=score)
        failed: list[Failed] = []
        return _evaluation([_scored(rule, subject, score.score.state, failed) for rule in self._of_score], failed)

    def additions(self, call: Call, told: Told | None = None) -> tuple[Addition, ...]:
        """What a call adds to which windows, and which it asks for, but for what was `told` before."""
        return self._windows.additions(call, told)

    def watch(self, call: Call, windows: Mapping[Place, Content], told: Told | None = None) -> Windowed:
        """What the rules with a window say of a call. `windows` answers its `additions`, which they hold; what was
        judged is `told` from now on."""
        return _windowed(self._windows.judge(call, windows, told))

    def follow(self, call: Call, windows: Mapping[Place, Content], hits: Iterable[str]) -> Windowed:
        """What the rules say that count hits of others: `hits` are the ids of those that the call has hit."""
        return _windowed(self._windows.follow(call, windows, tuple(hits)))


def _evaluation(verdicts: Sequence[_Verdict], failed: Sequence[Failed]) -> Evaluation:
    return Evaluation(
        tuple(verdict for verdict in verdicts if isinstance(verdict, Hit)),
        tuple(verdict for verdict in verdicts if isinstance(verdict, NotJudged)),
        tuple(failed),
    )


def _windowed(watched: Watched) -> Windowed:
    failed = list(watched.failed)
    hits = tuple(_window_hit(one, failed) for one in watched.completed)
    return Windowed(hits, tuple(watched.unjudged), tuple(watched.additions), tuple(failed))


def _window_hit(one: Completed, failed: list[Failed]) -> WindowHit:
    hit = replace(_hit(one.rule, one.matches, failed), key=one.key)
    return WindowHit(hit, one.key, one.place, one.count)


def _judge(rule: Rule, watched: Layers, growing: Growing, failed: list[Failed]) -> _Verdict:
    """What a rule says of a turn whose calls were asked; it may raise where it puts them together."""
    reasons = [*watched.lacking(rule.needs)]
    if rule.id in growing.touched:
        try:
            if matches := growing.chain(rule):
                return _hit(rule, matches, failed)
            unknown = growing.unknown(rule)
            if unknown and growing.chain(rule, lenient=True):
                reasons += unknown
        except Exception as error:
            failed.append(Failed(rule.id, error))
            reasons.append(failed[-1].reason)
        reasons += growing.failed(rule)
    return NotJudged(rule.id, "; ".join(dict.fromkeys(reasons))) if reasons else None


def _scored(rule: Rule, subject: Subject, state: LearningState, failed: list[Failed]) -> _Verdict:
    step = rule.steps[0]
    try:
        if not step.where(subject, Judging({})):
            return None
    except Exception as error:
        failed.append(Failed(rule.id, error))
        return failed[-1].not_judged
    if STATES.index(state) < STATES.index(rule.needs.baseline):
        return NotJudged(rule.id, f"the baseline is {state}, {rule.needs.baseline} is needed")
    return _hit(rule, (Match(step.name, subject),), failed)


def _hit(rule: Rule, matches: tuple[Match, ...], failed: list[Failed]) -> Hit:
    """With what makes it worse; where that raises, the hit stands as it is."""
    severity, risk = rule.severity, rule.risk
    for escalation in rule.escalations:
        try:
            subjects = (match.subject for match in matches if match.step == escalation.step)
            if any(escalation.where(subject, Judging({})) for subject in subjects):
                severity = max(severity, escalation.severity, key=SEVERITIES.index)
                risk = max(risk, escalation.risk)
        except Exception as error:
            failed.append(Failed(rule.id, error))
    return Hit(rule, severity, risk, matches)
