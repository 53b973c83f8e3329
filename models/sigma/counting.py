"""Correlations at work: to which places a call adds its matches, and which windows they complete. Pure.

The places are of the same kind as those of rules with a [window]: the store keeps them, so all workers count together
and a restart forgets nothing. Early records wait for the whole call.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import NamedTuple

from ..detections.engine import Addition, Content, Hit, Place, Windowed, WindowHit
from ..detections.engine.asking import own
from ..detections.engine.matching import Match
from ..detections.engine.sightings import Sighting
from ..detections.engine.subjects import Subject
from ..events import Call
from ..text import clean
from ..turn import EARLY
from .correlation import Group, Slot
from .detection import Counted, Plain
from .fields import Event, events
from .windows import VALUE, Occurrence, occurrences

__all__ = ["Counting"]

_MOST = 20  # matches of one call that a finding points at
_GROUPS = 64  # that one event may belong to
_KEPT = 4_096  # calls between their look-up and their judgement
_DEDUP_US = 3_600_000_000


class _Shown(NamedTuple):
    """What of one call counts for one correlation, in one group."""

    counted: Counted
    place: Place
    group: Group
    told: list[tuple[Subject, Sighting]]

    @property
    def addition(self) -> Addition:
        members = {one.key: one.at_us for _, one in self.told}
        first, last = min(members.values()), max(members.values())
        return Addition(self.place, members, self.counted.correlation.reach, first, last)


class Counting:
    """All correlations, and the rules whose matches they count."""

    def __init__(self, plains: Sequence[Plain], correlations: Sequence[Counted]) -> None:
        self._slots: dict[str, list[tuple[Counted, Slot]]] = {}
        for one in correlations:
            for slot in one.correlation.slots:
                self._slots.setdefault(slot.rule, []).append((one, slot))
        self._plains: dict[str, list[Plain]] = {}
        for plain in plains:
            if plain.key in self._slots:
                self._plains.setdefault(plain.category, []).append(plain)
        self._kept: OrderedDict[int, tuple[Call, Sequence[_Shown]]] = OrderedDict()

    def additions(self, call: Call) -> tuple[Addition, ...]:
        """What a call adds to which places."""
        if not self._plains or EARLY in call.coverage.notes:
            return ()
        each = self._shown(call)
        self._kept[id(call)] = (call, each)
        if len(self._kept) > _KEPT:
            self._kept.popitem(last=False)
        return tuple(one.addition for one in each)

    def watch(self, call: Call, windows: Mapping[Place, Content]) -> Windowed:
        """Which windows hold by this call, or behind it. `windows` answers `additions`."""
        if not self._plains or EARLY in call.coverage.notes:
            return Windowed()
        asked, each = self._kept.pop(id(call), (None, ()))
        if asked is not call:
            each = self._shown(call)
        return Windowed(tuple(hit for one in each for hit in _completed(one, windows.get(one.place))))

    def _shown(self, call: Call) -> Sequence[_Shown]:
        found: dict[Place, _Shown] = {}
        for category, plains in self._plains.items():
            for number, (subject, event) in enumerate(events(own(call), category)):
                for counted, slot in (pair for one in plains if one.matches(event) for pair in self._slots[one.key]):
                    seen = _sighting(counted, slot, subject, event, number)
                    for group in islice(slot.groups(event), _GROUPS):
                        place = Place(counted.rule.id, "group", "\0".join(map(str, group)))
                        found.setdefault(place, _Shown(counted, place, group, [])).told.append((subject, seen))
        return tuple(found.values())


def _sighting(counted: Counted, slot: Slot, subject: Subject, event: Event, number: int) -> Sighting:
    value = counted.correlation.value(slot, event)
    facets = ((VALUE, value),) if value else ()
    return Sighting(subject.start_ns // 1000, slot.rule, _identity(subject, number), facets)


def _identity(subject: Subject, number: int) -> str:
    """Of one event, the same in every revision of its call."""
    if subject.effect is not None and subject.effect.source:
        return subject.effect.source
    return f"{subject.call.call_id}/{number}"


def _completed(one: _Shown, content: Content | None) -> Iterator[WindowHit]:
    """One finding for each group and hour, or timespan where that is longer."""
    if content is None:
        return
    mine = []
    for _, sighting in one.told:
        content, known = content.taking(sighting, 0)
        mine.append(known)
    correlation, rule = one.counted.correlation, one.counted.rule
    told: set[int] = set()
    for found in occurrences(correlation, content, mine):
        bucket = found.end_us // max(_DEDUP_US, correlation.span_us)
        if bucket in told:
            continue
        told.add(bucket)
        key = f"{one.place.rule}/{one.place.by}/{one.place.entity}/{bucket}"
        fact = (_fact(one, found),)
        matches = tuple(Match("", subject, said=fact) for subject, _ in one.told[:_MOST])
        yield WindowHit(Hit(rule, rule.severity, rule.risk, matches, key), key, one.place, len(content.held))


def _fact(one: _Shown, found: Occurrence) -> str:
    group = ", ".join(map(str, one.group))
    within = f"{found.metric:g} within {one.counted.correlation.span_us // 1_000_000} s"
    return clean(f"{one.counted.rule.title}: {within}{f' of {group}' if group else ''}")
