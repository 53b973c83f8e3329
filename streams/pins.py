"""The chunks of one co-partition that are not acknowledged yet, acknowledged in the order they came. Pure.

Per topic an offset may be committed only when everything before it is finished; Kafka clients lose records when
acknowledgements come out of order.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from .stage import Pin

__all__ = ["PinQueue"]


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
