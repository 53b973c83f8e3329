"""The topics of a broker: read what it holds, create and alter towards a plan, read back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from confluent_kafka import KafkaException
from confluent_kafka.admin import (  # type: ignore[attr-defined]  # its __init__ re-exports without saying so
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    ConfigSource,
    NewPartitions,
    NewTopic,
    ResourceType,
)

from .errors import BrokerError
from .topics import Change, Held, Topic, check_joins, plan

__all__ = ["apply", "held", "inspect", "touch"]

_TIMEOUT_S = 30.0


def inspect(client: Mapping[str, str], topics: Sequence[Topic]) -> list[Change]:
    """What apply would do, from what the broker holds now. Raises BrokerError K13, TopicError T02."""
    admin = _admin(client)
    check_joins(topics, held(admin, topics))
    return _plan(admin, topics)


def apply(client: Mapping[str, str], topics: Sequence[Topic], *, grow: bool = False) -> list[Change]:
    """Make the plan so and return the plan of what the broker holds afterwards. Raises BrokerError K13, and TopicError
    T02 where topics that are joined still differ: only `grow` adds partitions, for keys then move."""
    admin = _admin(client)
    try:
        changes = _plan(admin, topics)
        _create(admin, topics, {change.topic for change in changes if change.action == "create"})
        _alter(admin, [change for change in changes if change.action == "alter"])
        if grow:
            _grow(admin, [change for change in changes if change.action == "grow"])
        return inspect(client, topics)
    except KafkaException as error:
        raise BrokerError(f"the broker refused: {error.args[0].str()}", "check the user's ACLs", code="K13") from None


def held(admin: AdminClient, topics: Sequence[Topic]) -> dict[str, Held]:
    """The topics among `topics` that the broker has, with the settings it was given or took by default."""
    there = {name: topic for name, topic in _metadata(admin).topics.items() if name in {topic.name for topic in topics}}
    resources = [ConfigResource(ResourceType.TOPIC, name) for name in there]
    configs = admin.describe_configs(resources, request_timeout=_TIMEOUT_S) if resources else {}
    entries = {resource.name: future.result() for resource, future in configs.items()}
    return {
        name: Held(
            len(topic.partitions),
            min(len(partition.replicas) for partition in topic.partitions.values()),
            {key: str(entry.value) for key, entry in entries[name].items()},
        )
        for name, topic in there.items()
    }


def touch(client: Mapping[str, str], topics: Sequence[Topic]) -> None:
    """Bring topics into being on the embedded broker, which knows no CreateTopics but makes what is asked after."""
    admin = _admin(client)
    for topic in topics:
        admin.list_topics(topic.name, timeout=_TIMEOUT_S)


def _admin(client: Mapping[str, str]) -> AdminClient:
    return AdminClient({**client, "log_level": 0})


def _plan(admin: AdminClient, topics: Sequence[Topic]) -> list[Change]:
    return plan(topics, held(admin, topics), len(_metadata(admin).brokers))


def _metadata(admin: AdminClient) -> Any:
    return admin.list_topics(timeout=_TIMEOUT_S)


def _create(admin: AdminClient, topics: Sequence[Topic], missing: set[str]) -> None:
    brokers = len(_metadata(admin).brokers)
    new = [
        NewTopic(topic.name, topic.partitions, topic.replication(brokers), config=topic.settings(brokers))
        for topic in topics
        if topic.name in missing
    ]
    _done(admin.create_topics(new, operation_timeout=_TIMEOUT_S) if new else {})


def _alter(admin: AdminClient, changes: Sequence[Change]) -> None:
    entries: dict[str, list[ConfigEntry]] = {}
    for change in changes:
        entry = ConfigEntry(
            change.setting,
            change.wanted,
            source=ConfigSource.DYNAMIC_TOPIC_CONFIG,
            incremental_operation=AlterConfigOpType.SET,
        )
        entries.setdefault(change.topic, []).append(entry)
    resources = [ConfigResource(ResourceType.TOPIC, name, incremental_configs=new) for name, new in entries.items()]
    _done(admin.incremental_alter_configs(resources) if resources else {})


def _grow(admin: AdminClient, changes: Sequence[Change]) -> None:
    new = [NewPartitions(change.topic, int(change.wanted)) for change in changes]
    _done(admin.create_partitions(new, operation_timeout=_TIMEOUT_S) if new else {})


def _done(futures: Mapping[Any, Any]) -> None:
    for future in futures.values():
        future.result(_TIMEOUT_S)
