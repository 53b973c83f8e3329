"""What is far ahead of its time waits outside of a stage that has little room: topics of one co-partition stay aligned
(watermark alignment, as in Apache Flink). Else the topic that is quicker to read would fill the stage with calls whose
other half comes much later. Pure.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from .clock import Clock
from .ports import Chunk
from .stage import Stage

__all__ = ["Aside"]


class Aside:
    """The chunks of one co-partition that wait, in order of each topic."""

    def __init__(self, stage: Stage, clock: Clock) -> None:
        self._stage = stage
        self._clock = clock
        self._ended: tuple[str, ...] = ()
        self._chunks: deque[Chunk] = deque()
        self.ahead: tuple[str, ...] = ()

    def heard(self, ended: Iterable[str]) -> tuple[str, ...]:
        """Of topics that have nothing more to read those of which nothing waits here either."""
        self._ended = tuple(ended)
        return self._silent()

    def put(self, chunk: Chunk, wall_ns: int) -> bool:
        """Whether this chunk waits."""
        self._look(wall_ns)
        waits = chunk.topic in self.ahead or self._holds(chunk.topic)
        if waits:
            self._chunks.append(chunk)
        return waits

    def take(self, wall_ns: int) -> Chunk | None:
        """The next chunk that waits no longer."""
        self._look(wall_ns)
        for chunk in self._chunks:
            if chunk.topic not in self.ahead:
                self._chunks.remove(chunk)
                return chunk
        return None

    def _look(self, wall_ns: int) -> None:
        self.ahead = self._clock.ahead(wall_ns, self._silent()) if self._stage.crowding() else ()

    def _silent(self) -> tuple[str, ...]:
        return tuple(topic for topic in self._ended if not self._holds(topic))

    def _holds(self, topic: str) -> bool:
        return any(topic == chunk.topic for chunk in self._chunks)
