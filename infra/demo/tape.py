"""What the topics hold, read by a bare confluent-kafka consumer: nothing of the product between broker and check."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping

from confluent_kafka import Consumer, KafkaException, Message, TopicPartition

__all__ = ["Tape"]

_POLL_S = 0.2
_READ_S = 20.0


class Tape:
    """Reads topics from their beginning. Each `new` call gives what came since the last."""

    def __init__(self, client: Mapping[str, str], topics: tuple[str, ...]) -> None:
        self._consumer = Consumer({**client, "group.id": "triptych-demo-tape", "enable.auto.commit": False})
        try:
            self._parts = [part for topic in topics for part in self._partitions(topic)]
            self._consumer.assign([TopicPartition(part.topic, part.partition, 0) for part in self._parts])
        except KafkaException:
            self._consumer.close()
            raise

    def new(self) -> Iterator[Message]:
        """Records up to the end as it is now. Raises TimeoutError when the broker does not bring them."""
        behind = {(part.topic, part.partition) for part in self._parts if self._lag(part) > 0}
        deadline = time.monotonic() + _READ_S
        while behind:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{len(behind)} partitions did not arrive in {_READ_S:.0f} s")
            for message in self._consumer.consume(1000, _POLL_S):
                if message.error() is None:
                    yield message
            behind = {(topic, number) for topic, number in behind if self._lag(TopicPartition(topic, number)) > 0}

    def close(self) -> None:
        self._consumer.close()

    def _partitions(self, topic: str) -> list[TopicPartition]:
        found = self._consumer.list_topics(topic, timeout=_READ_S).topics[topic].partitions
        return [TopicPartition(topic, number) for number in found]

    def _lag(self, part: TopicPartition) -> int:
        end = self._consumer.get_watermark_offsets(part, timeout=_READ_S)[1]
        position = self._consumer.position([part])[0].offset
        return int(end - max(position, 0))
