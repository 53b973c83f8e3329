"""What the topics hold, read by a bare confluent-kafka consumer: nothing of the product between broker and check."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping

from confluent_kafka import Consumer, KafkaException, Message, TopicPartition

__all__ = ["Tape"]

_BATCH = 1000
_READ_S = 20.0


class Tape:
    """Reads topics from their beginning, or from now on, each record once."""

    def __init__(self, client: Mapping[str, str], topics: tuple[str, ...], *, from_now: bool = False) -> None:
        # A question to the broker waits behind a fetch on the same connection, so a fetch must not wait long.
        ours = {"group.id": "triptych-demo-tape", "enable.auto.commit": False, "fetch.wait.max.ms": 50}
        self._consumer = Consumer({**client, **ours})
        try:
            parts = [(topic, number) for topic in topics for number in self._partitions(topic)]
            self._next = {place: self._end(place) if from_now else 0 for place in parts}
            self._consumer.assign([TopicPartition(*place, offset) for place, offset in self._next.items()])
        except KafkaException:
            self._consumer.close()
            raise

    def new(self, patience_s: float = 0.1) -> Iterator[Message]:
        """What has arrived and what arrives within `patience_s` of the last record."""
        while messages := self._consumer.consume(_BATCH, patience_s):
            for message in messages:
                if message.error() is None:
                    self._next[str(message.topic()), int(message.partition() or 0)] = int(message.offset() or 0) + 1
                    yield message

    def rest(self) -> Iterator[Message]:
        """Everything up to the ends as they are now. Raises TimeoutError when the broker does not bring it."""
        ends = {place: self._end(place) for place in self._next}
        deadline = time.monotonic() + _READ_S
        while any(self._next[place] < end for place, end in ends.items()):
            if time.monotonic() > deadline:
                raise TimeoutError(f"the topics were not read to their ends in {_READ_S:.0f} s")
            yield from self.new()

    def close(self) -> None:
        self._consumer.close()

    def _partitions(self, topic: str) -> list[int]:
        return sorted(self._consumer.list_topics(topic, timeout=_READ_S).topics[topic].partitions)

    def _end(self, place: tuple[str, int]) -> int:
        return int(self._consumer.get_watermark_offsets(TopicPartition(*place), timeout=_READ_S)[1])
