"""Do topics keep what a worker needs, and take what it writes: asked before the start, for a loss would show later.

A user that may not ask (DescribeConfigs) is not told; a topic that is missing is somebody else's finding.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from confluent_kafka import KafkaException
from confluent_kafka.admin import (  # type: ignore[attr-defined]  # its __init__ re-exports without saying so
    AdminClient,
    ConfigResource,
    ResourceType,
)

from .errors import TopicError

__all__ = ["FIX", "Fault", "Wanted", "check", "faults"]

_TIMEOUT_S = 10.0
FIX = "triptych topics apply; a size by kafka-configs.sh --alter --add-config max.message.bytes=1048588"
_MOCK = "mockCluster"  # librdkafka's, the embedded broker


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Topics that are read and written, how long a record may have to be read again, and how large one may become."""

    reads: Collection[str]
    writes: Collection[str]
    kept_s: float
    record_bytes: int


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault of a topic. `fatal`: a worker would lose what it reads, or end again and again over what it writes."""

    what: str
    fatal: bool = True


def check(client: Mapping[str, Any], wanted: Wanted) -> tuple[str, ...]:
    """What is wrong and holds no worker up. Raises TopicError T03 that names everything that does."""
    admin = AdminClient({**client, "log_level": 0})
    if str(admin.list_topics(timeout=_TIMEOUT_S).cluster_id).startswith(_MOCK):
        return ()  # its topics have no configuration
    found = [fault for topic, held in _held(admin, wanted) for fault in faults(topic, held, wanted)]
    if fatal := [fault.what for fault in found if fault.fatal]:
        raise TopicError("; ".join(fatal), FIX, code="T03")
    return tuple(fault.what for fault in found)


def faults(topic: str, held: Mapping[str, str], wanted: Wanted) -> Iterator[Fault]:
    """What is wrong with one topic of this configuration, as the broker tells it."""
    policy = held.get("cleanup.policy", "delete")
    if "compact" in policy:
        yield Fault(
            f"{topic} is compacted (cleanup.policy {policy}): of records with one key all but the last would go",
            fatal=topic in wanted.reads,
        )
    kept_ms = _number(held, "retention.ms")
    if topic in wanted.reads and kept_ms is not None and 0 <= kept_ms < wanted.kept_s * 1_000:
        yield Fault(
            f"{topic} keeps records for {kept_ms / 1_000:g} s (retention.ms), and a worker that starts again may need "
            f"those of {wanted.kept_s:g} s"
        )
    largest = _number(held, "max.message.bytes")
    if topic in wanted.writes and largest is not None and largest < wanted.record_bytes:
        # The broker refuses such a record for good, and a worker that is refused reads it again.
        yield Fault(
            f"{topic} takes records of {largest} bytes (max.message.bytes), and a worker writes {wanted.record_bytes}"
        )


def _number(held: Mapping[str, str], name: str) -> int | None:
    """None for what is not told, or is no number."""
    try:
        return int(held[name])
    except (KeyError, ValueError):
        return None


def _held(admin: AdminClient, wanted: Wanted) -> Iterator[tuple[str, dict[str, str]]]:
    names = sorted({*wanted.reads, *wanted.writes})
    asked = admin.describe_configs(
        [ConfigResource(ResourceType.TOPIC, name) for name in names], request_timeout=_TIMEOUT_S
    )
    for resource, future in asked.items():
        try:
            entries = future.result(_TIMEOUT_S)
        except (KafkaException, TimeoutError):
            continue
        yield resource.name, {key: str(entry.value) for key, entry in entries.items()}
