"""What of a call counts in which windows: its sightings, and whose they are. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import NamedTuple

from ...bindings import BINDINGS
from ...events import Call
from .asking import Asked, Subjects, own
from .conditions import Judging
from .entities import ENTITIES
from .rule import Rule, Step
from .sightings import GRAIN, Addition, Place, Sighting, member
from .subjects import Subject
from .window import Window

__all__ = ["Shown", "additions_asked", "shown", "shown_by_hits"]

_FACET = 128
_JUDGING = Judging({})  # a condition of a window asks no baseline


class Shown(NamedTuple):
    """What of one call counts for one rule."""

    rule: Rule
    window: Window
    told: Sequence[tuple[Step, Subject, Sighting]]
    places: Sequence[Place]

    @property
    def additions(self) -> list[Addition]:
        """What it adds to each of its places."""
        members = {member(one): one.at_us for _, _, one in self.told}
        grained = self.window.grained.issuperset(step.name for step, _, _ in self.told)
        return [Addition(place, members, self.window.past.most, self.window.keep_s, grained) for place in self.places]


@dataclass(frozen=True, slots=True)
class _Hit:
    id: str


def shown(call: Call, asked: Iterable[Asked]) -> Iterator[Shown]:
    """By rule what counts of a call, of the steps that it is worth asking about."""
    subjects = Subjects(own(call), call)
    for _, each in groupby(asked, _rule_id):
        steps = tuple(each)
        found = [
            (step, subject)
            for _, _, step in steps
            for subject in subjects.of(step)
            if step.gate.decides or step.where(subject, _JUDGING)
        ]
        if found and (counts := _counting(steps[0][0], call, found)):
            yield counts


def shown_by_hits(call: Call, rule: Rule, hits: Iterable[str]) -> Shown | None:
    """The same of a rule that counts hits of other rules."""
    at_ns = call.started_ns
    subjects = [Subject(own(call), call, at_ns, at_ns, part=_Hit(name)) for name in hits]
    found = ((step, subject) for step in rule.steps for subject in subjects if step.where(subject, _JUDGING))
    return _counting(rule, call, found)


def additions_asked(rule: Rule, call: Call) -> list[Addition]:
    """The places of a call that are read before it is known whether anything is added to them."""
    window = rule.window
    if window is None:
        return []
    grained = bool(window.grained)
    return [Addition(place, {}, window.past.most, window.keep_s, grained) for place in _places(rule, window, call)]


def _places(rule: Rule, window: Window, call: Call) -> list[Place]:
    return [Place(rule.id, by, entity) for by in window.by if (entity := ENTITIES[by](call))]


def _rule_id(asked: Asked) -> str:
    return asked[0].id


def _counting(rule: Rule, call: Call, found: Iterable[tuple[Step, Subject]]) -> Shown | None:
    window = rule.window
    if window is None:
        return None
    told = [(step, subject, one) for step, subject in found if (one := _sighting(rule, window, step, subject))]
    return Shown(rule, window, told, _places(rule, window, call)) if told else None


def _sighting(rule: Rule, window: Window, step: Step, subject: Subject) -> Sighting | None:
    """None where a facet is not known, or where it is not sure enough that the call did it: that counts for nothing."""
    effect = subject.effect
    if effect is not None and BINDINGS.index(effect.binding) < BINDINGS.index(rule.needs.binding):
        return None
    facets = []
    for name, field in window.facets[step.name].items():
        value = field.read(subject)
        if value is None or value == "":
            return None
        facets.append((name, _bounded(value) if isinstance(value, str) else f"{value:.12g}"))
    at_us = subject.start_ns // 1000
    name = f"{GRAIN}{at_us // window.grain_us}" if step.name in window.grained else _name(subject)
    return Sighting(at_us, step.name, name, tuple(facets))


def _bounded(text: str) -> str:
    """Names and paths are whoever's; a long one is told by its begin and a digest."""
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
