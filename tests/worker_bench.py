"""Worker processes on topics of their own, what is sent to them, and what they wrote."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic, OffsetSpec
from patience import PATIENCE_S, eventually

from triptych.models.events import Call, CallRef, ExecutionBatch, ExecutionEvent, ProtocolEvent, Server
from triptych.models.wire import bundled
from triptych.streams.config import Topics

MAIN = Path(__file__).with_name("broker") / "worker_main.py"
CODEC = bundled()
PARTITIONS = 4
MS = 1_000_000
FAST = {"grace_ms": 400, "slack_ms": 100, "out_of_order_ms": 200, "idle_ms": 400, "max_transport_lag_ms": 400}
NUMBERS = itertools.count()


@dataclass
class Bench:
    """Topics of one test, and what happens on them."""

    address: str
    topics: Topics
    group: str
    processes: list[subprocess.Popen[bytes]]

    def worker(self, **settings: Any) -> subprocess.Popen[bytes]:
        given = {"bootstrap": self.address, "group": self.group, "topics": asdict(self.topics), "commit_s": 0.3}
        given |= {"end_s": PATIENCE_S}
        command = [sys.executable, str(MAIN), json.dumps({**given, "session_timeout_s": 6.0, **FAST, **settings})]
        process = subprocess.Popen(command, stderr=subprocess.PIPE)
        self.processes.append(process)
        return process

    def produce(self, records: list[tuple[str, str, bytes]]) -> None:
        producer = Producer({"bootstrap.servers": self.address, "partitioner": "murmur2_random", "linger.ms": 5})
        for topic, key, value in records:
            producer.produce(topic, value, key=key)
            producer.poll(0)
        assert producer.flush(PATIENCE_S) == 0

    def read(self, topic: str, enough: Callable[[list[bytes]], bool], patience_s: float = 90.0) -> list[bytes]:
        """Records from the start of a topic until they are enough. Fails when patience ends: slow is not lost."""
        consumer = Consumer(
            {"bootstrap.servers": self.address, "group.id": f"reader-{next(NUMBERS)}", "enable.auto.commit": False}
        )
        consumer.assign([TopicPartition(topic, partition, 0) for partition in range(PARTITIONS)])
        read: list[bytes] = []
        deadline = time.monotonic() + patience_s
        while not enough(read) and time.monotonic() < deadline:
            read += [message.value() for message in consumer.consume(500, 0.3) if not message.error()]
        consumer.close()
        assert enough(read), f"{len(read)} records on {topic} after {patience_s} s"
        return read

    def calls(self, number: int) -> list[Call]:
        """What is on the topic once `number` different complete calls are."""
        return [
            CODEC.decode(value, Call)
            for value in self.read(
                self.topics.calls, lambda read: len({CODEC.decode(value, Call).call_id for value in read}) >= number
            )
        ]

    def committed(self, topic: str) -> int:
        consumer = Consumer({"bootstrap.servers": self.address, "group.id": self.group})
        places = [TopicPartition(topic, partition) for partition in range(PARTITIONS)]
        try:
            return sum(max(0, place.offset) for place in consumer.committed(places, timeout=PATIENCE_S))
        except KafkaException as error:
            told = error.args[0]
            if not told.retriable() and told.code() != KafkaError.NOT_COORDINATOR:  # as while a group is being made
                raise
            return 0
        finally:
            consumer.close()

    def commits(self, topic: str, number: int, patience_s: float = 90.0) -> int:
        deadline = time.monotonic() + patience_s
        while (reached := self.committed(topic)) < number and time.monotonic() < deadline:
            time.sleep(0.2)
        return reached


def create(address: str, partitions: Mapping[str, int]) -> None:
    """Topics by their number of partitions. Returns once a broker knows all: its controller tells it."""
    admin = AdminClient({"bootstrap.servers": address})
    for created in admin.create_topics([NewTopic(name, count, 1) for name, count in partitions.items()]).values():
        created.result(PATIENCE_S)
    places = [TopicPartition(name, at) for name, count in partitions.items() for at in range(count)]
    eventually(lambda: _are_led(admin, places))


def _are_led(admin: AdminClient, places: list[TopicPartition]) -> bool:
    try:
        return all(told.result() for told in admin.list_offsets(dict.fromkeys(places, OffsetSpec.latest())).values())
    except KafkaException:
        return False


def _create(address: str, names: list[str]) -> None:
    admin = AdminClient({"bootstrap.servers": address})
    if str(admin.list_topics(timeout=PATIENCE_S).cluster_id).startswith("mockCluster"):
        for name in names:  # no CreateTopics there, but asking for a topic makes it, with four partitions
            admin.list_topics(name, timeout=PATIENCE_S)
        return
    create(address, dict.fromkeys(names, PARTITIONS))


@contextmanager
def benched(address: str) -> Iterator[Bench]:
    prefix = f"t{next(NUMBERS)}-{time.time_ns()}"
    topics = Topics(**{name: f"{prefix}.{name}" for name in asdict(Topics())})
    _create(address, list(asdict(topics).values()))
    bench = Bench(address, topics, prefix, [])
    yield bench
    for process in bench.processes:
        if process.poll() is None:
            process.kill()
        process.communicate(timeout=PATIENCE_S)


def told(
    topics: Topics, number: int, *, start: int, spread: int = 2 * MS, first: int = 0
) -> list[tuple[str, str, bytes]]:
    """Calls with two effects each, numbered from `first`, interleaved as they happen, over some workloads."""
    records = []
    for index in range(first, first + number):
        at, workload, call = start + (index - first) * spread, f"workload-{index % 7}", f"call-{index}"
        common: dict[str, Any] = {"workload": workload, "call_id": call, "correlation_id": f"turn-{index}"}
        request = ProtocolEvent(
            event_id=f"{call}/request", wall_ns=at, mono_ns=at - start + 1, kind="request", method="tools/call",
            lease="granted", **common,
        )  # fmt: skip
        effects = tuple(
            ExecutionEvent(kind="open", mono_ns=at - start + 1 + n * MS, calls=(0,), binding="exact", path=f"/srv/{n}")
            for n in (1, 2)
        )
        ref = CallRef(call_id=call, correlation_id=f"turn-{index}")
        batch = ExecutionBatch(
            event_id=f"{call}/batch", workload=workload, wall_ns=at + 3 * MS, mono_ns=at - start + 1 + 3 * MS,
            calls=(ref,), events=effects,
        )  # fmt: skip
        reply = ProtocolEvent(event_id=f"{call}/reply", wall_ns=at + 20 * MS, kind="response", **common)
        records += [
            (at, topics.protocol, workload, CODEC.encode(request)),
            (at + 3 * MS, topics.execution, workload, CODEC.encode(batch)),
            (at + 20 * MS, topics.protocol, workload, CODEC.encode(reply)),
        ]
    return [record[1:] for record in sorted(records, key=lambda record: record[0])]


def attack(topics: Topics, at: int) -> list[tuple[str, str, bytes]]:
    """One call that reads a credential file and then connects outside."""
    common: dict[str, Any] = {"workload": "w", "call_id": "attack", "correlation_id": "bad-turn", "boot_id": "b"}
    common |= {"tool": "read_config", "method": "tools/call", "server": Server(id="files"), "lease": "granted"}
    stamp: dict[str, Any] = {"calls": (0,), "binding": "exact", "evidence": "leased", "pid": 7, "comm": "server"}
    effects = (
        ExecutionEvent(kind="open", mono_ns=at + 2 * MS, path="/home/ann/.aws/credentials", result=3, **stamp),
        ExecutionEvent(kind="connect", mono_ns=at + 3 * MS, address="127.0.0.9", port=8443, protocol="tcp", **stamp),
    )
    batch = ExecutionBatch(
        event_id="attack/batch", workload="w", wall_ns=at + 4 * MS, mono_ns=at + 4 * MS, boot_id="b", events=effects,
        calls=(CallRef(call_id="attack", correlation_id="bad-turn"),),
    )  # fmt: skip
    heartbeat = replace(batch, event_id="heartbeat", events=(), calls=(), status="heartbeat", wall_ns=at + 1_000 * MS)
    request = ProtocolEvent(event_id="attack/request", wall_ns=at, mono_ns=at, kind="request", **common)
    reply = ProtocolEvent(event_id="attack/reply", wall_ns=at + 20 * MS, kind="response", is_error=False, **common)
    return [
        (topics.protocol, "w", CODEC.encode(request)),
        (topics.execution, "w", CODEC.encode(batch)),
        (topics.protocol, "w", CODEC.encode(reply)),
        (topics.execution, "w", CODEC.encode(heartbeat)),
    ]


def assert_all_there(calls: list[Call], number: int) -> None:
    """Every call whole; each revision of it under one id however often it was written; nothing called background."""
    whole = [call for call in calls if call.state == "complete" and call.coverage.protocol]
    ids: dict[tuple[str, int], set[str]] = {}
    sources: dict[str, set[str]] = {}
    for call in calls:
        sources.setdefault(call.call_id, set()).update(effect.source for effect in call.effects)
    for call in whole:
        ids.setdefault((call.call_id, call.revision), set()).add(call.event_id)
    assert len({call.call_id for call in whole}) == number
    assert {len(same) for same in ids.values()} == {1}
    assert {len(of_call) for of_call in sources.values()} == {2}
    assert not [call for call in calls if call.state == "background"]
