"""From spool segments to Kafka, at least once, ids unchanged; without a loop and without a clock of its own.

Nothing leaves the spool before a broker has acknowledged it. What is no event goes to the dead letters with its reason.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

from ....models import topics
from ....models.errors import TriptychError
from ....models.events import DeadLetter
from ....models.wire import Codec
from ...publish import Publisher
from .events import NO_EVENT
from .recovery import is_pending, recover
from .segments import Segment, Ticket, segments

__all__ = ["DEAD_LETTERS", "Shipper"]

DEAD_LETTERS = topics.DEADLETTER
_STAGE = "gateway.ship"
_MOST_WAITING = 100_000  # records of one segment on their way
_MOST_DEAD = 65_536  # bytes of a record kept in its dead letter


class Shipper:
    """Call `scan` now and then, `step` often, `close` once."""

    def __init__(
        self, folder: Path, publisher: Publisher, topic: str, codec: Codec, wall_ns: Callable[[], int]
    ) -> None:
        self._folder, self._publisher, self._topic, self._codec = folder, publisher, topic, codec
        self._wall_ns = wall_ns
        self._segments: dict[Path, Segment] = {}
        self.unreadable = 0

    def scan(self) -> None:
        """Find new segments; delete those that are acknowledged to the end and have no writer any more."""
        recover(self._folder)
        for path in segments(self._folder):
            if path not in self._segments:
                self._segments[path] = Segment(path)
        for path, segment in list(self._segments.items()):
            # the lock first: what a writer appended before it let go is then seen
            over = segment.abandoned() and not segment.waiting and (not segment.left or segment.torn())
            if over and not is_pending(path):
                self.unreadable += segment.left > 0
                segment.close(delete=True)
                del self._segments[path]

    def step(self) -> int:
        """Send what is new; returns how many records that were."""
        sent = 0
        for segment in self._segments.values():
            if segment.waiting < _MOST_WAITING:
                for record, ticket in segment.records():
                    self._send(segment, record, ticket)
                    sent += 1
        self._publisher.poll()
        for segment in self._segments.values():
            segment.save()
        return sent

    def close(self, wait_s: float) -> int:
        """Wait for what is on its way; returns how many records are left for the next shipper."""
        left = self._publisher.close(wait_s)
        for segment in self._segments.values():
            segment.save()
            segment.close()
        self._segments.clear()
        return left

    @property
    def idle(self) -> bool:
        """Nothing to ship, and nobody who could write more."""
        return not self._segments

    def _send(self, segment: Segment, record: bytes, ticket: Ticket) -> None:
        def delivered(error: str | None) -> None:
            if error is None:
                segment.acknowledge(ticket)
            else:
                segment.fail(ticket)

        try:
            event = segment.events.read(record)
            self._publisher.send(self._topic, event.workload, self._codec.encode(event), on_delivery=delivered)
        except NO_EVENT as error:
            self._bury(record, "G05", f"a spool record is no event: {type(error).__name__}", delivered)
        except TriptychError as error:
            self._bury(record, error.code, error.what, delivered)

    def _bury(self, record: bytes, code: str, reason: str, delivered: Callable[[str | None], None]) -> None:
        self.unreadable += 1
        identity = hashlib.sha256(record).hexdigest()
        letter = DeadLetter(
            event_id=f"{identity[:8]}-{identity[8:12]}-{identity[12:16]}-{identity[16:20]}-{identity[20:32]}",
            topic=self._topic,
            wall_ns=self._wall_ns(),
            code=code,
            reason=reason,
            stage=_STAGE,
            value=record[:_MOST_DEAD],
        )
        self._publisher.send(DEAD_LETTERS, letter.event_id, self._codec.encode(letter), on_delivery=delivered)
