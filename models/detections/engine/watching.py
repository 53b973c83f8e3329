"""Rules with a window: what a call adds to which windows, and which of them are complete. Pure.

What completes a window is found by event time alone: a late call finds what it completes behind it, so the order of
arrival changes no answer, and a call that comes twice changes none either. Early records wait for the whole call.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass

from ...events import Call
from ...turn import EARLY
from .asking import Index
from .checks import Lack
from .completing import completions
from .matching import Match
from .rule import OF_WINDOW, Rule
from .sightings import Addition, Content, Place, Sighting
from .telling import Shown, additions_asked, shown, shown_by_hits
from .window import Window

__all__ = ["Completed", "Unjudged", "Watched", "Windows"]

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
class Unjudged:
    """A window that could not be judged, and what it lacked."""

    rule: str
    reason: str


@dataclass(frozen=True, slots=True)
class Watched:
    """What the windows say of one call. `additions`: what its hits add to windows that count hits."""

    completed: tuple[Completed, ...] = ()
    unjudged: tuple[Unjudged, ...] = ()
    additions: tuple[Addition, ...] = ()


class Windows:
    """All rules with a window; those that count hits of others are asked last."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        counted = [rule for rule in rules if rule.window is not None]
        self._plain = [rule for rule in counted if not _counts_hits(rule)]
        self._of_hits = [rule for rule in counted if _counts_hits(rule)]
        self._index = Index(self._plain)
        self._kept: OrderedDict[int, tuple[Call, Sequence[Shown]]] = OrderedDict()

    def additions(self, call: Call) -> tuple[Addition, ...]:
        """What a call adds to which places; a place of hits is only asked for."""
        if EARLY in call.coverage.notes:
            return ()
        each = tuple(shown(call, self._index.of(call)))
        self._kept[id(call)] = (call, each)
        if len(self._kept) > _KEPT:
            self._kept.popitem(last=False)
        found = [addition for one in each for addition in one.additions]
        for rule in self._of_hits:
            found += additions_asked(rule, call)
        return tuple(found)

    def judge(self, call: Call, windows: Mapping[Place, Content]) -> Watched:
        """Which windows are complete by this call, or behind it. `windows` answers `additions`; what it leaves out is
        not judged again."""
        if EARLY in call.coverage.notes:
            return Watched()
        asked, each = self._kept.pop(id(call), (None, ()))
        if asked is not call:
            each = tuple(shown(call, self._index.of(call)))
        return _said(self._plain, each, windows, _blind(call), call)

    def follow(self, call: Call, windows: Mapping[Place, Content], hits: Sequence[str]) -> Watched:
        """The same of those that count hits, where `hits` are the rules that the call has hit."""
        blind = _blind(call)
        if EARLY in call.coverage.notes or not (hits or blind):
            return Watched()
        each = [one for rule in self._of_hits if (one := shown_by_hits(call, rule, hits))]
        said = _said(self._of_hits, each, windows, blind, call)
        return Watched(said.completed, said.unjudged, tuple(addition for one in each for addition in one.additions))


def _counts_hits(rule: Rule) -> bool:
    return any(step.on == OF_WINDOW for step in rule.steps)


def _said(
    rules: Iterable[Rule], each: Iterable[Shown], windows: Mapping[Place, Content], blind: Set[str], call: Call
) -> Watched:
    """What these rules say of a call of which `each` counts, while some layers were `blind`."""
    completed: list[Completed] = []
    lacks: dict[str, dict[str, None]] = {}
    for rule in rules if blind else ():
        if rule.speaks_of(call):
            lacks[rule.id] = dict.fromkeys(
                f"the {layer} layer did not watch the call" for layer in rule.needs.layers if layer in blind
            )
    for one in each:
        for found in _judged(one, windows):
            if isinstance(found, Completed):
                completed.append(found)
            else:
                lacks.setdefault(one.rule.id, {})[found.reason] = None
    spoken = {one.rule.id for one in completed}
    unjudged = (Unjudged(rule, "; ".join(why)) for rule, why in lacks.items() if why and rule not in spoken)
    return Watched(tuple(completed), tuple(unjudged))


def _judged(one: Shown, windows: Mapping[Place, Content]) -> Iterator[Completed | Lack]:
    """What one rule says, by each entity that the call belongs to."""
    sightings = [each for _, _, each in one.told]
    for place in one.places:
        content = windows.get(place)
        if content is None or len(content.held) + len(sightings) < one.window.least:
            continue
        content, mine = _taken(one.window, content, sightings)
        for bucket, verdict in completions(one.window, content, mine):
            if isinstance(verdict, Lack):
                yield verdict
            else:
                matches = tuple(Match(step.name, subject, (), verdict.facts) for step, subject, _ in one.told[:_MOST])
                yield Completed(one.rule, place, bucket, verdict.count, matches)


def _taken(window: Window, content: Content, sightings: Iterable[Sighting]) -> tuple[Content, list[Sighting]]:
    mine = []
    for one in sightings:
        content, known = content.taking(one, window.grain_us if one.step in window.grained else 0)
        mine.append(known)
    return content, mine


def _blind(call: Call) -> Set[str]:
    """The layers that did not watch a call; of what no call accounts for nothing is missed."""
    coverage = call.coverage
    looked = {"protocol": coverage.protocol, "execution": coverage.execution, "agent": coverage.agent}
    return set() if call.state == "background" else {layer for layer, did in looked.items() if not did}
