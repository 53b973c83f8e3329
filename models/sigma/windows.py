"""The matches that correlations count, by group, in event time; and when they are enough. Pure and bounded.

A window ends at each match and reaches back over the timespan. Matches may come late, twice and in any order: a match
is known by its id, and one that comes late is put where it belongs and asks the windows behind it again.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right, insort
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations

from .correlation import Correlation, Group
from .fields import Scalar

__all__ = ["Occurrence", "Sighting", "Windows"]

_MOST = 4_096  # sightings of a group
_GROUPS = 4_096  # of a correlation
_LATE_NS = 600_000_000_000  # a match that comes later than this behind the newest of its group may count in no window


@dataclass(frozen=True, slots=True, order=True)
class Sighting:
    """One match of one slot. Two with the same slot and id are the same match."""

    at_ns: int
    slot: int
    id: str
    value: Scalar | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Occurrence:
    """A window in which the correlation holds."""

    group: Group
    start_ns: int
    end_ns: int
    metric: float


class _Seen:
    """The sightings of one group, each once."""

    __slots__ = ("_by_id", "in_order")

    def __init__(self) -> None:
        self.in_order: list[Sighting] = []
        self._by_id: dict[tuple[int, str], Sighting] = {}

    def put(self, sighting: Sighting) -> None:
        key = (sighting.slot, sighting.id)
        if (known := self._by_id.get(key)) is not None:
            del self.in_order[bisect_left(self.in_order, known)]
        self._by_id[key] = sighting
        insort(self.in_order, sighting)

    def drop(self, count: int) -> None:
        """Forget the oldest."""
        for one in self.in_order[:count]:
            del self._by_id[one.slot, one.id]
        del self.in_order[:count]


class Windows:
    """The state of one correlation. `dropped` counts sightings beyond the bounds: a group keeps its newest."""

    def __init__(self, correlation: Correlation) -> None:
        self.dropped = 0
        self._correlation = correlation
        self._groups: OrderedDict[Group, _Seen] = OrderedDict()

    def add(self, group: Group, sighting: Sighting) -> Iterator[Occurrence]:
        """Take one sighting; every window that it lies in and that holds now, oldest first."""
        held = self._groups.setdefault(group, _Seen())
        self._groups.move_to_end(group)
        held.put(sighting)
        self._bound(held)
        seen, last = held.in_order, sighting.at_ns + self._correlation.span_ns
        near = seen[bisect_left(seen, sighting.at_ns, key=_time) : bisect_right(seen, last, key=_time)]
        ends = dict.fromkeys(one.at_ns for one in near)
        return filter(None, (self._window(group, seen, end) for end in ends))

    def _window(self, group: Group, seen: Sequence[Sighting], end_ns: int) -> Occurrence | None:
        start_ns = end_ns - self._correlation.span_ns
        first = bisect_left(seen, start_ns, key=_time)
        metric = measure(self._correlation, seen[first : bisect_right(seen, end_ns, key=_time)])
        return None if metric is None else Occurrence(group, start_ns, end_ns, metric)

    def _bound(self, held: _Seen) -> None:
        """Forget what no window can reach any more."""
        seen = held.in_order
        old = bisect_left(seen, seen[-1].at_ns - self._correlation.span_ns - _LATE_NS, key=_time)
        beyond = max(old, len(seen) - _MOST)
        self.dropped += beyond - old
        held.drop(beyond)
        if len(self._groups) > _GROUPS:
            self.dropped += len(self._groups.popitem(last=False)[1].in_order)


def measure(correlation: Correlation, seen: Sequence[Sighting]) -> float | None:
    """The metric of one window where the correlation holds in it, else None."""
    if correlation.terms:
        present = {one.slot for one in seen}
        enough = any(term <= present and _in_order(correlation, seen, sorted(term)) for term in correlation.terms)
        return float(len(present)) if enough else None
    metric = _METRICS[correlation.kind](correlation, seen)
    if metric is None or not correlation.holds(metric):
        return None
    return metric if correlation.kind != "temporal_ordered" or _ordered(correlation, seen) else None


def _ordered(correlation: Correlation, seen: Sequence[Sighting]) -> bool:
    """Whether as many slots as are asked for came one after the other; where not a least number is asked for, all that
    came."""
    slots = range(len(correlation.slots))
    if correlation.op in ("gt", "gte"):
        count = correlation.count
        least = max(0, math.floor(count) + 1 if correlation.op == "gt" else math.ceil(count))
        return any(_follow(seen, chosen) for chosen in combinations(slots, least))
    present = {one.slot for one in seen}
    return _follow(seen, [slot for slot in slots if slot in present])


def _in_order(correlation: Correlation, seen: Sequence[Sighting], slots: Sequence[int]) -> bool:
    return correlation.kind != "temporal_ordered" or _follow(seen, slots)


def _follow(seen: Sequence[Sighting], slots: Sequence[int]) -> bool:
    """Whether each slot has a sighting after the one chosen for the slot before; the earliest leaves most room."""
    after = -math.inf
    for slot in slots:
        times = (one.at_ns for one in seen if one.slot == slot and one.at_ns > after)
        found = next(times, None)
        if found is None:
            return False
        after = found
    return True


def _numbers(seen: Sequence[Sighting]) -> list[float]:
    """Of each event once, however many slots it matched."""
    return sorted(value for _, value in {(one.id, one.value) for one in seen} if isinstance(value, float))


def _percentile(correlation: Correlation, seen: Sequence[Sighting]) -> float | None:
    """Linear between the two nearest ranks."""
    numbers = _numbers(seen)
    if not numbers:
        return None
    at = (len(numbers) - 1) * correlation.percentile / 100
    low = int(at)
    return numbers[low] + (at - low) * (numbers[min(low + 1, len(numbers) - 1)] - numbers[low])


def _sum(_: Correlation, seen: Sequence[Sighting]) -> float | None:
    numbers = _numbers(seen)
    return math.fsum(numbers) if numbers else None


def _mean(_: Correlation, seen: Sequence[Sighting]) -> float | None:
    numbers = _numbers(seen)
    return math.fsum(numbers) / len(numbers) if numbers else None


_METRICS: Mapping[str, Callable[[Correlation, Sequence[Sighting]], float | None]] = {
    "event_count": lambda _, seen: len({one.id for one in seen}),
    "value_count": lambda _, seen: len({one.value for one in seen if one.value is not None}),
    "value_sum": _sum,
    "value_avg": _mean,
    "value_median": _percentile,
    "value_percentile": _percentile,
    "temporal": lambda _, seen: len({one.slot for one in seen}),
    "temporal_ordered": lambda _, seen: len({one.slot for one in seen}),
}


def _time(sighting: Sighting) -> int:
    return sighting.at_ns
