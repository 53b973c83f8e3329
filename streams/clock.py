"""The watermark of one co-partition: how far event time has come, over all its source topics. Pure.

Per topic it is the largest event time minus the disorder that is allowed for; of the partition the least of its topics
(as interval joins do in Apache Flink). An idle topic leaves the minimum: it has no record left to give and has been
silent for `idle_ns`. While all are idle, time moves with the wall clock minus `lag_ns`. The watermark never goes back.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable

from .config import ClockTimes

__all__ = ["Clock", "Hearing"]


class Clock:
    """Event time of one co-partition. Wall time (Unix epoch, nanoseconds) is always the caller's."""

    def __init__(self, topics: Iterable[str], times: ClockTimes, wall_ns: int) -> None:
        self._times = times
        self._newest: dict[str, int | None] = dict.fromkeys(topics)
        self._heard = dict.fromkeys(self._newest, wall_ns)
        self._watermark: int | None = None

    def observe(self, topic: str, event_ns: int, appended_ns: int, wall_ns: int) -> int:
        """Count one record and answer the time to take for it: its own, or its arrival where its clock is wrong.

        Nothing happens after it arrived at the broker, so the watermark never passes an arrival: a clock that runs
        ahead closes nobody else's calls. A record ahead by more than the skew is itself moved to its arrival.
        """
        newest = self._newest[topic]
        reached = min(event_ns, appended_ns)
        self._newest[topic] = reached if newest is None else max(newest, reached)
        self._heard[topic] = wall_ns
        return event_ns if event_ns <= appended_ns + self._times.skew_ns else appended_ns

    def watermark(self, wall_ns: int, at_end: Iterable[str] = ()) -> int | None:
        """The watermark now; None while a topic may still bring its first record.

        `at_end` are the topics whose reader has reached the end of the partition.
        """
        ended = frozenset(at_end)
        busy = [topic for topic in self._newest if not self._idle(topic, ended, wall_ns)]
        moved: int | None
        if not busy:
            moved = wall_ns - self._times.lag_ns
        else:
            reached = [newest for topic in busy if (newest := self._newest[topic]) is not None]
            moved = min(reached) - self._times.out_of_order_ns if len(reached) == len(busy) else None
        if moved is not None and (self._watermark is None or moved > self._watermark):
            self._watermark = moved
        return self._watermark

    @property
    def topics(self) -> tuple[str, ...]:
        return tuple(self._newest)

    @property
    def reached(self) -> int | None:
        """The watermark as it was moved last."""
        return self._watermark

    def held_by(self, wall_ns: int, at_end: Iterable[str] = ()) -> str | None:
        """The topic that time waits for: the one furthest behind, or without a record yet; None while all are idle."""
        ended = frozenset(at_end)
        busy = [topic for topic in self._newest if not self._idle(topic, ended, wall_ns)]
        return min(busy, key=lambda topic: self._newest[topic] or 0, default=None)

    def ahead(self, wall_ns: int, at_end: Iterable[str] = ()) -> tuple[str, ...]:
        """The topics that are far ahead of the one that time waits for."""
        behind = self.held_by(wall_ns, at_end)
        if behind is None:
            return ()
        reached = self._newest[behind]
        far = -1 if reached is None else reached + self._times.ahead_ns
        return tuple(topic for topic, newest in self._newest.items() if newest is not None and newest > far)

    def _idle(self, topic: str, ended: frozenset[str], wall_ns: int) -> bool:
        self._heard[topic] = heard_ns = min(self._heard[topic], wall_ns)  # a wall clock that is set back mutes nobody
        return topic in ended and wall_ns - heard_ns >= self._times.idle_ns


class Hearing:
    """Whether the silence of a partition is silence. Where it ends is known from its broker's last answer, which is old
    when this process was frozen, or when the broker is away, frozen, or believes that it still leads. So a partition
    counts as read to its end only once answers came without a pause for `idle_ns`."""

    def __init__(self, idle_ns: int) -> None:
        self._idle_ns = idle_ns
        self._places: dict[Hashable, tuple[int, int]] = {}  # its last answer, and since when they come without a pause

    def at(self, place: Hashable, answered_ns: int, wall_ns: int) -> bool:
        """To be asked at every tick, several times in `idle_ns`. `answered_ns`: the wall time of the last answer."""
        last, since = self._places.get(place, (0, wall_ns))
        pauses = answered_ns - last, wall_ns - answered_ns
        if not all(0 <= pause < self._idle_ns for pause in pauses):  # negative: a clock that was set back
            since = wall_ns
        self._places[place] = answered_ns, since
        return wall_ns - since >= self._idle_ns
