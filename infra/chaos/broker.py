"""What one run sends, where its group begins, and what stands on the topics in the end."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, TypeVar

import orjson
from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec  # type: ignore[attr-defined]  # it re-exports silently

from ...models import topics
from ...models.errors import WireError
from ...models.events import Alert, Call, DeadLetter
from ...models.wire import bundled
from ..bench.errors import BenchError
from ..incidents import Incident
from ..reading import Reader, Span
from ..replay.recorded import Recorded
from . import truth
from .story import Told

__all__ = ["SOURCES", "Broker"]

T = TypeVar("T")

SOURCES = (topics.PROTOCOL, topics.EXECUTION, topics.CALLS, topics.AGENT, topics.ALERTS, topics.VERDICTS)
_RESULTS = (topics.CALLS, topics.ALERTS, topics.INCIDENTS_OCSF, topics.AUDIT, topics.DEADLETTER)
_DELIVERED_S = 60.0
_ANSWER_S = 5.0
_ANSWERED_S = 90.0
_CAREFUL = {"acks": "all", "enable.idempotence": True, "partitioner": "murmur2_random", "linger.ms": 5, "log_level": 0}


class Broker:
    """The topics as one run sees them: from where they ended when it began. `sent` is all that it put there, and
    `held_up_s` the longest that something new of a call took from its end to its topic."""

    def __init__(self, bootstrap: str, group: str) -> None:
        self._codec = bundled()
        self._client: dict[str, Any] = {"bootstrap.servers": bootstrap, "log_level": 0}
        self._producer = Producer({**self._client, **_CAREFUL})
        self._group = Consumer({**self._client, "group.id": group, "enable.auto.commit": False})
        self._began_ms = time.time_ns() // 1_000_000
        self.sent: list[Recorded] = []
        self.held_up_s = 0.0
        self._sources, self._results = self._places(SOURCES), self._places(_RESULTS)
        ends = self._ends(self._sources)
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
        known = _patiently(lambda: self._group.committed(self._sources, timeout=_ANSWER_S))
        committed = {(at.topic, at.partition): at.offset for at in known}
        return sum(max(0, at.offset - max(0, committed[at.topic, at.partition])) for at in self._ends(self._sources))

    def written(self) -> int:
        """Records that ever stood on the topics of results."""
        return sum(at.offset for at in self._ends(self._results))

    def truth(self, learned: Mapping[str, int]) -> truth.Truth:
        """What the run told. `held_up_s` is then known."""
        events: list[object] = []
        arrived: dict[str, float] = {}
        documents: dict[str, list[Incident]] = {topics.INCIDENTS_OCSF: [], topics.AUDIT: []}
        with Reader(self._client, _RESULTS, Span(self._began_ms)) as reader:
            for record in reader.read():
                if record.topic in documents:
                    documents[record.topic].append(orjson.loads(record.value))
                    continue
                with suppress(WireError):  # what a scenario put between the calls
                    event: object = self._codec.decode(record.value)
                    events.append(event)
                    if isinstance(event, Call):
                        arrived.setdefault(event.event_id, record.timestamp / 1e3 - event.ended_ns / 1e9)
        self.held_up_s = max(arrived.values(), default=0.0)
        told = truth.Told(
            calls=[event for event in events if isinstance(event, Call)],
            alerts=[event for event in events if isinstance(event, Alert)],
            incidents=documents[topics.INCIDENTS_OCSF],
            audits=documents[topics.AUDIT],
            letters=[event for event in events if isinstance(event, DeadLetter)],
        )
        return truth.truth_of(told, learned)

    def wait_in_sync(self) -> None:
        """Until every partition has all its copies. Raises BenchError B01."""
        deadline = time.monotonic() + _ANSWERED_S
        while not self._in_sync():
            if time.monotonic() > deadline:
                raise BenchError(f"copies still differ after {_ANSWERED_S:.0f} s", "the brokers' logs", code="B01")
            time.sleep(0.2)

    def _in_sync(self) -> bool:
        known = _patiently(lambda: AdminClient(self._client).list_topics(timeout=_ANSWER_S)).topics.values()
        return all(len(one.isrs) == len(one.replicas) for topic in known for one in topic.partitions.values())

    def leader(self, topic: str) -> int:
        """The number of the broker, from 1, that leads most partitions of a topic."""
        known = _patiently(lambda: AdminClient(self._client).list_topics(topic, timeout=_ANSWER_S)).topics[topic]
        leaders = [int(partition.leader) for partition in known.partitions.values()]
        return max(sorted(leaders), key=leaders.count)

    def close(self) -> None:
        self._group.close()

    def _places(self, names: Sequence[str]) -> list[TopicPartition]:
        known = self._group.list_topics(timeout=20).topics
        return [TopicPartition(topic, number) for topic in names for number in known[topic].partitions]

    def _ends(self, places: Sequence[TopicPartition]) -> list[TopicPartition]:
        """Asked by a client of its own: one that saw brokers come and go may take partitions for unknown for ever."""
        latest: Any = OffsetSpec.latest()  # type: ignore[no-untyped-call]  # typed nowhere

        def ask() -> list[TopicPartition]:
            client = AdminClient(self._client)  # without a name it would be gone before the answers come
            found = client.list_offsets(dict.fromkeys(places, latest), request_timeout=_ANSWER_S)
            ends = [(at, future.result(2 * _ANSWER_S).offset) for at, future in found.items()]
            return [TopicPartition(at.topic, at.partition, end) for at, end in ends]

        return _patiently(ask)


def _patiently(ask: Callable[[], T]) -> T:
    """The answer of a cluster whose leaders and coordinators may be moving."""
    deadline = time.monotonic() + _ANSWERED_S
    while True:
        try:
            return ask()
        except (KafkaException, TimeoutError):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)
