"""Batches to bytes to the broker; what does not arrive is handed back as lost. Holds nothing itself."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from functools import partial

from ...models import topics
from ...models.errors import WireError
from ...models.events import ExecutionBatch
from ...models.wire import Codec

__all__ = ["TOPIC", "Outbox", "Publish", "Undelivered"]

TOPIC = topics.EXECUTION

# Topic, key, value, and whom to tell None or why it was not delivered. False, at once, when it cannot be taken.
Publish = Callable[[str, str, bytes, Callable[[str | None], None]], bool]
# Workload, how many facts, and the monotonic time of the oldest.
Undelivered = Callable[[str, int, int], None]


class Outbox:
    """`counts` gets batches and events published, and what could not be."""

    def __init__(self, codec: Codec, publish: Publish, undelivered: Undelivered, counts: Counter[str]) -> None:
        self._codec = codec
        self._publish = publish
        self._undelivered = undelivered
        self._counts = counts

    def tell(self, batches: Iterable[ExecutionBatch]) -> None:
        for batch in batches:
            report = partial(self._report, batch.workload, *_content(batch))
            try:
                value = self._codec.encode(batch)
            except WireError:
                self._counts["unencodable"] += 1
                report("not encodable")
                continue
            if self._publish(TOPIC, batch.workload, value, report):
                self._count(batch)
            else:
                report("not taken")

    def _count(self, batch: ExecutionBatch) -> None:
        self._counts.update(batches=1, events=sum(event.count for event in batch.events))
        if batch.rate_limited:
            self._counts["rate-limited"] += batch.rate_limited

    def _report(self, workload: str, count: int, since_ns: int, trouble: str | None) -> None:
        """Called by the sensor's thread, inside a later publish: what got lost is told with the next batch."""
        if trouble is not None:
            self._counts["undelivered-batches"] += 1
            self._counts["lost"] += count
            self._undelivered(workload, count, since_ns)


def _content(batch: ExecutionBatch) -> tuple[int, int]:
    """Facts that stand in `batch` or were lost before it, and the monotonic time of the oldest."""
    times = [event.mono_ns for event in batch.events] + ([batch.lost_from_ns] if batch.lost_before else [])
    return sum(event.count for event in batch.events) + batch.lost_before, min(times, default=batch.mono_ns)
