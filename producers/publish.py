"""Records to Kafka, at least once and in order per key: the only file of the producers that imports confluent_kafka.

A full queue makes the caller wait; a record the broker refuses for good is counted and handed to its callback.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Producer

from ..models.errors import ConfigError, TriptychError

__all__ = ["BrokerUnreachable", "Delivered", "PublishConfig", "Publisher"]

Delivered = Callable[[str | None], None]  # None when the broker acknowledged, else why it did not
_WAIT_S = 0.1


class BrokerUnreachable(TriptychError):
    """No broker answered."""

    code = "K01"


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishConfig:
    """Where to publish. `properties` are librdkafka's own (security, tuning) and win over ours."""

    bootstrap: str
    client_id: str = "triptych"
    compression: str = "lz4"
    properties: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.bootstrap:
            raise ConfigError("no Kafka bootstrap address", "set it, for example 127.0.0.1:9092")

    def librdkafka(self) -> dict[str, Any]:
        """The whole producer configuration. murmur2_random is the partitioner of the Java and Faust clients."""
        ours: dict[str, Any] = {
            "bootstrap.servers": self.bootstrap,
            "client.id": self.client_id,
            "partitioner": "murmur2_random",
            "acks": "all",
            "enable.idempotence": True,
            "linger.ms": 5,
            "compression.type": self.compression,
            "log_level": 3,
        }
        return ours | dict(self.properties)


class Publisher:
    """Sends records; counts what was acknowledged and what failed."""

    def __init__(self, config: PublishConfig) -> None:
        self._config = config
        self._last_error = ""
        settings = config.librdkafka() | {"error_cb": self._on_error}
        try:
            self._producer = Producer(settings, logger=_Silent())
        except (KafkaException, ValueError, TypeError) as error:
            raise ConfigError(
                f"librdkafka refuses the producer settings: {error}", "check `properties` against its CONFIGURATION.md"
            ) from error
        self.acknowledged = 0
        self.failed = 0

    def check(self, timeout_s: float = 5.0) -> int:
        """Number of brokers. Raises BrokerUnreachable after `timeout_s` seconds without an answer."""
        try:
            return len(self._producer.list_topics(timeout=timeout_s).brokers)
        except KafkaException as error:
            reason = self._last_error or _text(error.args[0])
            raise BrokerUnreachable(
                f"no Kafka broker answered at {self._config.bootstrap} within {timeout_s:g} s: {reason}",
                "start the broker or correct the bootstrap address, then run `triptych doctor`",
            ) from error

    def send(
        self,
        topic: str,
        key: str,
        value: bytes,
        headers: Sequence[tuple[str, bytes]] = (),
        on_delivery: Delivered | None = None,
    ) -> None:
        """Queue one record. Waits while the queue is full; never drops. Raises TriptychError K02 when it cannot go."""

        def report(error: KafkaError | None, _message: object) -> None:
            self._report(error, on_delivery)

        while True:
            try:
                self._producer.produce(topic, value, key.encode(), headers=list(headers), on_delivery=report)
            except BufferError:
                self._producer.poll(_WAIT_S)
            except KafkaException as error:
                raise TriptychError(
                    f"a record of {len(value)} bytes for {topic} was refused: {_text(error.args[0])}",
                    "compare it with message.max.bytes and the producer's settings",
                    code="K02",
                ) from error
            else:
                break
        self._producer.poll(0)

    def offer(self, topic: str, key: str, value: bytes, on_delivery: Delivered | None = None) -> bool:
        """Queue one record if it can be taken at once, else False. Never waits: for a caller that has other work."""

        def report(error: KafkaError | None, _message: object) -> None:
            self._report(error, on_delivery)

        self._producer.poll(0)
        try:
            self._producer.produce(topic, value, key.encode(), on_delivery=report)
        except (BufferError, KafkaException):
            self.failed += 1
            return False
        return True

    def poll(self, timeout_s: float = 0.0) -> None:
        """Run the delivery callbacks that are due."""
        self._producer.poll(timeout_s)

    def flush(self, timeout_s: float) -> int:
        """Wait until everything is delivered; returns how many records still are not after `timeout_s` seconds."""
        deadline = time.monotonic() + timeout_s
        remaining = int(self._producer.flush(timeout_s))
        while remaining and time.monotonic() < deadline:
            remaining = int(self._producer.flush(max(0.0, deadline - time.monotonic())))
        return remaining

    def close(self, timeout_s: float = 10.0) -> int:
        """Flush, then give up what is left: its callbacks run with an error. Returns how many those were."""
        remaining = self.flush(timeout_s)
        if remaining:
            self._producer.purge()
            self._producer.poll(0)
        return remaining

    @property
    def last_error(self) -> str:
        """The client's latest complaint; empty while all is well."""
        return self._last_error

    def _report(self, error: KafkaError | None, on_delivery: Delivered | None) -> None:
        if error is None:
            self.acknowledged += 1
            self._last_error = ""
        else:
            self.failed += 1
            self._last_error = _text(error)
        if on_delivery is not None:
            on_delivery(None if error is None else _text(error))

    def _on_error(self, error: KafkaError) -> None:
        self._last_error = _text(error)


class _Silent:
    """librdkafka repeats every connection failure on stderr; the last one is kept in `last_error` instead."""

    def log(self, *_: object) -> None:
        return None


def _text(error: KafkaError) -> str:
    return f"{error.name()}: {error.str()}"
