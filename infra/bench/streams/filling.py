"""The traffic of one run, encoded once, and sent as producers send it as often as it is wanted."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from confluent_kafka import Consumer, Producer, TopicPartition

from ....models import topics
from ....models.wire import bundled
from ....producers.publish import PublishConfig
from ...brokers import Broker
from .traffic import calls, closing

__all__ = ["Mix", "made"]

_PART = 500  # calls made at once
_OLD_NS = 3_600 * 1_000_000_000  # an hour ago: every call is due as soon as it is whole
_FLUSH_S = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Mix:
    """So many calls as records (topic, key, value), and the broker they go to."""

    bootstrap: str
    partitions: int
    calls: int
    records: list[tuple[str, str, bytes]] = field(repr=False)

    @property
    def records_per_call(self) -> int:
        return round(len(self.records) / self.calls)

    def send(self) -> None:
        """All of them at once, in the order of their time."""
        producer = Producer(PublishConfig(bootstrap=self.bootstrap).librdkafka())
        for topic, key, value in self.records:
            producer.produce(topic, value, key)
            producer.poll(0)
        producer.flush(_FLUSH_S)

    def skip(self, group: str) -> None:
        """Let a group begin behind what others were given."""
        consumer = Consumer({"bootstrap.servers": self.bootstrap, "group.id": group, "enable.auto.commit": False})
        ends = [end for topic in (topics.PROTOCOL, topics.EXECUTION) for end in self.ends(consumer, topic)]
        consumer.commit(offsets=ends, asynchronous=False)
        consumer.close()

    def ends(self, consumer: Consumer, topic: str) -> list[TopicPartition]:
        """Where its partitions end."""
        places = [TopicPartition(topic, number) for number in range(self.partitions)]
        for place in places:
            place.offset = consumer.get_watermark_offsets(place, timeout=10)[1]
        return places


def made(broker: Broker, partitions: int, number: int, noise: int, tell: Callable[[str], None]) -> Mix:
    """Calls with `noise` background events beside each, and behind them what lets every one of them close."""
    codec, start = bundled(), time.time_ns() - _OLD_NS
    records = []
    for first in range(0, number, _PART):
        tell(f"making traffic: {first} of {number} calls")
        for told in calls(range(first, min(number, first + _PART)), start, noise=noise):
            records.append((told.topic, told.workload, codec.encode(told.event)))
    records += [(told.topic, told.workload, codec.encode(told.event)) for told in closing(number, start)]
    return Mix(bootstrap=broker.bootstrap, partitions=partitions, calls=number, records=records)
