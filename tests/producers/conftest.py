"""A broker that speaks the real protocol inside the test process: librdkafka's mock cluster."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from patience import PATIENCE_S


@pytest.fixture(scope="session")
def broker() -> Iterator[str]:
    """Bootstrap address of the mock cluster."""
    cluster = Producer({"bootstrap.servers": "ignored", "test.mock.num.brokers": 1, "log_level": 2})
    address = next(iter(cluster.list_topics(timeout=PATIENCE_S).brokers.values()))
    yield f"{address.host}:{address.port}"
    cluster.flush(0)


@pytest.fixture
def consumed(broker: str) -> Callable[[str, int], list[tuple[bytes, bytes]]]:
    """Key and value of the records of a topic: returns as soon as there are as many as asked for."""

    def read(topic: str, count: int) -> list[tuple[bytes, bytes]]:
        consumer = Consumer(
            {"bootstrap.servers": broker, "group.id": "none", "auto.offset.reset": "earliest", "log_level": 2}
        )
        deadline = time.monotonic() + PATIENCE_S
        while not (partitions := consumer.list_topics(topic, timeout=PATIENCE_S).topics[topic].partitions):
            assert time.monotonic() < deadline, f"nobody wrote to {topic}"
            time.sleep(0.02)
        consumer.assign([TopicPartition(topic, number, 0) for number in partitions])
        found: list[tuple[bytes, bytes]] = []
        while len(found) < count and time.monotonic() < deadline:
            found += [(m.key(), m.value()) for m in consumer.consume(1000, timeout=0.1) if m.error() is None]
        found += [(m.key(), m.value()) for m in consumer.consume(1000, timeout=0.2) if m.error() is None]
        consumer.close()
        return found

    return read
