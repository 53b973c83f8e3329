"""Times of all turns to figures: the least of each over the rounds, since other work on the machine only adds. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..report import Row
from .flood import Flood

__all__ = ["NONE", "UNWATCHED", "WATCHED", "Turn", "flood_rows", "rows"]

NONE, UNWATCHED, WATCHED = "none", "ours, not watched", "ours, watched"

_COMPILE = 1.15
_UNWATCHED_US = 0.3
_RSS_MB = 40.0
_RATE = 50_000.0


@dataclass(frozen=True, slots=True)
class Turn:
    """What one contender took in one round: nanoseconds a time by work, and MB of its process."""

    took_ns: Mapping[str, float]
    rss: float


def rows(rounds: Sequence[Mapping[str, Turn]], calls: Mapping[str, int]) -> list[Row]:
    """`calls`: system calls that one time of each work takes; 0 for a program."""
    least = {name: {work: min(one[name].took_ns[work] for one in rounds) for work in calls} for name in rounds[0]}
    found = [row for work in calls for row in _of_work(work, least, calls[work])]
    for name in least:
        if rss := max(one[name].rss for one in rounds):
            found.append(Row(name=f"memory: {name}", value=rss, unit="MB", at_most=_bar(name, _RSS_MB)))
    return found


def flood_rows(name: str, one: Flood) -> list[Row]:
    """`name` says whether the reader ran."""
    found = [
        Row(name=f"{name}: opens", value=one.happened, unit=""),
        Row(name=f"{name}: opens a second", value=one.happened_per_s, unit="1/s"),
        Row(name=f"{name}: over the budget, counted", value=one.counted, unit=""),
        Row(name=f"{name}: told as lost", value=one.lost, unit=""),
        Row(name=f"{name}: neither told nor told as lost", value=one.unaccounted, unit="", at_most=0),
    ]
    if not name.startswith("stalled"):
        found.append(Row(name=f"{name}: taken by a core", value=one.taken_per_s, unit="1/s", at_least=_RATE))
    return found


def _of_work(work: str, least: Mapping[str, Mapping[str, float]], calls: int) -> list[Row]:
    none = least[NONE][work]
    unit, scale = ("ns", 1.0) if calls else ("ms", 1e6)
    found = [Row(name=f"{work}: {NONE}", value=none / scale, unit=unit)]
    for name in least:
        if name != NONE:
            ratio = least[name][work] / none
            bar = _COMPILE if work == "compile" and name in (UNWATCHED, WATCHED) else None
            found.append(Row(name=f"{work}: {name}", value=ratio, unit="x none", at_most=bar))
    if calls:
        added = (least[UNWATCHED][work] - none) / calls / 1000
        found.append(
            Row(name=f"{work}: {UNWATCHED}, added to a system call", value=added, unit="us", at_most=_UNWATCHED_US)
        )
    return found


def _bar(name: str, bar: float) -> float | None:
    return bar if name in (UNWATCHED, WATCHED) else None
