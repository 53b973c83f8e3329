"""What of a call counts in which windows: its sightings, and whose they are. Pure."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, NamedTuple

from ...bindings import BINDINGS
from ...events import Call
from .asking import Asked, Subjects, own
from .conditions import Judging
from .entities import ENTITIES
from .rule import Rule, Step
from .sightings import GRAIN, Addition, Key, Place, Sighting
from .subjects import Subject
from .window import Window

__all__ = ["Counting", "Facts", "Shown", "Told", "additions_asked", "countings", "shown_by_hits"]

_FACET = 128
_REMEMBERED = 32_768
_JUDGING = Judging({})  # a condition of a window asks no baseline
_Facets = tuple[tuple[str, str], ...]
_Signature = tuple[str, tuple[str, ...], Key]


class Told:
    """What was judged already of equal sightings of one grain, which need not be told again: the newest of it. Kept as
    hashes, in a sixth of the memory; Python's are keyed, so nobody can make two that are one."""

    def __init__(self, most: int = _REMEMBERED) -> None:
        self._most = most
        self._known: set[int] = set()
        self._order: deque[int] = deque()

    def __contains__(self, signature: _Signature) -> bool:
        return hash(signature) in self._known

    def add(self, signatures: Iterable[_Signature]) -> None:
        for mark in map(hash, signatures):
            if mark not in self._known:
                self._known.add(mark)
                self._order.append(mark)
        while len(self._order) > self._most:
            self._known.discard(self._order.popleft())


class Shown(NamedTuple):
    """What of one call counts for one rule; the `signatures` are of what is equal within its grain."""

    rule: Rule
    window: Window
    told: Sequence[tuple[Step, Subject, Sighting]]
    places: Sequence[Place]
    signatures: Sequence[_Signature] = ()

    @property
    def additions(self) -> list[Addition]:
        """What it adds to each of its places."""
        members = {one.key: one.at_us for _, _, one in self.told}
        first, last = min(members.values()), max(members.values())
        return [Addition(place, members, self.window.reach, first, last) for place in self.places]


class Facts:
    """What rules ask of one call for their windows, each asked once."""

    __slots__ = ("_call", "_entities", "subjects", "texts")

    def __init__(self, call: Call) -> None:
        self._call = call
        self._entities: dict[str, str] = {}
        self.subjects = Subjects(own(call), call)
        self.texts: dict[str, str | None] = {}  # by name of a field of calls

    def entity(self, by: str) -> str:
        entity = self._entities.get(by)
        if entity is None:
            entity = self._entities[by] = ENTITIES[by](self._call)
        return entity


class Counting:
    """What one rule counts of calls with certain traits: of the steps that they are worth asking about."""

    __slots__ = ("_rule", "_steps", "_window")

    def __init__(self, rule: Rule, window: Window, steps: Iterable[Step]) -> None:
        self._rule, self._window = rule, window
        self._steps = [_Counted(rule, window, step) for step in steps]

    @property
    def rule(self) -> str:
        return self._rule.id

    def shown(self, facts: Facts, told: Told | None) -> Shown | None:
        """What of a call counts and was not told by another one."""
        rule, window = self._rule, self._window
        seen: list[tuple[Step, Subject, Key]] = []
        entities: tuple[str, ...] = ()
        signatures: list[_Signature] = []
        for counted in self._steps:
            step, rest = counted.step, counted.step.rest
            for subject in facts.subjects.of(step):
                if rest is None or rest(subject, _JUDGING):
                    key = counted.key(subject, facts.texts)
                    if key is None:
                        continue
                    entities = entities or tuple([facts.entity(by) for by in window.by])
                    if counted.grained:
                        signature = (rule.digest, entities, key)
                        if told is not None and signature in told:
                            continue
                        signatures.append(signature)
                    seen.append((step, subject, key))
        return _shown(rule, window, seen, entities, signatures) if seen else None


class _Counted:
    """One step of a rule with a window, ready to tell sightings."""

    __slots__ = ("_facets", "_grain_ns", "_of_call", "_weak", "grained", "step")

    def __init__(self, rule: Rule, window: Window, step: Step) -> None:
        self.step = step
        self.grained = step.name in window.grained
        self._facets = [(name, field.read) for name, field in window.facets[step.name].items()]
        self._grain_ns = window.reach.grain_us * 1000
        self._of_call = step.on == "call"
        self._weak = frozenset(BINDINGS[: BINDINGS.index(rule.needs.binding)])

    def key(self, subject: Subject, texts: dict[str, str | None]) -> Key | None:
        """The sighting without its time. None where a facet is not known, or where it is not sure enough that the call
        did it: that counts for nothing."""
        effect = subject.effect
        if effect is not None and effect.binding in self._weak:
            return None
        facets = self._known(subject, texts) if self._facets else ()
        if facets is None:
            return None
        name = f"{GRAIN}{subject.start_ns // self._grain_ns}" if self.grained else _name(subject)
        return self.step.name, name, facets

    def _known(self, subject: Subject, texts: dict[str, str | None]) -> _Facets | None:
        """The facets, if all are known. Those of a call are the same for every rule, and read once."""
        facets = []
        for name, read in self._facets:
            if not self._of_call:
                text = _text(read, subject)
            elif name in texts:
                text = texts[name]
            else:
                text = texts[name] = _text(read, subject)
            if text is None:
                return None
            facets.append((name, text))
        return tuple(facets)


@dataclass(frozen=True, slots=True)
class _Hit:
    id: str


def countings(asked: Sequence[Asked]) -> tuple[Counting, ...]:
    """Of the steps that calls with certain traits are worth asking about, by rule."""
    each = ((rule, tuple(step for _, _, step in steps)) for rule, steps in groupby(asked, lambda one: one[0]))
    return tuple(Counting(rule, rule.window, steps) for rule, steps in each if rule.window is not None)


def shown_by_hits(call: Call, rule: Rule, hits: Iterable[str]) -> Shown | None:
    """The same of a rule that counts hits of other rules."""
    if rule.window is None:
        return None
    at_ns, whole, facts = call.started_ns, own(call), Facts(call)
    subjects = [Subject(whole, call, at_ns, at_ns, part=_Hit(name)) for name in hits]
    seen = []
    for counted in (_Counted(rule, rule.window, step) for step in rule.steps):
        found = (subject for subject in subjects if counted.step.where(subject, _JUDGING))
        seen += [(counted.step, subject, key) for subject in found if (key := counted.key(subject, {}))]
    entities = [facts.entity(by) for by in rule.window.by]
    return _shown(rule, rule.window, seen, entities) if seen else None


def additions_asked(rule: Rule, facts: Facts, at_us: int) -> list[Addition]:
    """The places of a call that are read before it is known whether anything is added to them."""
    window = rule.window
    if window is None:
        return []
    reach = window.reach._replace(least=1)
    places = _places(rule, window, [facts.entity(by) for by in window.by])
    return [Addition(place, {}, reach, at_us, at_us) for place in places]


def _shown(
    rule: Rule,
    window: Window,
    seen: Iterable[tuple[Step, Subject, Key]],
    entities: Iterable[str],
    signatures: Sequence[_Signature] = (),
) -> Shown | None:
    """None where the call belongs to nobody by whom the rule counts."""
    places = _places(rule, window, entities)
    if not places:
        return None
    told = [(step, subject, Sighting(subject.start_ns // 1000, *key)) for step, subject, key in seen]
    return Shown(rule, window, told, places, signatures)


def _places(rule: Rule, window: Window, entities: Iterable[str]) -> list[Place]:
    return [Place(rule.id, by, entity) for by, entity in zip(window.by, entities, strict=True) if entity]


def _text(read: Callable[[Subject], Any], subject: Subject) -> str | None:
    """Names and paths are whoever's; a long one is told by its begin and a digest."""
    value = read(subject)
    if value is None or value == "":
        return None
    text = value if isinstance(value, str) else f"{value:.12g}"
    if len(text) <= _FACET:
        return text
    return f"{text[:_FACET]}~{hashlib.sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()[:16]}"


def _name(subject: Subject) -> str:
    if subject.effect is not None:
        return subject.source
    if isinstance(subject.part, _Hit):
        return f"{subject.call.call_id}/{subject.part.id}"
    if subject.definition is not None:
        return f"{subject.call.call_id}/{subject.definition.name}"
    return subject.call.call_id
