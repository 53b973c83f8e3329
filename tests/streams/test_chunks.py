"""The chunk transport, and guards on the internals of the pinned Faust that it rests on."""

from __future__ import annotations

import hashlib
import inspect
from asyncio import Event
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer
from aiokafka.consumer.fetcher import Fetcher
from aiokafka.consumer.group_coordinator import GroupCoordinator
from aiokafka.coordinator.assignors.range import RangePartitionAssignor
from aiokafka.partitioner import DefaultPartitioner
from faust.streams import Stream
from faust.tables.recovery import Recovery
from faust.transport.consumer import Consumer, ThreadDelegateConsumer
from faust.transport.drivers.aiokafka import AIOKafkaConsumerThread
from faust.types.tuples import TP
from hypothesis import given
from hypothesis import strategies as st

from triptych.streams import chunks
from triptych.streams.app import Wiring, create_app
from triptych.streams.chunks import CHUNK, ChunkConsumer, Progress, partition_of, slices
from triptych.streams.config import WorkerConfig
from triptych.streams.places import Places

RELIED_ON = {
    Consumer.getmany: (
        "4b168d84882a",
        "ChunkConsumer replaces it: compare its checks of flow, generation and partitions",
    ),
    Consumer._wait_next_records: (
        "6218e1969a63",
        "it must answer records by partition, or None, and the active partitions",
    ),
    Consumer.ack: ("5fcf41cf4515", "it must note the partition in _acked, where _filter_tps_with_pending_acks looks"),
    Consumer._new_offset: ("1d2c7ea89a7a", "ChunkConsumer replaces it: what it answers is committed"),
    Consumer._drain_messages: (
        "44a2500309e8",
        "it must deliver a message whose partition has no read offset, and note no gap",
    ),
    Consumer.perform_seek: (
        "0e8c130ff4b0",
        "ChunkConsumer replaces it: it must do nothing but seek, and keep its books",
    ),
    ThreadDelegateConsumer._getmany: ("f9d47aa9010b", "ChunkConsumer narrows the partitions it asks for"),
    Fetcher.fetched_records: ("be4348896b9b", "what was fetched of partitions that are not asked for must stay"),
    ThreadDelegateConsumer.__init__: ("7072ae80eac1", "it must make its thread by _new_consumer_thread"),
    AIOKafkaConsumerThread._create_worker_consumer: (
        "c2701bfc3e6f",
        "_Thread sets fetch wait and assignor of what it returns",
    ),
    AIOKafkaConsumerThread._fetch_records: ("39a2c6c79fc1", "it must return raw records"),
    AIOKafkaConsumer.start: (
        "2f1ba7044332",
        "it must read _fetch_max_wait_ms, _fetch_min_bytes and _partition_assignment_strategy only now",
    ),
    GroupCoordinator.fetch_committed_offsets: ("6c049c737916", "it must ask for all partitions at once; -1 is none"),
    GroupCoordinator._push_error_to_user: (
        "743ff515bd7e",
        "membership() must find what it keeps in _pending_exception",
    ),
    Fetcher._proc_fetch_request: (
        "59bf948fff47",
        "of each partition that its broker answered for it must set highwater and timestamp, in milliseconds",
    ),
    Fetcher.seek_to: ("f0ba6aba6c22", "it must not wait, and must drop what was fetched"),
    Recovery._resume_streams: (
        "d986a6710c1a",
        "it must seek, and then resume flow control and consumer without a pause",
    ),
    Stream._c_aiter: (
        "fa44582a5882",
        "what it skips around a rebalance must go through ack, where Records.finished refuses it",
    ),
}


def test_faust_is_the_one_these_guards_were_written_for() -> None:
    installed = {name: version(name) for name in ("faust-streaming", "aiokafka", "mode-streaming")}
    assert installed == {"faust-streaming": "0.15.3", "aiokafka": "0.14.0", "mode-streaming": "0.7.1"}, (
        "streams/chunks.py overrides internals of these versions: read each function named in RELIED_ON in the new "
        "one, run tests/broker/test_worker.py, then change the pins in pyproject.toml and the digests here"
    )


@pytest.mark.parametrize("function", RELIED_ON, ids=lambda function: function.__qualname__)
def test_an_internal_that_chunks_rest_on_has_not_changed(function: Any) -> None:
    expected, check = RELIED_ON[function]
    found = hashlib.sha256(inspect.getsource(function).encode()).hexdigest()[:12]
    assert found == expected, f"{function.__qualname__} changed; {check}; then put {found} here"


TP0, OTHER = TP("mcp.protocol", 0), TP("mcp.execution", 0)


@dataclass(eq=False)
class Message:
    tp: TP
    topic: str
    offset: int
    value: Any
    generation_id: int
    acked: bool = False


class Fetching:
    """A consumer between a client whose fetches are `fetched` one after the other, and a stream."""

    def __init__(self, *fetched: range, at: int | None = 0) -> None:
        self.fetched = list(fetched)
        self.sought: list[tuple[TP, int]] = []
        self.position = at or 0
        self.committed = {TP0: at} if at is not None else {}
        self.during_seek: Callable[[], object] = lambda: None
        self.consumer = consumer = object.__new__(ChunkConsumer)
        consumer.app = SimpleNamespace(
            topics=SimpleNamespace(acks_enabled_for=lambda topic: True), consumer_generation_id=7
        )
        consumer.transport = SimpleNamespace(sources=frozenset({"mcp.protocol"}))
        consumer._stopped = consumer._crashed = SimpleNamespace(is_set=lambda: False)
        consumer.can_resume_flow, consumer.suspend_flow, consumer.flow_active = Event(), Event(), True
        consumer._acked, consumer._acked_index = defaultdict(list), defaultdict(set)
        consumer._committed_offset, consumer._gap = defaultdict(lambda: None), defaultdict(list)
        consumer._unacked_messages, consumer._n_acked, consumer._waiting_for_ack = set(), 0, None
        consumer._read_offset, consumer._buffered_partitions = defaultdict(lambda: None), set()
        consumer._places, consumer._moves, consumer._sought = Places(), 0, False
        consumer._wait_next_records = self._fetch
        consumer._to_message = lambda tp, record: Message(tp, tp.topic, record.offset, record, 7)
        consumer._thread = SimpleNamespace(seek_to_committed=self._seek, seek_again=self._seek_again)
        consumer._states = lambda: {TP0: SimpleNamespace(has_valid_position=True, position=self.position)}

    async def _fetch(self, _: float) -> tuple[dict[TP, Any], set[TP]]:
        offsets = self.fetched.pop(0)
        if not offsets:
            return {}, {TP0}
        self.position = offsets.stop
        return {TP0: [SimpleNamespace(offset=offset) for offset in offsets]}, {TP0}

    async def _seek(self) -> dict[TP, int]:
        self.during_seek()
        return self.committed

    async def _seek_again(self, tp: TP, offset: int) -> None:
        self.sought.append((tp, offset))

    async def begin(self) -> Fetching:
        self.consumer._move()
        await self.consumer.perform_seek()
        self.consumer.resume_flow()
        return self

    async def chunks(self) -> list[Any]:
        """The messages of the fetches that are left."""
        return [message for _ in range(len(self.fetched)) async for _, message in self.consumer.getmany(1.0)]

    def finish(self, message: Any) -> None:
        message.value.finished = True
        self.consumer.ack(message)

    def committable(self) -> int | None:
        return self.consumer._new_offset(TP0)


def offsets(message: Any) -> list[int]:
    return [record.offset for record in message.value]


async def test_one_acknowledgement_frees_every_record_of_a_chunk() -> None:
    there = await Fetching(range(10, 20), at=10).begin()
    for chunk in await there.chunks():
        there.finish(chunk)
    assert there.committable() == 20


async def test_a_chunk_that_a_stream_skipped_is_not_committed_even_where_nothing_was_before() -> None:
    there = await Fetching(range(10), range(10, 20)).begin()
    skipped, worked_on = await there.chunks()
    there.consumer.ack(skipped)
    there.finish(worked_on)
    assert there.committable() is None


async def test_what_was_given_before_a_rebalance_is_not_committed_behind_it() -> None:
    there = await Fetching(range(10)).begin()
    (chunk,) = await there.chunks()
    await there.begin()
    there.finish(chunk)
    assert there.committable() is None


async def test_a_fetch_that_begins_before_what_was_given_loses_only_that() -> None:
    there = await Fetching(range(6), range(4, 9)).begin()
    assert [offsets(chunk) for chunk in await there.chunks()] == [[0, 1, 2, 3, 4, 5], [6, 7, 8]]


async def test_records_that_got_lost_on_the_way_are_read_again_before_what_came_behind_them() -> None:
    there = await Fetching(range(5, 9), range(9)).begin()
    assert [offsets(chunk) for chunk in await there.chunks()] == [list(range(9))]
    assert there.sought == [(TP0, 0)]


async def test_records_that_got_lost_with_nothing_behind_them_are_read_again() -> None:
    there = await Fetching(range(0), range(5)).begin()
    there.position = 5
    assert [offsets(chunk) for chunk in await there.chunks()] == [[0, 1, 2, 3, 4]]
    assert there.sought == [(TP0, 0)]


async def test_nothing_is_given_while_partitions_move_and_a_resume_without_a_seek_changes_nothing() -> None:
    there = await Fetching(range(5)).begin()
    there.consumer._move()
    there.consumer.resume_flow()
    assert await there.chunks() == []


async def test_a_seek_during_which_partitions_moved_does_not_count() -> None:
    there = Fetching(range(5))
    there.during_seek = there.consumer._move
    await there.begin()
    assert await there.chunks() == []


async def test_a_fetch_that_was_divided_is_left_when_partitions_move() -> None:
    there = await Fetching(range(2 * CHUNK)).begin()
    given_ = there.consumer.getmany(1.0)
    _, first = await anext(given_)
    there.consumer._move()
    assert offsets(first) == list(range(CHUNK))
    assert [message async for message in given_] == []


def test_a_message_that_is_no_chunk_is_acknowledged_the_stock_way() -> None:
    there = Fetching()
    tp = TP("other", 0)
    assert there.consumer.ack(Message(tp, tp.topic, 10, b"record", 7))
    assert there.consumer._new_offset(tp) == 11


@given(st.dictionaries(st.sampled_from("abc"), st.integers(0, 12)), st.integers(1, 5))
def test_slices_give_every_record_once_in_order_and_take_turns(sizes: dict[str, int], size: int) -> None:
    records = {tp: list(range(count)) for tp, count in sizes.items()}
    given_ = list(slices(records, dict.fromkeys(records, size)))
    for tp, of_tp in records.items():
        assert [one for name, part in given_ if name == tp for one in part] == of_tp
    rounds: dict[str, int] = defaultdict(int)
    for name, part in given_:
        assert 0 < len(part) <= size
        rounds[name] += 1
        waiting = [tp for tp, of_tp in records.items() if rounds[tp] * size < len(of_tp)]
        assert all(rounds[name] <= rounds[tp] + 1 for tp in waiting)


def test_a_partition_is_at_its_end_only_when_what_was_read_was_also_worked_on() -> None:
    assert Progress(9, 9, waiting=False).at_end
    assert not Progress(9, 9, waiting=True).at_end
    assert not Progress(8, 9, waiting=False).at_end


async def test_the_consumer_of_a_worker_waits_little_and_keeps_partitions_of_joined_topics_together() -> None:
    app = create_app(WorkerConfig(bootstrap="127.0.0.1:1", stages=("calls",)), {"calls": Wiring(lambda: None)})  # type: ignore[arg-type, return-value]
    consumer = app._new_consumer()
    made = consumer._thread._create_worker_consumer(app.transport)  # type: ignore[attr-defined]
    assert made._fetch_max_wait_ms == chunks.FETCH_WAIT_MS == 50
    assert made._fetch_min_bytes == chunks.FETCH_LEAST
    assert tuple(made._partition_assignment_strategy) == (RangePartitionAssignor,)
    assert made._enable_auto_commit is False
    assert consumer._sources == {"mcp.protocol", "mcp.execution"}  # type: ignore[attr-defined]
    assert CHUNK == 500


@given(st.binary(min_size=1, max_size=40), st.integers(1, 50))
def test_a_key_goes_where_the_client_itself_would_put_it(key: bytes, count: int) -> None:
    partitions = list(range(count))
    assert partition_of(key, partitions, partitions) == DefaultPartitioner()(key, partitions, partitions)


@pytest.mark.parametrize(
    ("active", "asked"), [({TP0, OTHER}, {OTHER}), ({TP0}, {TP0}), (None, None)], ids=["others", "no other", "any"]
)
async def test_a_held_partition_is_not_asked_for_while_there_is_another(active: Any, asked: Any) -> None:
    there = await Fetching().begin()
    told: list[Any] = []

    async def getmany(partitions: Any, timeout: float) -> dict[Any, Any]:  # noqa: ASYNC109
        told.append(partitions)
        return {}

    there.consumer._thread.getmany = getmany
    there.consumer.transport.held = lambda: frozenset({("mcp.protocol", 0)})
    await there.consumer._getmany(active, 1.0)
    assert told == [asked]
