"""Whether a window is complete: at which of its sightings all its needs hold, by event time alone. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ...text import duration
from .checks import Lack
from .moments import Moment, View
from .sightings import Content, Sighting, since
from .window import Need, Window

__all__ = ["Complete", "completions"]

_UNKNOWN = object()


@dataclass(frozen=True, slots=True)
class Complete:
    """Why a window is complete, and how many sightings it rests on."""

    facts: tuple[str, ...]
    count: int


def completions(window: Window, content: Content, mine: Sequence[Sighting]) -> Iterator[tuple[int, Complete | Lack]]:
    """What is complete at one of these sightings or at one behind that they may count for; of each bucket the first."""
    held, reach, step = content.held, window.reach, window.needs[-1].step
    if len(held) < reach.least:
        return
    last = max(one.at_us for one in mine) + reach.span_us
    told: set[int] = set()
    for at in range(since(held, min(one.at_us for one in mine)), len(held)):
        one = held[at]
        if one.at_us > last:
            return
        bucket = one.at_us // window.dedup_us
        if one.step != step or bucket in told:
            continue
        verdict = content.verdicts.get(one, _UNKNOWN)
        if verdict is _UNKNOWN:
            verdict = content.verdicts[one] = _verdict(window, content, one)
        if isinstance(verdict, Complete):
            told.add(bucket)
            yield bucket, verdict
        elif isinstance(verdict, Lack) and one in mine:
            yield bucket, verdict


def _verdict(window: Window, content: Content, last: Sighting) -> Complete | Lack | None:
    """Whether `last` completes the window. What cannot be judged counts only where all else holds."""
    held = content.held
    first, until = since(held, last.at_us - window.reach.span_us + 1), since(held, last.at_us + 1)
    if until - first < window.reach.least:
        return None
    moment = Moment(window.past, content, first, until, last)
    facts: list[str] = []
    lacking: Lack | None = None
    for need in window.needs:
        found = _need(need, View(moment, need.step))
        if found is None:
            return None
        if isinstance(found, Lack):
            lacking = lacking or found
        else:
            facts += found
    return lacking or Complete(tuple(facts), until - first)


def _need(need: Need, view: View) -> list[str] | Lack | None:
    if len(view.recent) < need.count:
        return None
    facts: list[str] = []
    lacking: Lack | None = None
    for check in need.checks:
        said = check(view)
        if said is None:
            return None
        if isinstance(said, Lack):
            lacking = lacking or said
        else:
            facts.append(said)
    if need.count > 1:
        lasted = duration((view.last.at_us - view.recent[0].at_us) / 1e6)
        facts.insert(0, f"{need.step}: {len(view.recent)} times within {lasted}")
    return lacking or facts
