"""What a window sees when one of its sightings could complete it: what lies around it, and what before. Pure."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from .sightings import Content, Held, Sighting, since
from .wording import words

__all__ = ["Moment", "Past", "View", "immature"]


@dataclass(frozen=True, slots=True)
class Past:
    """How far back a window looks, what it forgets, and what its history needs."""

    span_us: int
    history_us: int
    most: int
    mature: tuple[str, int] | None


class Moment:
    """What a place held when `last` was seen: `around` within the span, itself at the end, and `before` that."""

    __slots__ = ("_before", "_first", "_held", "_lack", "_until", "content", "last", "past")

    def __init__(self, past: Past, content: Content, first: int, until: int, last: Sighting) -> None:
        self.past, self.content, self.last = past, content, last
        self._held, self._first, self._until = content.held, first, until
        self._before: Held | None = None
        self._lack: str | None = None

    @property
    def around(self) -> Held:
        return self._held[self._first : self._until]

    @property
    def before(self) -> Held:
        if self._before is None:
            oldest = since(self._held, self.last.at_us - self.past.history_us)
            self._before = self._held[oldest : self._first]
        return self._before

    @property
    def lack(self) -> str:
        """What the history lacks before it can say that something is new."""
        if self._lack is None:
            self._lack = self._lacks() if self.past.history_us else ""
        return self._lack

    def _lacks(self) -> str:
        most = self.past.most
        if len(self._held) >= most and self._held[0].at_us > self.last.at_us - self.past.span_us:
            return f"only the newest {most} sightings are kept, and they reach back less than the span"
        return immature(self.before, self.past)


class View:
    """What one need sees of a moment: the sightings of its step within the span (`recent`) and before it (`past`), and
    those of all steps (`around`, `before`)."""

    __slots__ = ("_first", "_held", "_moment", "_past", "last", "recent")

    def __init__(self, moment: Moment, step: str) -> None:
        self._moment, self._held = moment, moment.content.of(step)
        self.last = last = moment.last
        self._first = since(self._held, last.at_us - moment.past.span_us + 1)
        # of its own step those before it; at the same moment another step comes first
        until = bisect_right(self._held, last) if last.step == step else since(self._held, last.at_us + 1)
        self.recent = self._held[self._first : until]
        self._past: Held | None = None

    @property
    def past(self) -> Held:
        if self._past is None:
            oldest = since(self._held, self.last.at_us - self._moment.past.history_us)
            self._past = self._held[oldest : self._first]
        return self._past

    @property
    def around(self) -> Held:
        return self._moment.around

    @property
    def before(self) -> Held:
        return self._moment.before

    @property
    def lack(self) -> str:
        return self._moment.lack


def immature(before: Sequence[Sighting], past: Past) -> str:
    """Which different values the history lacks; empty where there are enough."""
    if past.mature is None:
        return ""
    name, least = past.mature
    have = len({one.facet(name) for one in before})
    return "" if have >= least else f"the history has {have} of the {least} {words(name)} that it needs"
