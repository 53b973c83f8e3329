"""What one run sends, where its group begins, and what stands on the topics in the end."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import TypeVar

from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition

from ...models import topics
from ...models.errors import WireError
from ...models.events import Alert, Call, DeadLetter
from ...models.wire import bundled
from ..bench.errors import BenchError
from ..reading import Reader, Span
from ..replay.recorded import Recorded
from .story import Told
from .truth import Truth, truth_of

__all__ = ["SOURCES", "Broker"]

T = TypeVar("T")

SOURCES = (topics.PROTOCOL, topics.EXECUTION, topics.CALLS, topics.AGENT)
_RESULTS = (topics.CALLS, topics.ALERTS, topics.DEADLETTER)
_DELIVERED_S = 60.0
_ANSWERED_S = 45.0
_CAREFUL = {"acks": "all", "enable.idempotence": True, "partitioner": "murmur2_random", "linger.ms": 5, "log_level": 0}


class Broker:
    """The topics as one run sees them: from where they ended when it began. `sent` is all that it put there."""

    def __init__(self, bootstrap: str, group: str) -> None:
        self._codec = bundled()
        self._client = {"bootstrap.servers": bootstrap, "log_level": 0}
        self._producer = Producer({**self._client, **_CAREFUL})
        self._group = Consumer({**self._client, "group.id": group, "enable.auto.commit": False})
        self._began_ms = time.time_ns() // 1_000_000
        self.sent: list[Recorded] = []
        self._places = self._partitions()
        ends = self._ends()
        _patiently(lambda: self._group.commit(offsets=ends, asynchronous=False))

    def tell(self, told: list[Told]) -> None:
        """Send events; they are on their way when this returns."""
        for one in told:
            self.send(one.topic, one.key, self._codec.encode(one.event))

    def send(self, topic: str, key: str, value: bytes) -> None:
        now_ms = time.time_ns() // 1_000_000
        self._producer.produce(topic, value, key, timestamp=now_ms)
        self._producer.poll(0)
        record = Recorded(
            topic=topic,
            partition=0,
            offset=len(self.sent),
            timestamp=now_ms,
            timestamp_type=0,
            key=key.encode(),
            value=value,
        )
        self.sent.append(record)

    def deliver(self) -> None:
        """Wait until the cluster has what was sent. Raises BenchError B01."""
        if left := self._producer.flush(_DELIVERED_S):
            raise BenchError(f"{left} events did not reach the broker", "the broker's log", code="B01")

    def behind(self) -> int:
        """Records of the sources that the group has not committed yet."""
        known = _patiently(lambda: self._group.committed(self._places, timeout=5))
        committed = {(at.topic, at.partition): at.offset for at in known}
        return sum(max(0, at.offset - max(0, committed[at.topic, at.partition])) for at in self._ends())

    def written(self) -> int:
        """Records that ever stood on the topics of results."""
        return sum(self._end(TopicPartition(topic, at.partition)) for topic in _RESULTS for at in self._of_one())

    def truth(self, learned: Mapping[str, int]) -> Truth:
        """What the run told."""
        told: list[object] = []
        with Reader(self._client, _RESULTS, Span(self._began_ms)) as reader:
            for record in reader.read():
                with suppress(WireError):  # what a scenario put between the calls
                    told.append(self._codec.decode(record.value))
        calls = [event for event in told if isinstance(event, Call)]
        alerts = [event for event in told if isinstance(event, Alert)]
        letters = {(one.topic, one.partition, one.offset): one.code for one in told if isinstance(one, DeadLetter)}
        return truth_of(calls, alerts, learned, Counter(letters.values()))

    def close(self) -> None:
        self._group.close()

    def _partitions(self) -> list[TopicPartition]:
        known = self._group.list_topics(timeout=20).topics
        return [TopicPartition(topic, number) for topic in SOURCES for number in known[topic].partitions]

    def _of_one(self) -> list[TopicPartition]:
        return [at for at in self._places if at.topic == SOURCES[0]]

    def _ends(self) -> list[TopicPartition]:
        return [TopicPartition(at.topic, at.partition, self._end(at)) for at in self._places]

    def _end(self, place: TopicPartition) -> int:
        return int(_patiently(lambda: self._group.get_watermark_offsets(place, timeout=5))[1])


def _patiently(ask: Callable[[], T]) -> T:
    """The answer of a cluster whose leaders and coordinators may be moving."""
    deadline = time.monotonic() + _ANSWERED_S
    while True:
        try:
            return ask()
        except KafkaException:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)
