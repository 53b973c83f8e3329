"""For detections of your own, in a consumer group of your own: typed calls and findings in, findings out.

    async with Emitter("broker:9092") as emitter:
        async for call in calls("broker:9092", group="payroll"):
            if suspicious(call):
                await emitter.emit(call, rule="payroll", title="The payroll was read")

At least once: a record is done when the next one is asked for, and what is done is committed every second and at the
end. `kafka` takes librdkafka's names for security.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping
from typing import Any, Self, TypeVar

import structlog
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError
from faust.transport.drivers.aiokafka import credentials_to_aiokafka_auth

from ..models import emitting, topics
from ..models.errors import WireError
from ..models.events import Alert, Call
from ..models.wire import bundled
from .chunks import partition_of
from .security import credentials

__all__ = ["Emitter", "call_of", "calls", "emit_finding", "finding_of", "findings"]

log = structlog.get_logger(__name__)
_CODEC = bundled()
_COMMIT_S = 1.0
E = TypeVar("E", Call, Alert)


def call_of(value: bytes) -> Call:
    """A record of mcp.calls, read by any client. Raises WireError."""
    return _CODEC.decode(value, Call)


def finding_of(value: bytes) -> Alert:
    """A record of mcp.alerts, read by any client. Raises WireError."""
    return _CODEC.decode(value, Alert)


def calls(bootstrap: str, *, group: str, kafka: Mapping[str, str] | None = None) -> AsyncGenerator[Call, None]:
    """Every call as it was joined, each revision of it; a group that is new begins with the oldest."""
    return _read(bootstrap, topics.CALLS, Call, group, kafka or {})


def findings(bootstrap: str, *, group: str, kafka: Mapping[str, str] | None = None) -> AsyncGenerator[Alert, None]:
    """Every revision of every finding."""
    return _read(bootstrap, topics.ALERTS, Alert, group, kafka or {})


class Emitter:
    """Findings of your own over one connection, which is there from `async with` to its end."""

    def __init__(self, bootstrap: str, *, tenant: str = "default", kafka: Mapping[str, str] | None = None) -> None:
        self._bootstrap = bootstrap
        self._tenant = tenant
        self._kafka = kafka or {}

    async def __aenter__(self) -> Self:
        self._producer = AIOKafkaProducer(
            bootstrap_servers=self._bootstrap,
            enable_idempotence=True,
            partitioner=_partition,
            **credentials_to_aiokafka_auth(credentials(self._kafka)),
        )
        await self._producer.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._producer.stop()

    async def emit(
        self,
        call: Call,
        *,
        rule: str,
        title: str,
        severity: str = "medium",
        facts: tuple[str, ...] = (),
        dedup: str = "",
    ) -> Alert:
        """A finding about a call, acknowledged by the broker in both forms (models/emitting.py says what is one)."""
        alert = emitting.finding_about(
            call, rule=rule, title=title, severity=severity, facts=facts, dedup=dedup, tenant=self._tenant
        )
        for topic, key, value, headers in emitting.records_of(alert, _CODEC, tenant=self._tenant):
            await self._producer.send_and_wait(topic, value, key, headers=list(headers))
        return alert


async def emit_finding(
    bootstrap: str, call: Call, *, tenant: str = "default", kafka: Mapping[str, str] | None = None, **told: Any
) -> Alert:
    """One finding over a connection of its own; `told` is what Emitter.emit takes. For many, keep an Emitter."""
    async with Emitter(bootstrap, tenant=tenant, kafka=kafka) as emitter:
        return await emitter.emit(call, **told)


def _partition(key: bytes | None, every: list[int], available: list[int]) -> int:
    return partition_of(key or b"", every, available)


async def _read(
    bootstrap: str, topic: str, kind: type[E], group: str, kafka: Mapping[str, str]
) -> AsyncGenerator[E, None]:
    """What is no such event is logged and passed over: a reader of its own has no dead letters."""
    consumer = AIOKafkaConsumer(
        topic,
        bootstrap_servers=bootstrap,
        group_id=group,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        **credentials_to_aiokafka_auth(credentials(kafka)),
    )
    await consumer.start()
    done = _Done(consumer)
    try:
        while True:
            found = await consumer.getmany(timeout_ms=round(_COMMIT_S * 1000), max_records=1)
            for partition, (record,) in found.items():
                if (event := _decoded(record, kind)) is not None:
                    yield event
                done.offsets[partition] = record.offset + 1
            await done.commit_if_due()
    finally:
        await done.commit()
        await consumer.stop()


def _decoded(record: Any, kind: type[E]) -> E | None:
    try:
        return _CODEC.decode(record.value or b"", kind)
    except WireError as error:
        log.warning("record passed over", topic=record.topic, offset=record.offset, code=error.code)
        return None


class _Done:
    """How far each partition is done. Where the group gave a partition away, whoever has it now reads it again."""

    def __init__(self, consumer: AIOKafkaConsumer) -> None:
        self.offsets: dict[TopicPartition, int] = {}
        self._consumer = consumer
        self._now = asyncio.get_running_loop().time
        self._due = self._now() + _COMMIT_S

    async def commit_if_due(self) -> None:
        if self._now() >= self._due:
            await self.commit()

    async def commit(self) -> None:
        self._due = self._now() + _COMMIT_S
        ours = self._consumer.assignment()
        offsets = {partition: offset for partition, offset in self.offsets.items() if partition in ours}
        self.offsets.clear()
        if not offsets:
            return
        try:
            await self._consumer.commit(offsets)
        except KafkaError as error:
            log.warning("not committed", error=type(error).__name__)
