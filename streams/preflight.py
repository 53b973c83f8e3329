"""Looks before the worker starts: a broker that does not answer, a topic that is missing, partitions that do not match.

Faust waits for ever and in silence on each of them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError
from faust.transport.drivers.aiokafka import credentials_to_aiokafka_auth

from ..models.errors import ConfigError, TriptychError
from .config import WorkerConfig
from .security import credentials

__all__ = ["BrokerError", "check"]

_PATIENCE_S = 10.0


class BrokerError(TriptychError):
    """The broker does not answer, or does not let this worker in."""

    code = "J02"


async def check(config: WorkerConfig, joined: Iterable[Iterable[str]], written: Iterable[str]) -> None:
    """Raises BrokerError, or ConfigError where topics are missing or joined ones differ in partitions."""
    partitions = await _partitions(config)
    groups = [tuple(group) for group in joined]
    needed = sorted({*written, *(topic for group in groups for topic in group)})
    if missing := [topic for topic in needed if topic not in partitions]:
        raise ConfigError(f"the broker has no topic {', '.join(missing)}", "triptych topics apply")
    for group in groups:
        if len({partitions[topic] for topic in group}) > 1:
            counts = ", ".join(f"{topic} {partitions[topic]}" for topic in group)
            most = max(partitions[topic] for topic in group)
            raise ConfigError(
                f"topics that are joined differ in partitions: {counts}",
                f"triptych --set kafka.partitions={most} topics apply --grow",
            )


async def _partitions(config: WorkerConfig) -> dict[str, int]:
    """One answer of the broker about all topics: a client's own picture may be older than the topics it lists."""
    client = AIOKafkaAdminClient(
        bootstrap_servers=config.bootstrap,
        request_timeout_ms=int(_PATIENCE_S * 1000),
        **credentials_to_aiokafka_auth(credentials(config.kafka)),
    )
    try:
        async with asyncio.timeout(_PATIENCE_S):
            await client.start()
            return {topic["topic"]: len(topic["partitions"]) for topic in await client.describe_topics()}
    except (KafkaError, OSError, TimeoutError) as error:
        reason = str(error) or type(error).__name__
        raise BrokerError(
            f"no answer from {config.bootstrap}: {reason}", "is the broker up, and are the credentials right?"
        ) from error
    finally:
        await client.close()
