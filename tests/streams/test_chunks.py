"""The chunk transport, and guards on the internals of the pinned Faust that it rests on."""

from __future__ import annotations

import hashlib
import inspect
from collections import defaultdict
from dataclasses import dataclass
from importlib.metadata import version
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer
from aiokafka.coordinator.assignors.range import RangePartitionAssignor
from aiokafka.partitioner import DefaultPartitioner
from faust.streams import Stream
from faust.transport.consumer import Consumer, ThreadDelegateConsumer
from faust.transport.drivers.aiokafka import AIOKafkaConsumerThread
from faust.types.tuples import TP
from hypothesis import given
from hypothesis import strategies as st

from triptych.streams import chunks
from triptych.streams.app import Wiring, create_app
from triptych.streams.chunks import CHUNK, ChunkConsumer, Progress, Records, partition_of, slices
from triptych.streams.config import WorkerConfig

RELIED_ON = {
    Consumer.getmany: (
        "4b168d84882a",
        "ChunkConsumer replaces it: compare its checks of flow, generation and partitions",
    ),
    Consumer._wait_next_records: (
        "6218e1969a63",
        "it must answer records by partition, or None, and the active partitions",
    ),
    Consumer.ack: ("5fcf41cf4515", "True must mean that the offset went into _acked just now"),
    Consumer._new_offset: ("1d2c7ea89a7a", "a commit must end at the first offset that is not in _acked"),
    Consumer._drain_messages: (
        "44a2500309e8",
        "it must set the read offset of a message before it asks for the next one",
    ),
    Consumer.perform_seek: ("0e8c130ff4b0", "it must take the read offsets back to the committed ones"),
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
    AIOKafkaConsumer.seek_to_committed: (
        "f6cd85c8b70a",
        "it must seek where something is committed, leave the others, and answer with both",
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


@dataclass(eq=False)
class Message:
    tp: TP
    topic: str
    offset: int
    value: Any
    generation_id: int
    acked: bool = False


class Subscription:
    """A consumer with nothing behind it but its books."""

    def __init__(self) -> None:
        self.consumer = consumer = object.__new__(ChunkConsumer)
        topics = SimpleNamespace(acks_enabled_for=lambda topic: True)
        consumer.app = SimpleNamespace(topics=topics, consumer_generation_id=7)
        consumer._acked, consumer._acked_index = defaultdict(list), defaultdict(set)
        consumer._committed_offset, consumer._gap = defaultdict(lambda: None), defaultdict(list)
        consumer._unacked_messages, consumer._n_acked, consumer._waiting_for_ack = set(), 0, None

    def message(self, first: int, last: int, *, finished: bool = True, generation: int = 7) -> Any:
        records = Records(SimpleNamespace(offset=offset) for offset in range(first, last + 1))
        records.finished = finished
        tp = TP("mcp.protocol", 0)
        return Message(tp, tp.topic, first, records, generation)

    def committable(self) -> int | None:
        return self.consumer._new_offset(TP("mcp.protocol", 0))


def test_one_acknowledgement_frees_every_record_of_a_chunk() -> None:
    there = Subscription()
    assert there.consumer.ack(there.message(10, 19))
    assert there.committable() == 20


def test_a_chunk_that_nobody_finished_cannot_be_acknowledged() -> None:
    there = Subscription()
    assert not there.consumer.ack(there.message(10, 19, finished=False))
    assert there.committable() is None


def test_a_chunk_of_another_generation_cannot_be_acknowledged() -> None:
    there = Subscription()
    assert not there.consumer.ack(there.message(10, 19, generation=6))
    assert there.committable() is None


def test_a_message_that_is_no_chunk_is_acknowledged_the_stock_way() -> None:
    there = Subscription()
    stock = there.message(10, 19)
    stock.value = b"record"
    assert there.consumer.ack(stock)
    assert there.committable() == 11


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
