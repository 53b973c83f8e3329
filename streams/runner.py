"""Carries stages out: records in, outputs acknowledged, writes applied, offsets released, in that order and no other.

Knows no Faust. One runner serves one stage over all partitions this worker holds. A record that cannot be read or that
a stage refuses becomes a dead letter; after an output that the broker refused nothing is acknowledged, and the next
call raises.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import structlog

from ..models.errors import WireError
from ..models.wire import Codec, schema_id
from .aside import Aside
from .asking import Asking
from .clock import Clock
from .deadletter import MAX_KEY, Source, dead_letter, retried
from .metrics import Metrics, Who
from .outbox import Outbox, Sent
from .pins import PinQueue
from .ports import Chunk, Plan, Record, Schemas, Sink, Store
from .stage import Input, Output, Stage, Step

__all__ = ["Chunk", "Plan", "Record", "Runner", "Schemas", "Sink", "Store"]

_UNFRAMED = -1
_AT_ONCE = 50  # records

log = structlog.get_logger(__name__)


@dataclass(slots=True, eq=False)
class _Part:
    """One co-partition: its stage, its clock, its chunks not yet acknowledged."""

    stage: Stage
    clock: Clock
    pins: PinQueue
    outbox: Outbox
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    counted: dict[str, int] = field(default_factory=dict)
    aside: Aside = field(init=False)

    def __post_init__(self) -> None:
        self.aside = Aside(self.stage, self.clock)


class Runner:
    """Feed it chunks, tick it, reset it at every rebalance. `now` gives wall time, epoch nanoseconds."""

    def __init__(
        self,
        plan: Plan,
        *,
        codec: Codec,
        sink: Sink,
        store: Store | None,
        metrics: Metrics,
        now: Callable[[], int],
        schemas: Schemas | None = None,
    ) -> None:
        self.plan = plan
        self._codec = codec
        self._sink = sink
        self._store = store
        self._schemas = schemas
        self._metrics = metrics
        self._now = now
        self._parts: dict[int, _Part] = {}
        self._generation = -1
        self._asking = Asking(plan.name, metrics)

    @property
    def waits(self) -> bool:
        """Whether the store or the registry is away, so that nothing can move."""
        return self._asking.waits

    @property
    def ahead(self) -> frozenset[tuple[str, int]]:
        """Topics and partitions that should not be read on until time has come nearer to them, as room gets short."""
        return frozenset((topic, partition) for partition, part in self._parts.items() for topic in part.aside.ahead)

    def reset(self) -> None:
        """Partitions moved: forget everything. What was not acknowledged comes again."""
        for partition in self._parts:
            self._metrics.forget(self.plan.name, str(partition))
        self._parts = {}

    async def feed(self, chunk: Chunk) -> None:
        """Take one chunk; returns when it was worked on. What followed from it is acknowledged and written behind it.

        A chunk of an older generation is left alone: it is read again by whoever holds its partition now.
        """
        if chunk.generation < self._generation:
            return
        if chunk.generation > self._generation:
            self.reset()
            self._generation = chunk.generation
        part = self._part(chunk.partition)
        if not part.aside.put(chunk, self._now()):
            await self._work(chunk, part)
        await self._work_on(chunk.partition, part)

    async def _work_on(self, partition: int, part: _Part) -> None:
        """Work on what waited and need not wait any longer."""
        while self._alive(partition, part) and (chunk := part.aside.take(self._now())) is not None:
            await self._work(chunk, part)

    async def _work(self, chunk: Chunk, part: _Part) -> None:
        async with part.lock:
            if not self._alive(chunk.partition, part):
                return
            pin = part.pins.add(chunk.topic, chunk.done)
            foreign = await self._learn(chunk, part)
            if not self._alive(chunk.partition, part):
                return
            records, outputs = self._read(chunk, part, foreign)
            records, wanted = self._wanted(chunk, part, records, outputs)
            known = await self._lookup(chunk.partition, part, wanted)
            if not self._alive(chunk.partition, part):
                return
            steps = [Step(outputs=tuple(outputs), releases=(pin,))]
            add = partial(part.stage.add, pin=pin, known=known)
            for number, (raw, record) in enumerate(records, 1):
                steps.append(self._add(chunk, raw, record, add))
                if number % _AT_ONCE == 0:
                    await asyncio.sleep(0)  # time, heartbeats and acknowledgements do not wait for a whole chunk
            if not self._alive(chunk.partition, part):
                return
            steps.append(self._advance(chunk.partition, part, ()))
            await self._carry_out(part, steps)
        chunk.taken()

    async def tick(self, at_end: Mapping[int, Iterable[str]]) -> None:
        """Let time pass. `at_end`: the partitions held, and of each the topics that have nothing more to read, which
        counts no longer where others took so long that something may have come."""
        asked, parts = self._now(), self._parts
        for partition, ended in at_end.items():
            part = self._part(partition)
            part.outbox.check()
            part.aside.heard(ended)  # also while a chunk is under way
            if part.lock.locked():
                continue  # a chunk is under way, and it advances time itself
            async with part.lock:
                silent = part.aside.heard(ended if self._now() - asked < self.plan.times.idle_ns // 2 else ())
                await self._carry_out(part, [self._advance(partition, part, silent)])
                self._measure(partition, part, silent)
            await self._work_on(partition, part)
            await asyncio.sleep(0)  # what ends at once is much: records that came meanwhile do not wait for all of it
            if self._parts is not parts:
                return

    async def settled(self) -> None:
        """Wait until what is in work is done, and everything acknowledged and written. Raises what was refused."""
        for part in tuple(self._parts.values()):
            async with part.lock:
                await part.outbox.empty()

    def _part(self, partition: int) -> _Part:
        part = self._parts.get(partition)
        if part is None:
            clock = Clock(self.plan.sources, self.plan.times, self._now())
            part = self._parts[partition] = self._new_part(partition, clock)
        return part

    def _new_part(self, partition: int, clock: Clock) -> _Part:
        pins = PinQueue()

        async def write(writes: Sequence[Any]) -> bool:
            if writes and self._store is not None:
                await self._patiently(partition, part, "store", self._store.apply, writes)
            return self._alive(partition, part)

        part = _Part(self.plan.new_stage(), clock, pins, Outbox(write, pins.settle))
        return part

    def _alive(self, partition: int, part: _Part) -> bool:
        return self._parts.get(partition) is part

    async def _learn(self, chunk: Chunk, part: _Part) -> Mapping[int, WireError]:
        """Have the schemas of a chunk made known before it is decoded; the ids that are no event, with the reason."""
        if self._schemas is None:
            return {}
        unknown = {number for number in map(_schema_id, chunk.records) if not self._codec.knows(number)} - {_UNFRAMED}
        if not unknown:
            return {}
        teach = partial(self._schemas.teach, self._codec)
        return await self._patiently(chunk.partition, part, "registry", teach, unknown) or {}

    def _read(
        self, chunk: Chunk, part: _Part, foreign: Mapping[int, WireError]
    ) -> tuple[list[tuple[Record, Input]], list[Output]]:
        """The events of a chunk, and a dead letter for each record that is none."""
        now = self._now()
        records: list[tuple[Record, Input]] = []
        refused: list[Output] = []
        expected = self.plan.sources[chunk.topic]
        for raw in chunk.records:
            try:
                if foreign and (refusal := foreign.get(_schema_id(raw))) is not None:
                    raise refusal
                event: Any = self._codec.decode(raw.value or b"", expected)
            except WireError as error:
                refused.append(self._refuse(_source(chunk, raw), error.code, error.what, raw.headers))
            else:
                records.append((raw, self._timed(event, chunk.topic, raw, part, now)))
        return records, refused

    def _wanted(
        self, chunk: Chunk, part: _Part, records: list[tuple[Record, Input]], refused: list[Output]
    ) -> tuple[list[tuple[Record, Input]], Any]:
        """What the store must answer, and the records it is for: those that a stage cannot even ask for are refused."""
        try:
            return records, part.stage.wanted([record for _, record in records])
        except Exception:
            log.exception("stage cannot ask for a chunk", stage=self.plan.name, topic=chunk.topic)
        taken = []
        for raw, record in records:
            try:
                part.stage.wanted([record])
            except Exception as error:
                refused.append(self._failed(chunk, raw, error))
            else:
                taken.append((raw, record))
        return taken, part.stage.wanted([record for _, record in taken])

    def _timed(self, event: Input, topic: str, raw: Record, part: _Part, now: int) -> Input:
        appended = raw.timestamp * 1_000_000 if raw.timestamp_type == 1 else now
        taken = part.clock.observe(topic, event.wall_ns, appended, now)
        if taken == event.wall_ns:
            return event
        self._metrics.clock_ahead.labels(topic).inc()
        return replace(event, wall_ns=taken)

    def _refuse(
        self, source: Source, code: str, reason: str, headers: Sequence[tuple[str, bytes | None]] = ()
    ) -> Output:
        self._metrics.dead_letters.labels(self.plan.name, code).inc()
        log.warning("dead letter", stage=self.plan.name, topic=source.topic, offset=source.offset, code=code)
        key = (source.key or b"")[:MAX_KEY].decode("utf-8", "replace")
        letter = dead_letter(source, code, reason, self.plan.name)
        return Output(self.plan.dead_letters, key, letter, retried(headers))

    def _add(self, chunk: Chunk, raw: Record, record: Input, add: Callable[[Input], Step]) -> Step:
        try:
            return add(record)
        except Exception as error:
            return Step(outputs=(self._failed(chunk, raw, error),))

    def _failed(self, chunk: Chunk, raw: Record, error: Exception) -> Output:
        """One record that a stage cannot take must not stop the partition for ever."""
        log.error("stage failed", stage=self.plan.name, topic=chunk.topic, offset=raw.offset, exc_info=error)
        reason = f"the stage failed: {type(error).__name__}"
        return self._refuse(_source(chunk, raw), "J04", reason, raw.headers)

    def _advance(self, partition: int, part: _Part, ended: Iterable[str]) -> Step:
        watermark = part.clock.watermark(self._now(), ended)
        if watermark is None:
            return Step()
        due = part.stage.next_deadline()
        return part.stage.advance(watermark) if due is not None and due <= watermark else Step()

    async def _carry_out(self, part: _Part, steps: Sequence[Step]) -> None:
        acknowledged = [await self._send(output) for step in steps for output in step.outputs]
        writes = [write for step in steps for write in step.writes]
        releases = [pin for step in steps for pin in step.releases]
        if acknowledged or writes or releases:
            await part.outbox.put(Sent(acknowledged, writes, releases))

    async def _send(self, output: Output) -> Awaitable[object]:
        topic, key, value = self._encoded(output)
        acknowledged = await self._sink.send(topic, key.encode(), value, output.headers)
        self._metrics.sent(self.plan.name, output, self._now())
        return acknowledged

    def _encoded(self, output: Output) -> tuple[str, str, bytes]:
        """Topic, key and bytes. What no broker would take goes to the dead letters: sending it again would not help."""
        try:
            value = output.value if isinstance(output.value, bytes) else self._codec.encode(output.value)
        except WireError as error:
            value, code, reason = b"", error.code, error.what
        else:
            if len(value) <= self.plan.max_bytes:
                return output.topic, output.key, value
            code, reason = "J05", f"{len(value)} bytes are more than a record may have"
        source = Source(output.topic, -1, -1, self._now() // 1_000_000, output.key.encode(), value)
        letter = self._refuse(source, code, reason)
        return letter.topic, letter.key, self._codec.encode(letter.value)

    async def _lookup(self, partition: int, part: _Part, wanted: Any) -> Any:
        if wanted is None or self._store is None:
            return None
        return await self._patiently(partition, part, "store", self._store.lookup, wanted)

    async def _patiently(
        self, partition: int, part: _Part, who: Who, ask: Callable[[Any], Awaitable[Any]], argument: Any
    ) -> Any:
        return await self._asking.patiently(who, ask, argument, lambda: self._alive(partition, part))

    def _measure(self, partition: int, part: _Part, ended: Iterable[str]) -> None:
        """What the pages tell of a co-partition: how far time has come and what holds it, what is kept and happened."""
        name, number, now = self.plan.name, str(partition), self._now()
        self._metrics.time(name, number, part.clock, now, ended)
        self._metrics.ahead(name, number, part.clock, part.aside.ahead)
        self._metrics.pinned.labels(name, number).set(len(part.pins))
        self._metrics.stage(name, number, part.stage, part.counted)


def _source(chunk: Chunk, raw: Record) -> Source:
    return Source(chunk.topic, chunk.partition, raw.offset, raw.timestamp, raw.key, raw.value or b"")


def _schema_id(raw: Record) -> int:
    try:
        return schema_id(raw.value or b"")
    except WireError:
        return _UNFRAMED
