"""What a worker may do on the broker, asked before it starts: a consumer that is not let in would wait in silence.

Asks the broker for the operations it allows this user (KIP-430) and changes nothing. A broker that does not answer such
questions has no say here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from confluent_kafka import KafkaException, TopicCollection, TopicPartition
from confluent_kafka.admin import (  # type: ignore[attr-defined]  # its __init__ re-exports without saying so
    AclOperation,
    AdminClient,
    OffsetSpec,
)

from .errors import BrokerError

__all__ = ["Needs", "ahead_ms", "check"]

_TIMEOUT_S = 10.0
_MOCK = "mockCluster"  # librdkafka's, the embedded broker
_DENIED = {"TOPIC_AUTHORIZATION_FAILED", "GROUP_AUTHORIZATION_FAILED", "CLUSTER_AUTHORIZATION_FAILED"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """Topics that are read, topics that are written, and the consumer group."""

    reads: Sequence[str]
    writes: Sequence[str]
    group: str


def check(client: Mapping[str, Any], needs: Needs) -> None:
    """Raises BrokerError K13 that names everything this user lacks, with the grant it takes."""
    admin = AdminClient({**client, "log_level": 0})
    if str(admin.list_topics(timeout=_TIMEOUT_S).cluster_id).startswith(_MOCK):
        return  # it knows no permissions, and never answers when asked
    lacking = [*_topics(admin, needs), *_group(admin, needs.group)]
    if lacking:
        user = client.get("sasl.username", "this client")
        raise BrokerError(
            f"{user} is not allowed to {', to '.join(lacking)}",
            "grant it: kafka-acls.sh --add --allow-principal User:NAME, with --consumer --group or with --producer",
            code="K13",
        )


def ahead_ms(client: Mapping[str, Any], topics: Sequence[str], now_ms: int) -> tuple[str, int] | None:
    """The topic whose newest record lies furthest ahead of this machine's clock, and how far; None where none does."""
    admin = AdminClient({**client, "log_level": 0})
    try:
        known = admin.list_topics(timeout=_TIMEOUT_S).topics
        places = [
            TopicPartition(topic, number) for topic in topics if topic in known for number in known[topic].partitions
        ]
        newest_of: Any = OffsetSpec.max_timestamp()  # type: ignore[no-untyped-call]  # typed nowhere
        found = admin.list_offsets(dict.fromkeys(places, newest_of), request_timeout=_TIMEOUT_S)
        newest = max(((future.result().timestamp, place.topic) for place, future in found.items()), default=(-1, ""))
    except KafkaException:
        return None
    return (newest[1], newest[0] - now_ms) if newest[0] > now_ms else None


def _topics(admin: AdminClient, needs: Needs) -> Iterator[str]:
    names = sorted({*needs.reads, *needs.writes})
    asked = admin.describe_topics(
        TopicCollection(names), include_authorized_operations=True, request_timeout=_TIMEOUT_S
    )
    for name in names:
        allowed = _allowed(asked[name])
        if allowed is None:
            continue
        if name in needs.reads and AclOperation.READ not in allowed:
            yield f"read {name}"
        if name in needs.writes and AclOperation.WRITE not in allowed:
            yield f"write {name}"


def _group(admin: AdminClient, group: str) -> Iterator[str]:
    asked = admin.describe_consumer_groups([group], include_authorized_operations=True, request_timeout=_TIMEOUT_S)
    allowed = _allowed(asked[group])
    if allowed is not None and AclOperation.READ not in allowed:
        yield f"use the group {group}"


def _allowed(future: Any) -> set[AclOperation] | None:
    """The operations that are allowed: none where even the question is denied; None where the broker does not say."""
    try:
        operations = future.result(_TIMEOUT_S).authorized_operations
    except KafkaException as error:
        return set() if error.args[0].name() in _DENIED else None
    except TimeoutError:  # librdkafka's mock cluster, for one, knows no such question
        return None
    return set(operations) if operations else None
