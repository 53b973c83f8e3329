"""Reads a span of topics without a group and without committing: from a time or the beginning to a time or the end.

What arrives behind the end that was found at the start is left alone, unless the reader follows.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self, cast

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaException, Message, TopicPartition

from .errors import BrokerError
from .replay.recorded import Recorded

__all__ = ["Reader", "Span"]

_TIMEOUT_S = 10.0
_PATIENCE_S = 30.0
_POLL_S = 0.2
_BATCH = 1000
_CLIENT = {
    "group.id": "triptych-reader",
    "enable.auto.commit": False,
    "auto.offset.reset": "earliest",
    "fetch.wait.max.ms": 50,  # a question to the broker waits behind a fetch on the same connection
    "queued.max.messages.kbytes": 16_384,
    "log_level": 0,
}

Place = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Span:
    """Record timestamps from `since_ms` to before `until_ms`; None: no bound."""

    since_ms: int | None = None
    until_ms: int | None = None


class Reader:
    """Reads topics once. Raises BrokerError K13 for a topic that is not there or cannot be read."""

    def __init__(self, client: Mapping[str, Any], topics: Sequence[str], span: Span | None = None) -> None:
        self._consumer = Consumer({**client, **_CLIENT})
        self._topics = topics
        self._span = span or Span()
        self._ends: dict[Place, int] = {}
        self.total = 0

    def __enter__(self) -> Self:
        try:
            self._assign()
        except KafkaException as error:
            self._consumer.close()
            raise _refused(", ".join(self._topics), error) from None
        except BrokerError:
            self._consumer.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._consumer.close()

    def read(self, *, follow: bool = False) -> Iterator[Recorded]:
        """Every record up to the ends, and with `follow` all that come."""
        left, moved = dict(self._ends), time.monotonic()
        while left or follow:
            messages = self._consumer.consume(_BATCH, _POLL_S)
            yield from self._wanted(messages, follow)
            if messages or follow:
                moved = time.monotonic()
            elif time.monotonic() - moved > _PATIENCE_S:
                topic, partition = next(iter(left))
                raise BrokerError(f"{topic}/{partition} brings nothing any more", "the broker's health", code="K13")
            for at in self._consumer.position([TopicPartition(*place) for place in left]):
                if at.offset >= left[at.topic, at.partition]:
                    del left[at.topic, at.partition]

    def _wanted(self, messages: Sequence[Message], follow: bool) -> Iterator[Recorded]:
        for message in messages:
            if (error := message.error()) is not None:
                raise _refused(str(message.topic()), KafkaException(error))
            record = _recorded(message)
            if follow or record.offset < self._ends.get((record.topic, record.partition), 0):
                yield record

    def _assign(self) -> None:
        places = [place for topic in self._topics for place in self._partitions(topic)]
        since, until = self._at(places, self._span.since_ms), self._at(places, self._span.until_ms)
        starts = []
        for place in places:
            low, high = self._consumer.get_watermark_offsets(TopicPartition(*place), timeout=_TIMEOUT_S)
            start, end = since.get(place, low), min(until.get(place, high), high)
            starts.append(TopicPartition(*place, start if start > 0 else OFFSET_BEGINNING))
            if end > max(start, low):
                self._ends[place] = end
                self.total += end - max(start, low)
        self._consumer.assign(starts)

    def _partitions(self, topic: str) -> list[Place]:
        known = self._consumer.list_topics(topic, timeout=_TIMEOUT_S).topics[topic]
        if known.error is not None:
            raise _refused(topic, KafkaException(known.error))
        return [(topic, number) for number in sorted(known.partitions)]

    def _at(self, places: Sequence[Place], when_ms: int | None) -> dict[Place, int]:
        """The first offset of each place with that time or a later one; its end where there is none."""
        if when_ms is None:
            return {}
        found = self._consumer.offsets_for_times(
            [TopicPartition(*place, when_ms) for place in places], timeout=_TIMEOUT_S
        )
        return {
            (at.topic, at.partition): at.offset if at.offset >= 0 else self._end((at.topic, at.partition))
            for at in found
        }

    def _end(self, place: Place) -> int:
        return int(self._consumer.get_watermark_offsets(TopicPartition(*place), timeout=_TIMEOUT_S)[1])


def _recorded(message: Message) -> Recorded:
    kind, timestamp = message.timestamp()
    key, headers = message.key(), cast(Sequence[tuple[str, bytes | None]], message.headers() or ())
    return Recorded(
        topic=str(message.topic()),
        partition=int(message.partition() or 0),
        offset=int(message.offset() or 0),
        timestamp=timestamp,
        timestamp_type=max(0, kind - 1),  # librdkafka counts from 1, the protocol and aiokafka from 0
        key=key.encode() if isinstance(key, str) else key,
        value=_octets(message.value()),
        headers=tuple((name, None if value is None else _octets(value)) for name, value in headers),
    )


def _octets(value: bytes | str | None) -> bytes:
    return value.encode() if isinstance(value, str) else value or b""


def _refused(what: str, error: KafkaException) -> BrokerError:
    return BrokerError(
        f"cannot read {what}: {error.args[0].str()}", "triptych topics plan shows what is there; its ACLs", code="K13"
    )
