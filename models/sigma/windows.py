"""When the matches that a correlation counts are enough: in event time, over what its group's place holds. Pure.

A window ends at each match and reaches back over the timespan. Matches may come late, twice and in any order: what
comes late asks the windows behind it again.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter

from ..detections.engine import Content
from ..detections.engine.sightings import Held, Sighting
from .correlation import Correlation

__all__ = ["VALUE", "Occurrence", "occurrences"]

VALUE = "value"
"""The facet of a sighting that metrics count or add up."""
_at = attrgetter("at_us")


@dataclass(frozen=True, slots=True)
class Occurrence:
    """A window in which the correlation holds."""

    start_us: int
    end_us: int
    metric: float


def occurrences(correlation: Correlation, content: Content, mine: Sequence[Sighting]) -> Iterator[Occurrence]:
    """Every window that one of these sightings lies in and that holds, oldest first."""
    held = content.held
    first, last = min(one.at_us for one in mine), max(one.at_us for one in mine) + correlation.span_us
    near = held[bisect_left(held, first, key=_at) : bisect_right(held, last, key=_at)]
    for end in {one.at_us: one for one in near}.values():
        if end not in content.verdicts:
            content.verdicts[end] = _window(correlation, held, end.at_us)
        if found := content.verdicts[end]:
            yield found


def _window(correlation: Correlation, held: Held, end_us: int) -> Occurrence | None:
    start_us = end_us - correlation.span_us
    seen = held[bisect_left(held, start_us, key=_at) : bisect_right(held, end_us, key=_at)]
    metric = measure(correlation, seen)
    return None if metric is None else Occurrence(start_us, end_us, metric)


def measure(correlation: Correlation, seen: Held) -> float | None:
    """The metric of one window where the correlation holds in it, else None."""
    if correlation.terms:
        present = {one.step for one in seen}
        enough = any(present.issuperset(term) and _in_order(correlation, seen, term) for term in correlation.terms)
        return float(len(present)) if enough else None
    metric = _METRICS[correlation.kind](correlation, seen)
    if metric is None or not correlation.holds(metric):
        return None
    return metric if correlation.kind != "temporal_ordered" or _ordered(correlation, seen) else None


def _ordered(correlation: Correlation, seen: Held) -> bool:
    """Whether as many rules as are asked for came one after the other; where not a least number is asked for, all that
    came."""
    steps = [slot.rule for slot in correlation.slots]
    if correlation.op in ("gt", "gte"):
        count = correlation.count
        least = max(0, math.floor(count) + 1 if correlation.op == "gt" else math.ceil(count))
        return _longest(seen, steps) >= least
    present = {one.step for one in seen}
    return _follow(seen, [step for step in steps if step in present])


def _longest(seen: Held, steps: Sequence[str]) -> int:
    """How many of the steps at most came one after the other, in their order."""
    earliest = [-math.inf]  # by how many steps came: when the last of them did, at the earliest
    for step in steps:
        times = [one.at_us for one in seen if one.step == step]
        for came in range(len(earliest), 0, -1):
            found = next((at_us for at_us in times if at_us > earliest[came - 1]), math.inf)
            if found == math.inf:
                continue
            if came == len(earliest):
                earliest.append(found)
            else:
                earliest[came] = min(earliest[came], found)
    return len(earliest) - 1


def _in_order(correlation: Correlation, seen: Held, steps: Sequence[str]) -> bool:
    return correlation.kind != "temporal_ordered" or _follow(seen, steps)


def _follow(seen: Held, steps: Sequence[str]) -> bool:
    """Whether each step has a sighting after the one chosen for the step before; the earliest leaves most room."""
    after = -math.inf
    for step in steps:
        found = next((one.at_us for one in seen if one.step == step and one.at_us > after), None)
        if found is None:
            return False
        after = found
    return True


def _numbers(seen: Held) -> list[float]:
    """Of each event once, however many rules it matched."""
    return sorted(float(value) for _, value in {(one.id, one.facet(VALUE)) for one in seen} if value)


def _percentile(correlation: Correlation, seen: Held) -> float | None:
    """Linear between the two nearest ranks."""
    numbers = _numbers(seen)
    if not numbers:
        return None
    at = (len(numbers) - 1) * correlation.percentile / 100
    low = int(at)
    return numbers[low] + (at - low) * (numbers[min(low + 1, len(numbers) - 1)] - numbers[low])


def _sum(_: Correlation, seen: Held) -> float | None:
    numbers = _numbers(seen)
    return math.fsum(numbers) if numbers else None


def _mean(_: Correlation, seen: Held) -> float | None:
    numbers = _numbers(seen)
    return math.fsum(numbers) / len(numbers) if numbers else None


def _rules(_: Correlation, seen: Held) -> float:
    return len({one.step for one in seen})


_METRICS: Mapping[str, Callable[[Correlation, Held], float | None]] = {
    "event_count": lambda _, seen: len({one.id for one in seen}),
    "value_count": lambda _, seen: len({one.facet(VALUE) for one in seen if one.facets}),
    "value_sum": _sum,
    "value_avg": _mean,
    "value_median": _percentile,
    "value_percentile": _percentile,
    "temporal": _rules,
    "temporal_ordered": _rules,
}
