"""When the sensor reads and when it shows a sign of life. Times are CLOCK_MONOTONIC nanoseconds."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["Clock", "Timetable"]


@dataclass(frozen=True, slots=True)
class Clock:
    """Monotonic and wall time in nanoseconds. The first must be the clock of bpf_ktime_get_ns."""

    mono: Callable[[], int] = time.monotonic_ns
    wall: Callable[[], int] = time.time_ns


class Timetable:
    """Two appointments: a reading, while something waits for it, and a beat every `heartbeat_ns`."""

    def __init__(self, clock: Clock, heartbeat_ns: int) -> None:
        self._clock = clock
        self._heartbeat_ns = heartbeat_ns
        self._due_ns = 0  # 0 while nothing waits
        self._beat_ns = 0

    def wait_at_most(self, span_ns: int) -> None:
        """Read within `span_ns`."""
        due = self._clock.mono() + span_ns
        self._due_ns = min(self._due_ns or due, due)

    def patience_s(self) -> float:
        """Seconds until the next appointment."""
        until = min(self._due_ns, self._beat_ns) if self._due_ns else self._beat_ns
        return max(0.0, (until - self._clock.mono()) / 1e9)

    def is_due(self) -> bool:
        """Whether it is time to read; the appointment is over then."""
        if not self._due_ns or self._clock.mono() < self._due_ns:
            return False
        self._due_ns = 0
        return True

    def beats(self) -> bool:
        """Whether it is time for a sign of life; the next follows."""
        now = self._clock.mono()
        if now < self._beat_ns:
            return False
        self._beat_ns = now + self._heartbeat_ns
        return True
