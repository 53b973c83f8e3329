"""The chunks of one co-partition that are not acknowledged yet, acknowledged in the order they came. Pure.

Per topic an offset may be committed only when everything before it is finished; Kafka clients lose records when
acknowledgements come out of order.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

__all__ = ["Pin", "PinQueue"]


class Pin:
    """One source chunk. Its offset may be committed once nothing holds it; every hold needs its own release."""

    __slots__ = ("_behind", "_committed", "_holds", "_topic")

    def __init__(self, topic: str = "") -> None:
        self._topic = topic
        self._holds = 0
        self._committed = False
        self._behind: list[Pin] = []

    @property
    def held(self) -> bool:
        return self._holds > 0

    def hold(self) -> None:
        self._holds += 1

    def release(self) -> None:
        """Give one hold back. Raises ValueError when nobody holds the pin: a second release would lose records."""
        if not self._holds:
            raise ValueError("a pin was released more often than it was held")
        self._holds -= 1

    def lead(self, other: Pin) -> None:
        """Let `other` be committed no sooner than this one, for whoever reads this chunk again needs that one too.
        Chunks of one topic are committed in their order anyway."""
        if other._topic != self._topic and not self._committed:
            other.hold()
            self._behind.append(other)

    def commit(self) -> None:
        """The chunk was acknowledged: what it led is free of it."""
        self._committed = True
        for other in self._behind:
            other.release()
        self._behind.clear()


class PinQueue:
    """One queue per topic."""

    def __init__(self) -> None:
        self._queues: dict[str, deque[tuple[Pin, Callable[[], None]]]] = {}

    def __len__(self) -> int:
        return sum(map(len, self._queues.values()))

    def add(self, topic: str, done: Callable[[], None]) -> Pin:
        """A pin for the next chunk of `topic`, held once; `done` is called when it and all before it are free."""
        pin = Pin(topic)
        pin.hold()
        self._queues.setdefault(topic, deque()).append((pin, done))
        return pin

    def settle(self) -> None:
        """Acknowledge what has become free, and what becomes free by that."""
        while any(self._settle(queue) for queue in self._queues.values()):
            pass

    def _settle(self, queue: deque[tuple[Pin, Callable[[], None]]]) -> bool:
        settled = False
        while queue and not queue[0][0].held:
            pin, done = queue.popleft()
            done()
            pin.commit()
            settled = True
        return settled
