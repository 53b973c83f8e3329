"""Audit events to their topic: each is acknowledged by the broker before the change counts as told."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from typing import Any

from confluent_kafka import KafkaException, Producer

from ..models import changes, topics
from ..models.changes import Change
from .errors import BrokerError

__all__ = ["publish", "send"]

_TIMEOUT_S = 10.0


def publish(client: Mapping[str, Any], told: Iterable[Change], *, tenant: str, version: str) -> None:
    """Raises BrokerError K13 where the broker does not take them."""
    now = time.time_ns()
    records = [(one.subject, changes.render(one, tenant=tenant, version=version, at_ns=now)) for one in told]
    send(client, topics.AUDIT, records)


def send(client: Mapping[str, Any], topic: str, records: Iterable[tuple[str, bytes]]) -> None:
    """Records by key and value, all acknowledged. Raises BrokerError K13."""
    refused: list[str] = []

    def delivered(error: Any, _: Any) -> None:
        if error is not None:
            refused.append(error.str())

    producer = Producer({**client, "acks": "all", "enable.idempotence": True, "partitioner": "murmur2_random"})
    try:
        for key, value in records:
            producer.produce(topic, value, key, on_delivery=delivered)
        left = producer.flush(_TIMEOUT_S)
    except KafkaException as error:
        raise _not_taken(topic, error.args[0].str()) from None
    if refused or left:
        raise _not_taken(topic, refused[0] if refused else f"{left} not acknowledged in {_TIMEOUT_S:g} s")


def _not_taken(topic: str, why: str) -> BrokerError:
    return BrokerError(
        f"{topic} took no record: {why}", "triptych topics plan shows what is there; its ACLs", code="K13"
    )
