"""Chunk transport for Faust: one Faust message for each chunk of a partition instead of one for each record.

Faust's cost is per message (about 180 us of CPU), so chunks of 500 make it vanish. Only source topics travel so; others
take the stock way. Rests on internals of the pinned faust-streaming; tests/streams/test_chunks.py guards each of them.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, cast

import faust
import structlog
from aiokafka.coordinator.assignors.range import RangePartitionAssignor
from aiokafka.partitioner import murmur2
from faust.transport.drivers import aiokafka as driver

from .places import Places, Records

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

log = structlog.get_logger(__name__)

CHUNK = 500
FETCH_WAIT_MS = 50
FETCH_LEAST = 1 << 19
"""Bytes a broker collects before it answers, for FETCH_WAIT_MS at most: an answer and a chunk have their price, however
small they are."""

_MOVING_S = 0.05


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a partition was read: next offset, its end by the broker's last answer, whether chunks still wait to be
    fed, and the wall time of that answer, epoch nanoseconds."""

    position: int
    end: int
    waiting: bool
    answered_ns: int = 0

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


_murmur2 = lru_cache(2_048)(murmur2)
_SHORT = 128  # bytes of a key that is remembered


def partition_of(key: bytes, partitions: Sequence[int], available: Sequence[int]) -> int:
    """Where every Kafka client puts this key. The hash is pure Python in aiokafka, and workloads come often."""
    hashed: int = (_murmur2 if len(key) <= _SHORT else murmur2)(key) & 0x7FFFFFFF
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
        """Where each partition is read from now. All offsets are asked for at once, and all partitions sought without a
        pause: aiokafka asks for one after the other, and leaves those where they are for which nothing is committed."""
        consumer = self._ensure_consumer()
        while (held := consumer._subscription.subscription.assignment) is not None and held.tps:
            committed = await consumer._coordinator.fetch_committed_offsets(list(held.tps))
            known = {tp: found.offset for tp, found in committed.items() if found.offset > 0}
            unread = [tp for tp in held.tps if tp not in known]
            begin = await consumer.beginning_offsets(unread) if unread else {}
            if held.active:  # else partitions moved meanwhile, as when workers join one after the other
                for tp, offset in {**known, **begin}.items():
                    consumer._fetcher.seek_to(tp, offset)
                return {**known, **begin}
            await asyncio.sleep(_MOVING_S)
        return {}

    async def seek_again(self, tp: Any, offset: int) -> None:
        """Read a partition from there, if it is still here."""
        await self.call_thread(self._seek_one, tp, offset)

    async def _seek_one(self, tp: Any, offset: int) -> None:
        consumer = self._ensure_consumer()
        if tp in consumer.assignment():
            consumer._fetcher.seek_to(tp, offset)


class ChunkConsumer(driver.Consumer):
    """Faust's consumer, with chunks for the transport's source topics.

    Around a rebalance records get lost on their way from the client's thread, streams skip what waits in their queues,
    and seeks come late. So nothing is given before the partitions were sought, a chunk begins where the last one ended,
    and a commit ends before the first chunk that is not finished.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._places = Places()
        self._moves = 0
        self._sought = False

    @property
    def _sources(self) -> frozenset[str]:
        return cast(ChunkTransport, self.transport).sources

    def _new_consumer_thread(self) -> _Thread:
        return _Thread(self, loop=self.loop, beacon=self.beacon)

    async def getmany(self, timeout: float) -> AsyncIterator[tuple[Any, Any]]:  # noqa: ASYNC109  Faust's signature
        """Messages to deliver. A chunk's message has the offset of its first record."""
        fetched, active = await self._wait_next_records(timeout)
        if fetched is None or self.should_stop:
            return
        moves, sources = self._moves, self._sources
        records = {tp: await self._following(tp, raw) if tp.topic in sources else raw for tp, raw in fetched.items()}
        for tp, state in self._states().items():
            if tp not in fetched and state is not None and state.has_valid_position:
                await self._missing(tp, state.position)
        size = {tp: CHUNK if tp.topic in sources else 1 for tp in records}
        for tp, chunk in slices(records, size):
            if not self.flow_active or moves != self._moves:
                return  # partitions moved, and are sought before anything else is given
            if active is None or tp in active or tp in self._buffered_partitions:
                yield tp, self._message_of(tp, chunk) if tp.topic in sources else self._to_message(tp, chunk[0])

    async def _getmany(self, active_partitions: set[Any] | None, timeout: float) -> Mapping[Any, Any]:  # noqa: ASYNC109
        """What was fetched, but not of partitions that are held: that stays where it is."""
        others = active_partitions and active_partitions - cast(ChunkTransport, self.transport).held()
        return cast(Mapping[Any, Any], await super()._getmany(others or active_partitions, timeout))  # none means all

    async def _following(self, tp: Any, records: Sequence[Any]) -> Sequence[Any]:
        """What may be given of these."""
        if not records or await self._missing(tp, records[0].offset):
            return ()
        return self._places.following(tp, records)

    async def _missing(self, tp: Any, came: int) -> bool:
        """Whether something before `came` got lost on the way; then it is read again."""
        if (missing := self._places.missing(tp, came)) is None:
            return False
        log.info("read again", topic=tp.topic, partition=tp.partition, offset=missing, came=came)
        await cast(_Thread, self._thread).seek_again(tp, missing)
        return True

    def _message_of(self, tp: Any, chunk: Sequence[Any]) -> Any:
        message: Any = self._to_message(tp, chunk[0])
        message.key, message.value = None, self._places.give(tp, chunk)
        self._read_offset[tp] = None  # Faust would drop a message, or note a gap, by its first record
        return message

    def _new_offset(self, tp: Any) -> int | None:
        """What may be committed. Faust's own passes over a first chunk while nothing is committed yet."""
        if tp.topic not in self._sources:
            return super()._new_offset(tp)
        self._acked[tp].clear()
        self._acked_index[tp].clear()
        return self._places.finished(tp)

    def fed(self, message: Any) -> None:
        """The chunk of this message was worked on."""
        if message.generation_id == self.app.consumer_generation_id:
            self._places.fed(message.tp, message.value)

    async def perform_seek(self) -> None:
        """Go back to what is committed; what was given and not committed comes again."""
        moves = self._moves
        reached = await self.seek_to_committed()
        if moves == self._moves:
            self._places.begin(reached)
            self._committed_offset.update(reached)
            self._sought = True

    def resume_flow(self) -> None:
        """Nothing where partitions have moved since they were sought: Faust would give out what it does not count."""
        if self._sought:
            super().resume_flow()

    async def on_partitions_revoked(self, revoked: set[Any]) -> None:
        self._move()
        await super().on_partitions_revoked(revoked)

    async def on_partitions_assigned(self, assigned: set[Any], generation_id: int = 0) -> None:
        self._move()
        await super().on_partitions_assigned(assigned, generation_id)

    def _move(self) -> None:
        self.stop_flow()
        self._moves += 1
        self._sought = False
        self._places.begin({})

    def membership(self) -> tuple[str, BaseException | None]:
        """What the group calls this member, empty while it has no id, and what it refused for good."""
        client = self._thread._consumer
        coordinator = client._coordinator if client is not None else None
        return ("", None) if coordinator is None else (coordinator.member_id, coordinator._pending_exception)

    def progress(self) -> dict[Any, Progress | None]:
        """How far each assigned source partition was read; None while its end is not known."""
        return {tp: self._progress_of(tp, state) for tp, state in self._states().items()}

    def _states(self) -> dict[Any, Any]:
        """The client's state of each assigned source partition."""
        client = self._thread._consumer
        subscription = client._fetcher._subscriptions.subscription if client is not None else None
        assignment = subscription.assignment if subscription is not None else None
        if assignment is None:
            return {}
        return {tp: assignment.state_value(tp) for tp in assignment.tps if tp.topic in self._sources}

    def _progress_of(self, tp: Any, state: Any) -> Progress | None:
        if state is None or not state.has_valid_position or state.highwater is None:
            return None
        return Progress(state.position, state.highwater, self._places.waiting(tp), state.timestamp * 1_000_000)


class ChunkTransport(driver.Transport):
    """Faust's transport with ChunkConsumer. `sources` are the topics that travel in chunks, `held` tells the topics and
    partitions that are not to be read on."""

    Consumer = ChunkConsumer
    sources: frozenset[str] = frozenset()
    held: Callable[[], frozenset[Any]] = staticmethod(frozenset)
