"""Chunk transport for Faust: one Faust message for each chunk of a partition instead of one for each record.

Faust's cost is per message (about 180 us of CPU), so chunks of 500 make it vanish. Only source topics travel so; others
take the stock way. Rests on internals of the pinned faust-streaming; tests/streams/test_chunks.py guards each of them.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, cast

import faust
from aiokafka.coordinator.assignors.range import RangePartitionAssignor
from aiokafka.errors import IllegalStateError
from aiokafka.partitioner import murmur2
from faust.transport.drivers import aiokafka as driver
from faust.types.tuples import ack_lock

__all__ = [
    "CHUNK",
    "FETCH_LEAST",
    "FETCH_WAIT_MS",
    "ChunkConsumer",
    "ChunkSchema",
    "ChunkTransport",
    "Progress",
    "Records",
    "partition_of",
    "slices",
]

CHUNK = 500
FETCH_WAIT_MS = 50
FETCH_LEAST = 1 << 19
"""Bytes a broker collects before it answers, for FETCH_WAIT_MS at most: an answer and a chunk have their price, however
small they are."""


class Records(list[Any]):
    """Raw consumer records of one chunk. Nothing but `finished` makes its offsets committable.

    Faust itself acknowledges what it skips around a rebalance, which would commit records that nobody worked on.
    """

    finished = False


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a partition was read: next offset, end of the partition, and whether chunks still wait to be fed."""

    position: int
    end: int
    waiting: bool

    @property
    def lag(self) -> int:
        return max(0, self.end - self.position)

    @property
    def at_end(self) -> bool:
        return self.lag == 0 and not self.waiting


class ChunkSchema(faust.Schema[Any, Any]):
    """Hands chunks through undecoded."""

    def loads_key(self, app: Any, message: Any, *, loads: Any = None, serializer: Any = None) -> None:
        return None

    def loads_value(self, app: Any, message: Any, *, loads: Any = None, serializer: Any = None) -> Any:
        return message.value


def slices(records: Mapping[Any, Sequence[Any]], size: Mapping[Any, int]) -> Iterator[tuple[Any, Sequence[Any]]]:
    """Slices of at most `size[tp]` records, one of each partition in turn until all are given."""
    left = {tp: 0 for tp, of_tp in records.items() if of_tp}
    while left:
        for tp, start in list(left.items()):
            end = start + size[tp]
            yield tp, records[tp][start:end]
            if end < len(records[tp]):
                left[tp] = end
            else:
                del left[tp]


_murmur2 = lru_cache(65_536)(murmur2)


def partition_of(key: bytes, partitions: Sequence[int], available: Sequence[int]) -> int:
    """Where every Kafka client puts this key. The hash is pure Python in aiokafka, and keys come again and again."""
    hashed: int = _murmur2(key) & 0x7FFFFFFF
    return partitions[hashed % len(partitions)]


class _Thread(driver.AIOKafkaConsumerThread):
    def _create_worker_consumer(self, transport: Any) -> Any:
        consumer = super()._create_worker_consumer(transport)
        # Faust hard-codes 1500 ms: one silent topic would hold up the busy partitions of the same broker.
        consumer._fetch_max_wait_ms = FETCH_WAIT_MS
        consumer._fetch_min_bytes = FETCH_LEAST
        # Without tables Faust deals partitions out round robin, and partition n of two topics goes to two workers.
        consumer._partition_assignment_strategy = (RangePartitionAssignor,)
        return consumer

    async def seek_to_committed(self) -> Mapping[Any, int]:
        return cast(Mapping[Any, int], await self.call_thread(self._seek_back))

    async def _seek_back(self) -> Mapping[Any, int]:
        """aiokafka's own leaves a partition where it is while nothing is committed for it: what had been fetched and
        left there around a rebalance would never be read."""
        consumer = self._ensure_consumer()
        while held := consumer.assignment():  # none where there are more workers than partitions: aiokafka would fail
            try:
                committed: Mapping[Any, int] = await consumer.seek_to_committed()
                if unread := [tp for tp, offset in committed.items() if not offset]:
                    await consumer.seek_to_beginning(*unread)
            except IllegalStateError:
                if consumer.assignment() == held:
                    raise  # else partitions moved meanwhile, as when workers join one after the other
            else:
                return committed
        return {}


class ChunkConsumer(driver.Consumer):
    """Faust's consumer, with chunks for the transport's source topics."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._given: dict[Any, int] = {}
        self._fed: dict[Any, int] = {}

    @property
    def _sources(self) -> frozenset[str]:
        return cast(ChunkTransport, self.transport).sources

    def _new_consumer_thread(self) -> _Thread:
        return _Thread(self, loop=self.loop, beacon=self.beacon)

    async def getmany(self, timeout: float) -> AsyncIterator[tuple[Any, Any]]:  # noqa: ASYNC109  Faust's signature
        """Messages to deliver. A chunk's message has the offset of its first record."""
        before = self.app.consumer_generation_id
        records, active = await self._wait_next_records(timeout)
        generation = self.app.consumer_generation_id
        if records is None or self.should_stop:
            return
        if not self.flow_active or generation != before:
            await self.perform_seek()  # what was fetched across a rebalance is left, and read again
            return
        sources = self._sources
        size = {tp: CHUNK if tp.topic in sources else 1 for tp in records}
        for tp, chunk in slices(records, size):
            if not self.flow_active or self.app.consumer_generation_id != generation:
                return
            if not (active is None or tp in active or tp in self._buffered_partitions):
                continue
            message: Any = self._to_message(tp, chunk[0])
            if tp.topic not in sources:
                yield tp, message
                continue
            message.key, message.value = None, Records(chunk)
            self._given[tp] = max(chunk[-1].offset, self._given.get(tp, -1))
            yield tp, message
            if self.app.consumer_generation_id == generation and self.flow_active:
                self._read_offset[tp] = chunk[-1].offset

    def ack(self, message: Any) -> bool:
        """Acknowledge a message, of a chunk every record in it at once."""
        chunk = message.value
        if not isinstance(chunk, Records):
            return bool(super().ack(message))
        if not chunk.finished or message.generation_id != self.app.consumer_generation_id:
            return False
        with ack_lock:
            first = bool(super().ack(message))
            if first and len(chunk) > 1:
                rest = range(message.offset + 1, chunk[-1].offset + 1)
                self._acked[message.tp].extend(rest)
                self._acked_index[message.tp].update(rest)
        return first

    def fed(self, message: Any) -> None:
        """The chunk of this message was worked on."""
        self._fed[message.tp] = message.value[-1].offset

    async def on_partitions_revoked(self, revoked: set[Any]) -> None:
        self._given.clear()
        self._fed.clear()
        await super().on_partitions_revoked(revoked)

    def progress(self) -> dict[Any, Progress | None]:
        """How far each assigned source partition was read; None while its end is not known."""
        client = self._thread._consumer
        subscription = client._fetcher._subscriptions.subscription if client is not None else None
        assignment = subscription.assignment if subscription is not None else None
        if assignment is None:
            return {}
        states = {tp: assignment.state_value(tp) for tp in assignment.tps if tp.topic in self._sources}
        return {tp: self._progress_of(tp, state) for tp, state in states.items()}

    def _progress_of(self, tp: Any, state: Any) -> Progress | None:
        if state is None or not state.has_valid_position or state.highwater is None:
            return None
        return Progress(state.position, state.highwater, self._given.get(tp, -1) > self._fed.get(tp, -1))


class ChunkTransport(driver.Transport):
    """Faust's transport with ChunkConsumer. `sources` are the topics that travel in chunks."""

    Consumer = ChunkConsumer
    sources: frozenset[str] = frozenset()
