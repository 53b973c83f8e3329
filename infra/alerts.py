"""Findings as the broker holds them: the last ones, new ones as they come, or one by its id. Commits nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaException, TopicPartition

from ..models import topics, wire
from ..models.errors import TriptychError, WireError
from ..models.events import Alert
from .errors import BrokerError

__all__ = ["TOPIC", "AlertError", "Inbox", "find"]

TOPIC = topics.ALERTS
_TIMEOUT_S = 10.0
_MARGIN = 200  # records that are no alert, and those that arrived out of event time, take places at the end too
_REVISIONS = 4  # of one finding, generously: created, two updates, closed
_POLL_S = 0.2
_BATCH = 500


class AlertError(TriptychError):
    """A01 no finding has this id, A02 several findings begin with it."""

    code = "A01"


@dataclass
class Inbox:
    """The alerts topic of one broker, read without a group's offsets. `unreadable` counts records that are no alert."""

    client: Mapping[str, Any]
    topic: str = TOPIC
    unreadable: int = 0
    _codec: wire.Codec = field(default_factory=wire.bundled, repr=False)

    def read(self, *, last: int | None = None, follow: bool = False) -> Iterator[Alert]:
        """Findings the topic holds in their newest revision, the `last` ones by event time or all; then, with `follow`,
        every revision that comes.

        Raises BrokerError K13 when the topic is not there or cannot be read.
        """
        consumer = Consumer({"group.id": "triptych-alerts", "enable.auto.commit": False, **self.client})
        try:
            ends = self._assign(consumer, last)
            held = _newest(self._held(consumer, ends)) if ends else []
            yield from held if last is None else held[-last:] if last else ()
            while follow:
                yield from self._decoded(consumer.consume(_BATCH, _POLL_S))
        except KafkaException as error:
            raise BrokerError(
                f"cannot read {self.topic}: {error.args[0].str()}",
                "triptych topics plan shows what is there",
                code="K13",
            ) from None
        finally:
            consumer.close()

    def _assign(self, consumer: Consumer, last: int | None) -> dict[int, int]:
        """Start reading, and say up to which offset each partition is filled now."""
        known = consumer.list_topics(self.topic, timeout=_TIMEOUT_S).topics[self.topic]
        if known.error is not None or not known.partitions:
            raise BrokerError(f"the broker has no topic {self.topic}", "triptych topics apply", code="K13")
        starts, ends = [], {}
        for number in known.partitions:
            low, high = consumer.get_watermark_offsets(TopicPartition(self.topic, number), timeout=_TIMEOUT_S)
            start = low if last is None else max(low, high - _REVISIONS * last - _MARGIN)
            starts.append(TopicPartition(self.topic, number, start if start > 0 else OFFSET_BEGINNING))
            if high > start:
                ends[number] = high
        consumer.assign(starts)
        return ends

    def _held(self, consumer: Consumer, ends: dict[int, int]) -> Iterator[Alert]:
        """Everything before `ends`. Offsets have gaps, so a partition is done when its position is."""
        open_ = dict(ends)
        while open_:
            messages = consumer.consume(_BATCH, _POLL_S)
            yield from self._decoded(messages)
            for at in consumer.position([TopicPartition(self.topic, number) for number in open_]):
                if at.offset >= open_[at.partition]:
                    del open_[at.partition]

    def _decoded(self, messages: list[Any]) -> Iterator[Alert]:
        for message in messages:
            if message.error() is not None:
                raise KafkaException(message.error())
            try:
                yield self._codec.decode(message.value() or b"", Alert)
            except WireError:
                self.unreadable += 1


def find(inbox: Inbox, identifier: str) -> Alert:
    """The newest revision of the finding whose id begins with `identifier`. Raises AlertError A01, A02."""
    found = [alert for alert in inbox.read() if alert.finding_uid.startswith(identifier)]
    if not found:
        raise AlertError(f"no finding {identifier} in {inbox.topic}", "triptych alerts tail --from-beginning lists all")
    if len(found) > 1:
        some = ", ".join(sorted(alert.finding_uid for alert in found)[:5])
        raise AlertError(f"{identifier} is the beginning of {some}", "give more of it", code="A02")
    return found[0]


def _newest(alerts: Iterable[Alert]) -> list[Alert]:
    """Each finding once, in event time. A revision may stand there twice after a crash: the later one counts."""
    found: dict[str, Alert] = {}
    for alert in alerts:
        known = found.get(alert.finding_uid)
        if known is None or alert.sequence >= known.sequence:
            found[alert.finding_uid] = alert
    return sorted(found.values(), key=lambda alert: (alert.wall_ns, alert.finding_uid))
