"""What a window holds: sightings of one entity for one rule, in event time, each once, the newest only. Pure.

A window is a set: order of arrival and repetition change nothing, so a restart, a replay and a late record end in the
same place. The store keeps the same sets outside, by the same law.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from operator import attrgetter
from typing import Any, NamedTuple

import orjson

__all__ = ["GRAIN", "Addition", "Content", "Held", "Memory", "Place", "Sighting", "content", "member"]

GRAIN = "~"
"""Begins the id of a sighting that stands for all equal ones of one grain of time."""
_REMEMBERED = 65_536
_at = attrgetter("at_us")


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

    def facet(self, name: str) -> str:
        for key, value in self.facets:
            if key == name:
                return value
        return ""


class Addition(NamedTuple):
    """Sightings to add to a place before it is read: by their bytes, microseconds since the epoch. The newest `most`
    stay; `keep_s` after the last one the place may be forgotten."""

    place: Place
    members: Mapping[bytes, int]
    most: int
    keep_s: int
    grained: bool = False  # equal ones of one grain of time are one


Held = tuple[Sighting, ...]
"""The sightings of one place in order of time."""


@dataclass(frozen=True, slots=True)
class Content:
    """What a place held when it was read, and what was found of each sighting that could complete it."""

    held: Held
    verdicts: dict[Sighting, Any] = field(default_factory=dict, compare=False)

    def taking(self, one: Sighting, grain_us: int) -> tuple[Content, Sighting]:
        """This content with a sighting of the one who asks, and the sighting as it stands there: what the place holds
        under its name already is the same one."""
        since = one.at_us // grain_us * grain_us if grain_us else one.at_us
        for known in self.held[bisect_left(self.held, since, key=_at) : bisect_right(self.held, one.at_us, key=_at)]:
            if (known.step, known.id) == (one.step, one.id) and (not grain_us or known.facets == one.facets):
                return self, known
        return Content(tuple(sorted((*self.held, one)))), one


def member(sighting: Sighting) -> bytes:
    """A sighting without its time, as the store keeps it."""
    return orjson.dumps((sighting.step, sighting.id, sighting.facets))


def content(members: Iterable[tuple[bytes, float]]) -> Content:
    """What a store's answer says. Of two under one id the one that knows more stands."""
    sightings = sorted(_read(body, at_us) for body, at_us in members)
    latest = {one if one.id.startswith(GRAIN) else (one.step, one.id): one for one in sightings}
    return Content(tuple(sightings if len(latest) == len(sightings) else sorted(latest.values())))


@lru_cache(_REMEMBERED)
def _read(body: bytes, at_us: float) -> Sighting:
    step, name, facets = orjson.loads(body)
    return Sighting(int(at_us), step, name, tuple((key, value) for key, value in facets))


class Memory:
    """Places in memory, for a replay or a test, or of the newest `entities` for a while."""

    def __init__(self, entities: int | None = None) -> None:
        self._most = entities
        self._places: OrderedDict[Place, dict[bytes, int]] = OrderedDict()

    def add(self, addition: Addition) -> Content:
        """Add the sightings and read the place."""
        place = self._places.setdefault(addition.place, {})
        self._places.move_to_end(addition.place)
        for body, at_us in addition.members.items():
            place[body] = min(at_us, place.get(body, at_us))
        if (surplus := len(place) - addition.most) > 0:
            for body in sorted(place, key=lambda body: (place[body], body))[:surplus]:
                del place[body]
        if self._most is not None and len(self._places) > self._most:
            self._places.popitem(last=False)
        return content(place.items())

    def over(self, windows: Mapping[Place, Content]) -> dict[Place, Content]:
        """The places of both, with what either holds."""
        both = {place: content(self._places[place].items()) for place in windows if place in self._places}
        return {place: Content(tuple(sorted({*windows[place].held, *mine.held}))) for place, mine in both.items()}
