"""Rules with a window: what a call adds to which windows, and which of them are complete. Pure.

What completes a window is found by event time alone: a late call finds what it completes behind it, so the order of
arrival changes no answer, and a call that comes twice changes none either. Early records wait for the whole call.
"""

from __future__ import annotations

import contextlib
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace

from ...events import Call
from ...turn import EARLY
from .asking import Index
from .checks import Lack
from .completing import completions
from .matching import Match
from .rule import OF_WINDOW, Rule
from .sightings import Addition, Content, Place, Sighting
from .telling import Facts, Shown, Told, additions_asked, countings, shown_by_hits
from .verdicts import Failed, NotJudged
from .window import Window

__all__ = ["Completed", "Watched", "Windows"]

_LAYERS = ("protocol", "execution", "agent")
_KEPT = 4_096  # calls between their look-up and their judgement
_MOST = 20  # sightings of one call that a finding points at


@dataclass(frozen=True, slots=True)
class Completed:
    """A rule whose window is complete for an entity. Equal `key`: one and the same finding."""

    rule: Rule
    place: Place
    bucket: int
    count: int
    matches: tuple[Match, ...]

    @property
    def key(self) -> str:
        return f"{self.place.rule}/{self.place.by}/{self.place.entity}/{self.bucket}"


@dataclass(frozen=True, slots=True)
class Watched:
    """What the windows say of one call. `additions`: what its hits add to windows that count hits."""

    completed: Sequence[Completed] = ()
    unjudged: Sequence[NotJudged] = ()
    additions: Sequence[Addition] = ()
    failed: Sequence[Failed] = ()


@dataclass(frozen=True, slots=True)
class _Counted:
    """What of a call counts, and what could not tell."""

    call: Call
    each: Sequence[Shown]
    failed: Sequence[Failed]


class Windows:
    """All rules with a window; those that count hits of others are asked last. One that raises stops only itself."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        counted = [rule for rule in rules if rule.window is not None]
        self._plain = _Blindness(rule for rule in counted if not _counts_hits(rule))
        self._of_hits = _Blindness(rule for rule in counted if _counts_hits(rule))
        self._index = Index(self._plain.rules, countings)
        self._kept: OrderedDict[int, _Counted] = OrderedDict()

    def additions(self, call: Call, told: Told | None = None) -> tuple[Addition, ...]:
        """What a call adds to which places, but for what was `told`; a place of hits is only asked for."""
        if EARLY in call.coverage.notes:
            return ()
        facts = Facts(call)
        self._kept[id(call)] = counted = self._count(call, facts, told)
        if len(self._kept) > _KEPT:
            self._kept.popitem(last=False)
        found = [addition for one in counted.each for addition in one.additions]
        for rule in self._of_hits.rules:
            with contextlib.suppress(Exception):  # told when the same is asked again, in follow
                found += additions_asked(rule, facts, call.started_ns // 1000)
        return tuple(found)

    def _count(self, call: Call, facts: Facts, told: Told | None) -> _Counted:
        each, failed = [], []
        for counting in self._index.of(call):
            try:
                one = counting.shown(facts, told)
            except Exception as error:
                failed.append(Failed(counting.rule, error))
            else:
                if one is not None:
                    each.append(one)
        return _Counted(call, each, failed)

    def judge(self, call: Call, windows: Mapping[Place, Content], told: Told | None = None) -> Watched:
        """Which windows are complete by this call, or behind it. `windows` answers `additions`; what it leaves out is
        not judged, and what is judged is `told` from now on."""
        if EARLY in call.coverage.notes:
            return Watched()
        counted = self._kept.pop(id(call), None)
        if counted is None or counted.call is not call:
            counted = self._count(call, Facts(call), None)
        return _said(counted, windows, self._plain.lacking(call), told)

    def follow(self, call: Call, windows: Mapping[Place, Content], hits: Sequence[str]) -> Watched:
        """The same of those that count hits, where `hits` are the rules that the call has hit."""
        if EARLY in call.coverage.notes:
            return Watched()
        lacking = self._of_hits.lacking(call)
        if not hits:
            return Watched(unjudged=lacking)
        each, failed = [], []
        for rule in self._of_hits.rules:
            try:
                one = shown_by_hits(call, rule, hits)
            except Exception as error:
                failed.append(Failed(rule.id, error))
            else:
                if one is not None:
                    each.append(one)
        said = _said(_Counted(call, each, failed), windows, lacking)
        return replace(said, additions=tuple(addition for one in each for addition in one.additions))


class _Blindness:
    """What rules lack of a call that a layer did not watch."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        self.rules = tuple(rules)
        self._known: dict[tuple[bool, bool, bool], tuple[NotJudged, ...]] = {}

    def lacking(self, call: Call) -> tuple[NotJudged, ...]:
        """Of what no call accounts for nothing is missed."""
        if call.state == "background":
            return ()
        coverage = call.coverage
        watched = (coverage.protocol, coverage.execution, coverage.agent)
        known = self._known.get(watched)
        if known is None:
            known = self._known[watched] = tuple(self._lacking(dict(zip(_LAYERS, watched, strict=True))))
        return known

    def _lacking(self, watched: Mapping[str, bool]) -> Iterator[NotJudged]:
        for rule in self.rules:
            blind = [layer for layer in rule.needs.layers if not watched[layer]]
            if blind and not rule.needs.outside_calls:
                yield NotJudged(rule.id, "; ".join(f"the {layer} layer did not watch the call" for layer in blind))


def _counts_hits(rule: Rule) -> bool:
    return any(step.on == OF_WINDOW for step in rule.steps)


def _said(
    counted: _Counted, windows: Mapping[Place, Content], lacking: Sequence[NotJudged], told: Told | None = None
) -> Watched:
    """What the rules say that a call counts for; `lacking` is what they all lack of it."""
    completed: list[Completed] = []
    lacks: list[NotJudged] = []
    failed = list(counted.failed)
    for one in counted.each:
        try:
            for found in _judged(one, windows):
                if isinstance(found, Completed):
                    completed.append(found)
                else:
                    lacks.append(NotJudged(one.rule.id, found.reason))
        except Exception as error:
            failed.append(Failed(one.rule.id, error))
        else:
            if told is not None and one.signatures and all(place in windows for place in one.places):
                told.add(one.signatures)
    if not (completed or lacks or failed):
        return Watched(unjudged=lacking)
    every = (*lacking, *lacks, *(one.not_judged for one in failed))
    return Watched(completed, _by_rule(every, {one.rule.id for one in completed}), failed=failed)


def _by_rule(unjudged: Iterable[NotJudged], spoken: Set[str]) -> tuple[NotJudged, ...]:
    """One a rule that has not spoken, with all its reasons."""
    reasons: dict[str, dict[str, None]] = {}
    for one in unjudged:
        reasons.setdefault(one.rule, {})[one.reason] = None
    return tuple(NotJudged(rule, "; ".join(why)) for rule, why in reasons.items() if rule not in spoken)


def _judged(one: Shown, windows: Mapping[Place, Content]) -> Iterator[Completed | Lack]:
    """What one rule says, by each entity that the call belongs to."""
    for place in one.places:
        content = windows.get(place)
        if content is None or len(content.held) + len(one.told) < one.window.least:
            continue
        content, mine = _taken(one.window, content, [each for _, _, each in one.told])
        for bucket, verdict in completions(one.window, content, mine):
            if isinstance(verdict, Lack):
                yield verdict
            else:
                matches = tuple(Match(step.name, subject, (), verdict.facts) for step, subject, _ in one.told[:_MOST])
                yield Completed(one.rule, place, bucket, verdict.count, matches)


def _taken(window: Window, content: Content, sightings: Iterable[Sighting]) -> tuple[Content, list[Sighting]]:
    mine = []
    for one in sightings:
        content, known = content.taking(one, window.reach.grain_us if one.step in window.grained else 0)
        mine.append(known)
    return content, mine
