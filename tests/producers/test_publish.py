"""Publishing: nothing is dropped, everything that fails is said."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from patience import PATIENCE_S

from triptych.models.errors import ConfigError
from triptych.producers.publish import BrokerUnreachable, PublishConfig, Publisher

Consumed = Callable[[str, int], list[tuple[bytes, bytes]]]
NOBODY = "127.0.0.1:1"


def test_records_arrive_once_and_in_order_of_their_key(broker: str, consumed: Consumed) -> None:
    publisher = Publisher(PublishConfig(bootstrap=broker))
    for number in range(300):
        publisher.send("ordered", f"key-{number % 3}", str(number).encode())
    assert publisher.flush(PATIENCE_S) == 0
    records = consumed("ordered", 300)
    for key in (b"key-0", b"key-1", b"key-2"):
        values = [int(value) for at, value in records if at == key]
        assert values == sorted(values)
    assert len(records) == publisher.acknowledged == 300


def test_a_full_queue_makes_the_caller_wait_instead_of_dropping(broker: str) -> None:
    small = {"queue.buffering.max.messages": "10"}
    publisher = Publisher(PublishConfig(bootstrap=broker, properties=small))
    for number in range(200):
        publisher.send("narrow", "k", str(number).encode())
    assert publisher.flush(PATIENCE_S) == 0
    assert publisher.acknowledged == 200


def test_an_offer_never_waits_and_says_when_it_is_not_taken() -> None:
    publisher = Publisher(PublishConfig(bootstrap=NOBODY, properties={"queue.buffering.max.messages": "10"}))
    answers: list[str | None] = []
    assert [publisher.offer("t", "k", b"v", answers.append) for _ in range(12)] == [True] * 10 + [False] * 2
    assert publisher.failed == 2
    assert publisher.close(0.1) == 10
    assert len(answers) == 10
    assert None not in answers


def test_an_offer_reports_its_delivery(broker: str) -> None:
    publisher = Publisher(PublishConfig(bootstrap=broker))
    answers: list[str | None] = []
    assert publisher.offer("reported", "k", b"v", answers.append)
    publisher.flush(PATIENCE_S)
    assert answers == [None]


def test_every_record_reports_its_delivery(broker: str) -> None:
    publisher = Publisher(PublishConfig(bootstrap=broker))
    answers: list[str | None] = []
    publisher.send("reported", "k", b"v", on_delivery=answers.append)
    publisher.flush(PATIENCE_S)
    assert answers == [None]


def test_what_cannot_be_delivered_is_counted_and_reported() -> None:
    publisher = Publisher(PublishConfig(bootstrap=NOBODY))
    answers: list[str | None] = []
    publisher.send("t", "k", b"v", on_delivery=answers.append)
    assert publisher.close(0.2) == 1
    assert publisher.failed == 1
    assert answers and answers[0] is not None


def test_an_unreachable_broker_is_named_with_the_next_step() -> None:
    with pytest.raises(BrokerUnreachable, match=NOBODY) as caught:
        Publisher(PublishConfig(bootstrap=NOBODY)).check(0.3)
    assert caught.value.code == "K01"
    assert "0.3 s" in caught.value.what
    assert caught.value.hint


def test_a_reachable_broker_is_counted(broker: str) -> None:
    assert Publisher(PublishConfig(bootstrap=broker)).check(10) == 1


@pytest.mark.parametrize("properties", [{"no.such.setting": "1"}, {"acks": "maybe"}])
def test_settings_that_librdkafka_refuses_are_a_configuration_error(properties: dict[str, str]) -> None:
    with pytest.raises(ConfigError):
        Publisher(PublishConfig(bootstrap=NOBODY, properties=properties))


def test_keys_are_partitioned_as_java_and_faust_partition_them() -> None:
    assert PublishConfig(bootstrap=NOBODY).librdkafka()["partitioner"] == "murmur2_random"
