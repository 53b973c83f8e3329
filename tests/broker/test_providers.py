"""Providers start real parts, hand over an address that works, and leave nothing behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import redis
from confluent_kafka import Consumer, Message, Producer, TopicPartition
from patience import PATIENCE_S, eventually

from triptych.infra import brokers, stores
from triptych.infra.errors import BrokerError, StoreError
from triptych.infra.settings import Kafka, Redis
from triptych.infra.topics import wanted


def _round_trip(bootstrap: str, topic: str) -> bytes | None:
    taken: list[Message] = []
    producer = Producer({"bootstrap.servers": bootstrap})
    producer.produce(topic, b"value", b"key", on_delivery=lambda _, message: taken.append(message))
    assert producer.flush(PATIENCE_S) == 0
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "round-trip"})
    consumer.assign([TopicPartition(topic, taken[0].partition(), taken[0].offset())])
    try:
        message = consumer.poll(PATIENCE_S)
        return message.value() if message and not message.error() else None
    finally:
        consumer.close()


def test_the_embedded_broker_carries_records_and_has_every_topic() -> None:
    with brokers.start(Kafka()) as broker:
        there = Producer(broker.client()).list_topics(timeout=PATIENCE_S).topics
        assert {topic.name: topic.partitions for topic in wanted(4)} == {
            name: len(there[name].partitions) for name in there if name.startswith("mcp.")
        }
        assert _round_trip(broker.bootstrap, "mcp.calls") == b"value"


@pytest.mark.broker
def test_a_real_broker_carries_records(kafka: str) -> None:
    assert _round_trip(kafka, "mcp.deadletter") == b"value"


@pytest.mark.broker
def test_an_external_broker_is_found_by_the_environment_another_provider_gives(kafka: str) -> None:
    broker = brokers.reach(Kafka(bootstrap=kafka))
    assert broker.environment()["TRIPTYCH_KAFKA__BOOTSTRAP"] == kafka


def test_an_absent_broker_is_one_error_with_the_next_step() -> None:
    with pytest.raises(BrokerError) as caught:
        brokers.reach(Kafka(bootstrap="127.0.0.1:1"))
    assert (caught.value.code, "127.0.0.1:1" in caught.value.what) == ("K01", True)
    assert "kafka.bootstrap" in caught.value.hint


def test_a_command_beside_others_refuses_a_broker_inside_one_process() -> None:
    with pytest.raises(BrokerError, match="K11"):
        brokers.reach(Kafka())


@pytest.mark.parametrize("provider", ["embedded", pytest.param("local", marks=pytest.mark.broker)])
def test_a_store_keeps_what_it_is_given_and_is_gone_afterwards(provider: str) -> None:
    with stores.start(Redis(provider=provider)) as store:  # type: ignore[arg-type]
        client = redis.Redis.from_url(store.url)
        client.sadd("words", "a", "b")
        assert client.scard("words") == 2
        assert stores.reach(Redis(url=store.url)).url == store.url  # type: ignore[arg-type]
    with pytest.raises(redis.ConnectionError):
        client.ping()
    assert not Path(store.address).exists()


def test_an_absent_store_is_one_error_that_hides_the_password() -> None:
    with pytest.raises(StoreError) as caught:
        stores.reach(Redis(url="redis://:hunter2@127.0.0.1:1"))  # type: ignore[arg-type]
    assert caught.value.code == "R01"
    assert "hunter2" not in str(caught.value)


@contextmanager
def _owner_of_a_store() -> Iterator[tuple[subprocess.Popen[str], str]]:
    code = (
        "import time; from triptych.infra import stores; from triptych.infra.settings import Redis\n"
        "with stores.start(Redis()) as store: print(store.url, flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout is not None
        yield owner, owner.stdout.readline().strip()


def test_a_killed_owner_leaves_no_orphan() -> None:
    with _owner_of_a_store() as (owner, url):
        assert redis.Redis.from_url(url).ping()
        os.kill(owner.pid, signal.SIGKILL)
    eventually(lambda: not _alive(url))


def _alive(url: str) -> bool:
    try:
        return bool(redis.Redis.from_url(url).ping())
    except redis.ConnectionError:
        return False
