"""`triptych export otlp`: calls and findings of the broker to a collector, in a consumer group of its own.

Offsets are committed when the collector has taken what they stand for, so a crash sends again and loses nothing: ids
are the same the second time.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import structlog
from confluent_kafka import Consumer, KafkaException, Message, TopicPartition
from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from ...models import topics, wire
from ...models.errors import ConfigError, WireError
from ...models.events import Alert, Call
from ..errors import BrokerError
from . import logs, spans
from .sending import Collector, Sender

__all__ = ["SIGNALS", "ExportConfig", "Exporter"]

SIGNALS = {"spans": topics.CALLS, "logs": topics.ALERTS}
_POLL_S = 0.5
_PATIENCE_MS = 3_600_000  # a collector that is away for an hour does not cost us our place in the group

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportConfig:
    """What goes where: `signals` are names of SIGNALS, `group` is the consumer group, `batch` records of one export."""

    collector: Collector
    group: str = "triptych-otlp"
    signals: Sequence[str] = ("spans", "logs")
    batch: int = 256
    from_beginning: bool = False

    def __post_init__(self) -> None:
        if not self.signals or not set(self.signals) <= SIGNALS.keys():
            raise ConfigError(f"signals are {', '.join(self.signals) or 'none'}", f"some of {', '.join(SIGNALS)}")
        if not 1 <= self.batch <= 10_000:
            raise ConfigError(f"batch is {self.batch}, it must be 1 to 10000")


class Exporter:
    """Runs until `stop` is set. `counts` says what became of every record."""

    def __init__(self, client: Mapping[str, Any], config: ExportConfig, stop: threading.Event) -> None:
        self._config, self._stop = config, stop
        reset = "earliest" if config.from_beginning else "latest"
        own: dict[str, Any] = {
            "group.id": config.group,
            "enable.auto.commit": False,
            "auto.offset.reset": reset,
            "log_level": 0,
        }
        own |= {"max.poll.interval.ms": _PATIENCE_MS}
        self._consumer = Consumer({**client, **own})
        self._codec = wire.bundled()
        self._unreadable = 0
        self._skipped = 0

        def pause(seconds: float) -> bool:
            return not stop.wait(seconds)

        self._spans: Sender[Call] = Sender(config.collector, "/v1/traces", spans.request, _rejected_spans, pause)
        self._logs: Sender[Alert] = Sender(config.collector, "/v1/logs", logs.request, _rejected_logs, pause)

    @property
    def counts(self) -> Counter[str]:
        found = Counter({"unreadable": self._unreadable, "not told": self._skipped})
        for kind, sender in (("spans", self._spans), ("logs", self._logs)):
            found.update({f"{kind} {what}": count for what, count in sender.counts.items()})
        return +found

    def run(self) -> None:
        """Raises BrokerError K13 for topics that cannot be read, ExportError X11 for a collector that is not ours."""
        self._consumer.subscribe([SIGNALS[name] for name in self._config.signals])
        try:
            while not self._stop.is_set():
                self._carry(self._consumer.consume(self._config.batch, _POLL_S))
        except KafkaException as error:
            raise BrokerError(f"cannot read what is to be exported: {error.args[0].str()}", code="K13") from None
        finally:
            self._consumer.close()

    def _carry(self, messages: Sequence[Message]) -> None:
        if not messages:
            return
        for message in messages:
            if (error := message.error()) is not None:
                raise KafkaException(error)
        held: list[Call] = self._decoded(messages, topics.CALLS, Call)
        calls = [call for call in held if spans.worth_telling(call)]
        self._skipped += len(held) - len(calls)
        if self._spans.send(calls) and self._logs.send(self._decoded(messages, topics.ALERTS, Alert)):
            self._commit(messages)

    def _commit(self, messages: Sequence[Message]) -> None:
        """A group that gave our partitions away meanwhile sends the same records again: their ids are the same."""
        try:
            self._consumer.commit(offsets=_behind(messages), asynchronous=False)
        except KafkaException as error:
            log.warning("not committed", reason=error.args[0].name())

    def _decoded(self, messages: Sequence[Message], topic: str, kind: type[Any]) -> list[Any]:
        found = []
        for message in messages:
            if message.topic() != topic:
                continue
            try:
                found.append(self._codec.decode(message.value() or b"", kind))
            except WireError as error:
                self._unreadable += 1
                log.warning("not exported", topic=topic, offset=message.offset(), code=error.code)
        return found


def _behind(messages: Sequence[Message]) -> list[TopicPartition]:
    """The offset behind the last message of each partition."""
    ends = {(str(one.topic()), int(one.partition() or 0)): int(one.offset() or 0) + 1 for one in messages}
    return [TopicPartition(topic, partition, offset) for (topic, partition), offset in ends.items()]


def _rejected_spans(answer: bytes) -> int:
    return _of(ExportTraceServiceResponse, answer, "rejected_spans")


def _rejected_logs(answer: bytes) -> int:
    return _of(ExportLogsServiceResponse, answer, "rejected_log_records")


def _of(kind: Any, answer: bytes, name: str) -> int:
    """How many records an answer says were rejected; an answer that is no protobuf says of none."""
    try:
        return int(getattr(kind.FromString(answer).partial_success, name))
    except DecodeError:
        return 0
