"""What the SIEM's principal may do is what the README grants it: read findings. Every other thing is denied."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import (
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewPartitions,
    NewTopic,
    ResourcePatternType,
    ResourceType,
)
from patience import PATIENCE_S
from siem.held import Held

from triptych.models import topics

pytestmark = pytest.mark.siem

READABLE = {topics.ALERTS_OCSF, topics.INCIDENTS_OCSF, topics.ALERTS_SUPPRESSED}
DENIED = ("TOPIC_AUTHORIZATION_FAILED", "GROUP_AUTHORIZATION_FAILED", "CLUSTER_AUTHORIZATION_FAILED")
OURS = AclBinding(
    ResourceType.TOPIC,
    topics.CALLS,
    ResourcePatternType.LITERAL,
    "User:siem",
    "*",
    AclOperation.READ,
    AclPermissionType.ALLOW,
)
ANY = AclBindingFilter(
    ResourceType.ANY, None, ResourcePatternType.ANY, None, None, AclOperation.ANY, AclPermissionType.ANY
)
SHORTER = ConfigResource(
    ConfigResource.Type.TOPIC,
    topics.ALERTS_OCSF,
    incremental_configs=[ConfigEntry("retention.ms", "1", incremental_operation=AlterConfigOpType.SET)],
)
Act = Callable[[AdminClient], Any]
ACTS: dict[str, Act] = {
    "create a topic": lambda admin: admin.create_topics([NewTopic("mine", 1, 1)]),
    "delete a topic": lambda admin: admin.delete_topics([topics.ALERTS_OCSF]),
    "add partitions": lambda admin: admin.create_partitions([NewPartitions(topics.ALERTS_OCSF, 9)]),
    "change a topic": lambda admin: admin.incremental_alter_configs([SHORTER]),
    "read a topic's settings": lambda admin: admin.describe_configs(
        [ConfigResource(ConfigResource.Type.TOPIC, topics.CALLS)]
    ),
    "delete records": lambda admin: admin.delete_records([TopicPartition(topics.ALERTS_OCSF, 0, 1)]),
    "grant itself more": lambda admin: admin.create_acls([OURS]),
    "delete another's group": lambda admin: admin.delete_consumer_groups(["triptych-turns"]),
}


@pytest.mark.parametrize("act", ACTS.values(), ids=ACTS.keys())
def test_it_may_not(held: Held, act: Act) -> None:
    admin = AdminClient(held.broker.client("siem"))
    (future,) = act(admin).values()
    with pytest.raises(KafkaException) as caught:
        future.result(PATIENCE_S)
    assert caught.value.args[0].name() in DENIED


@pytest.mark.parametrize("topic", topics.ALL)
def test_it_may_write_to_no_topic(held: Held, topic: str) -> None:
    outcomes = []
    producer = Producer(held.broker.client("siem"))
    producer.produce(topic, b"forged", on_delivery=lambda error, _: outcomes.append(error.name()))
    producer.flush(PATIENCE_S)
    assert outcomes == ["TOPIC_AUTHORIZATION_FAILED"]


def first_of(held: Held, topic: str, group: str) -> Any:
    """The first message or error that a consumer meets."""
    options = {"group.id": group, "auto.offset.reset": "earliest", "log_level": 0}
    consumer = Consumer({**held.broker.client("siem"), **options})
    try:
        consumer.subscribe([topic])
        return consumer.poll(PATIENCE_S)
    finally:
        consumer.close()


@pytest.mark.parametrize("topic", sorted(set(topics.ALL) - READABLE))
def test_it_may_read_nothing_but_findings(held: Held, topic: str) -> None:
    assert first_of(held, topic, "siem-curious").error().name() == "TOPIC_AUTHORIZATION_FAILED"


@pytest.mark.parametrize("topic", sorted(READABLE))
def test_it_may_read_what_a_siem_shows(held: Held, topic: str) -> None:
    assert first_of(held, topic, f"siem-{topic}").error() is None


@pytest.mark.parametrize("group", ["triptych-turns", "another-siem"])
def test_it_may_use_no_group_but_its_own(held: Held, group: str) -> None:
    assert first_of(held, topics.ALERTS_OCSF, group).error().name() == "GROUP_AUTHORIZATION_FAILED"


def test_it_sees_nobody_s_permissions(held: Held) -> None:
    assert AdminClient({"bootstrap.servers": held.broker.inside}).describe_acls(ANY).result(PATIENCE_S)
    assert not AdminClient(held.broker.client("siem")).describe_acls(ANY).result(PATIENCE_S)


def test_it_sees_no_other_topic(held: Held) -> None:
    seen = AdminClient(held.broker.client("siem")).list_topics(timeout=PATIENCE_S).topics
    assert set(seen) == READABLE


@pytest.mark.parametrize("change", [{"sasl.password": "guessed"}, {"sasl.username": "nobody"}])
def test_nobody_else_is_let_in(held: Held, change: dict[str, str]) -> None:
    client = AdminClient({**held.broker.client("siem"), **change, "log_level": 0})
    with pytest.raises(KafkaException):
        client.list_topics(timeout=5)
