"""What a window holds: sightings of one entity for one rule, in event time, each once, the newest only. Pure.

A window is a set: order of arrival and repetition change nothing, so a restart, a replay and a late record end in the
same place. The store keeps the same sets outside, by the same law, and reads of them only what can change an answer.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import orjson

__all__ = [
    "GRAIN",
    "Addition",
    "Content",
    "Held",
    "Key",
    "Memory",
    "Place",
    "Reach",
    "Sighting",
    "content",
    "member",
    "since",
]

GRAIN = "~"
"""Begins the id of a sighting that stands for all equal ones of one grain of time."""

Key = tuple[str, str, tuple[tuple[str, str], ...]]
"""A sighting without its time: step, id, facets."""


class Place(NamedTuple):
    """Where a sighting counts: the rule, by what it counts, and the entity."""

    rule: str
    by: str
    entity: str


class Sighting(NamedTuple):
    """`facets` are name and value, sorted by name. Of equal `step` and `id` it is one sighting, whatever is known."""

    at_us: int
    step: str
    id: str
    facets: tuple[tuple[str, str], ...] = ()

    @property
    def key(self) -> Key:
        return self[1:]

    def facet(self, name: str) -> str:
        for key, value in self.facets:
            if key == name:
                return value
        return ""


class Reach(NamedTuple):
    """How much of a place a window needs. The newest `most` sightings stay, and `keep_s` after the last one the place
    may be forgotten. With fewer than `least` within `span_us` of a sighting nothing is complete there, and nothing is
    asked of what lies further back than `back_us`. Equal ones may stand for one up to `grain_us` later."""

    most: int
    keep_s: int
    least: int = 0
    span_us: int = 0
    back_us: int = 0
    grain_us: int = 0


class Addition(NamedTuple):
    """Sightings to add to a place before it is read, with their times in microseconds since the epoch. They, or those
    that the place is only read for, lie between `first_us` and `last_us`."""

    place: Place
    members: Mapping[Key, int]
    reach: Reach
    first_us: int
    last_us: int

    @property
    def around(self) -> tuple[int, int]:
        """What they can be counted with lies behind the first of these times, and not behind the second."""
        return self.first_us - self.reach.grain_us - self.reach.span_us, self.last_us + self.reach.span_us

    @property
    def since_us(self) -> int:
        """Nothing before it matters to them."""
        return self.first_us - self.reach.grain_us - max(self.reach.span_us, self.reach.back_us)


Held = tuple[Sighting, ...]
"""The sightings of one place in order of time."""


@dataclass(frozen=True, slots=True)
class Content:
    """What a place held when it was read, and what was found of each sighting that could complete it. Empty also where
    there was too little around what was added to complete anything."""

    held: Held
    verdicts: dict[Sighting, Any] = field(default_factory=dict, compare=False)
    steps: dict[str, Held] = field(default_factory=dict, compare=False)

    def of(self, step: str) -> Held:
        """What it held of one step, split off once for all that ask."""
        held = self.steps.get(step)
        if held is None:
            held = self.steps[step] = tuple([one for one in self.held if one.step == step])
        return held

    def taking(self, one: Sighting, grain_us: int) -> tuple[Content, Sighting]:
        """This content with a sighting of the one who asks, and the sighting as it stands there: what the place holds
        under its name already is the same one."""
        begun = one.at_us // grain_us * grain_us if grain_us else one.at_us
        for known in self.held[since(self.held, begun) : since(self.held, one.at_us + 1)]:
            if known.id == one.id and known.step == one.step and (not grain_us or known.facets == one.facets):
                return self, known
        return Content(tuple(sorted((*self.held, one)))), one


def since(held: Held, at_us: int) -> int:
    """The place of the first of these sightings at this time or later."""
    return bisect_left(held, (at_us,))  # shorter than any sighting, and so before those of the same time


def member(key: Key) -> bytes:
    """A sighting without its time, as the store keeps it."""
    return orjson.dumps(key)


def content(members: Iterable[tuple[Key, int]]) -> Content:
    """What a place holds. Of two under one id the one that knows more stands."""
    sightings = sorted([Sighting(at_us, *key) for key, at_us in members])
    latest = {one if one.id.startswith(GRAIN) else (one.step, one.id): one for one in sightings}
    return Content(tuple(sightings if len(latest) == len(sightings) else sorted(latest.values())))


class Memory:
    """Places in memory, for a replay or a test, or of the newest `entities` for a while."""

    def __init__(self, entities: int | None = None) -> None:
        self._most = entities
        self._places: OrderedDict[Place, dict[Key, int]] = OrderedDict()

    def add(self, addition: Addition) -> Content:
        """Add the sightings and read what of the place matters to them."""
        held = self._places.setdefault(addition.place, {})
        self._places.move_to_end(addition.place)
        for key, at_us in addition.members.items():
            held[key] = min(at_us, held.get(key, at_us))
        surplus = max(len(held) - addition.reach.most, 0)
        if surplus:
            for key in sorted(held, key=lambda key: (held[key], member(key)))[:surplus]:
                del held[key]
        if self._most is not None and len(self._places) > self._most:
            self._places.popitem(last=False)
        return _read(held, addition, surplus)

    def over(self, windows: Mapping[Place, Content]) -> dict[Place, Content]:
        """The places of both, with what either holds."""
        both = {place: content(self._places[place].items()) for place in windows if place in self._places}
        return {place: Content(tuple(sorted({*windows[place].held, *mine.held}))) for place, mine in both.items()}


def _read(held: Mapping[Key, int], addition: Addition, surplus: int) -> Content:
    """`surplus` were dropped just now, of what was added perhaps, whom the others around may complete."""
    least = addition.reach.least - surplus
    after, until = addition.around
    if len(held) < least or sum(after < at_us <= until for at_us in held.values()) < least:
        return Content(())
    oldest = addition.since_us
    return content((key, at_us) for key, at_us in held.items() if at_us >= oldest)
