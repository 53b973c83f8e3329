"""Whether a window is complete: at which of its sightings all its needs hold, by event time alone. Pure."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from operator import attrgetter

from .checks import Lack, View, lack_of
from .sightings import Content, Held, Sighting
from .window import Need, Window

__all__ = ["Complete", "completions"]

_at = attrgetter("at_us")


@dataclass(frozen=True, slots=True)
class Complete:
    """Why a window is complete, and how many sightings it rests on."""

    facts: tuple[str, ...]
    count: int


def completions(window: Window, content: Content, mine: Sequence[Sighting]) -> Iterator[tuple[int, Complete | Lack]]:
    """What is complete at one of these sightings or at one behind that they may count for; of each bucket the first."""
    held = content.held
    if len(held) < window.least:
        return
    first, last = min(one.at_us for one in mine), max(one.at_us for one in mine) + window.span_us
    told: set[int] = set()
    for one in held[bisect_left(held, first, key=_at) : bisect_right(held, last, key=_at)]:
        bucket = one.at_us // window.dedup_us
        if one.step != window.needs[-1].step or bucket in told:
            continue
        if one not in content.verdicts:
            content.verdicts[one] = _verdict(window, held, one)
        verdict = content.verdicts[one]
        if isinstance(verdict, Complete):
            told.add(bucket)
            yield bucket, verdict
        elif isinstance(verdict, Lack) and one in mine:
            yield bucket, verdict


def _verdict(window: Window, held: Held, last: Sighting) -> Complete | Lack | None:
    """Whether `last` completes the window. What cannot be judged counts only where all else holds."""
    until = bisect_right(held, last.at_us, key=_at)
    since = bisect_right(held, last.at_us - window.span_us, key=_at)
    around = held[since:until]
    before = held[bisect_left(held, last.at_us - window.past.history_us, key=_at) : since]
    lack = lack_of(before, held, window.past, last) if window.past.history_us else ""
    facts: list[str] = []
    lacking: Lack | None = None
    for need in window.needs:
        found = _need(need, View(last, _until(last, around, need), _of(before, need), around, before, lack))
        if found is None:
            return None
        if isinstance(found, Lack):
            lacking = lacking or found
        else:
            facts += found
    return lacking or Complete(tuple(facts), len(around))


def _of(sightings: Iterable[Sighting], need: Need) -> tuple[Sighting, ...]:
    return tuple(one for one in sightings if one.step == need.step)


def _until(last: Sighting, sightings: Iterable[Sighting], need: Need) -> tuple[Sighting, ...]:
    """Of its own step those before it; at the same moment another step comes first."""
    return tuple(one for one in sightings if one.step == need.step and (one.step != last.step or one <= last))


def _need(need: Need, view: View) -> list[str] | Lack | None:
    if len(view.recent) < need.count:
        return None
    lasted = (view.last.at_us - view.recent[0].at_us) / 1e6
    facts = [f"{need.step}: {len(view.recent)} within {lasted:,.0f} s"] if len(view.recent) > 1 else []
    lacking: Lack | None = None
    for check in need.checks:
        said = check(view)
        if said is None:
            return None
        if isinstance(said, Lack):
            lacking = lacking or said
        else:
            facts.append(f"{need.step}: {said}")
    return lacking or facts
