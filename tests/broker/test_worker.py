"""A worker process against a broker: embedded always, Apache Kafka where it can be started."""

from __future__ import annotations

import itertools
import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from triptych.infra import brokers, stores
from triptych.infra.settings import Kafka, Redis
from triptych.infra.verdicts import render
from triptych.models.events import (
    Alert,
    Call,
    CallRef,
    DeadLetter,
    ExecutionBatch,
    ExecutionEvent,
    ProtocolEvent,
    Server,
)
from triptych.models.wire import bundled
from triptych.streams.config import Topics

MAIN = Path(__file__).with_name("worker_main.py")
CODEC = bundled()
PARTITIONS = 4
MS = 1_000_000
FAST = {"grace_ms": 400, "slack_ms": 100, "out_of_order_ms": 200, "idle_ms": 400, "max_transport_lag_ms": 400}
NUMBERS = itertools.count()


@pytest.fixture(params=["embedded", pytest.param("apache", marks=pytest.mark.broker)])
def address(request: pytest.FixtureRequest) -> Iterator[str]:
    if request.param == "apache":
        yield request.getfixturevalue("kafka")
    else:
        with brokers.start(Kafka(provider="embedded")) as broker:
            yield broker.bootstrap


@dataclass
class Bench:
    """Topics of one test, and what happens on them."""

    address: str
    topics: Topics
    group: str
    processes: list[subprocess.Popen[bytes]]

    def worker(self, **settings: Any) -> subprocess.Popen[bytes]:
        given = {"bootstrap": self.address, "group": self.group, "topics": asdict(self.topics), "commit_s": 0.3}
        command = [sys.executable, str(MAIN), json.dumps({**given, "session_timeout_s": 6.0, **FAST, **settings})]
        process = subprocess.Popen(command, stderr=subprocess.PIPE)
        self.processes.append(process)
        return process

    def produce(self, records: list[tuple[str, str, bytes]]) -> None:
        producer = Producer({"bootstrap.servers": self.address, "partitioner": "murmur2_random", "linger.ms": 5})
        for topic, key, value in records:
            producer.produce(topic, value, key=key)
            producer.poll(0)
        assert producer.flush(20) == 0

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
            return sum(max(0, place.offset) for place in consumer.committed(places, timeout=10))
        except KafkaException as error:
            if not error.args[0].retriable():  # a group that is being made has no coordinator yet
                raise
            return 0
        finally:
            consumer.close()

    def commits(self, topic: str, number: int, patience_s: float = 30.0) -> int:
        deadline = time.monotonic() + patience_s
        while (reached := self.committed(topic)) < number and time.monotonic() < deadline:
            time.sleep(0.2)
        return reached


def _create(admin: AdminClient, names: list[str]) -> None:
    if str(admin.list_topics(timeout=10).cluster_id).startswith("mockCluster"):
        for name in names:  # no CreateTopics there, but asking for a topic makes it, with four partitions
            admin.list_topics(name, timeout=10)
        return
    for created in admin.create_topics([NewTopic(name, PARTITIONS, 1) for name in names]).values():
        created.result(20)


@pytest.fixture
def bench(address: str) -> Iterator[Bench]:
    prefix = f"t{next(NUMBERS)}-{time.time_ns()}"
    topics = Topics(**{name: f"{prefix}.{name}" for name in asdict(Topics())})
    admin = AdminClient({"bootstrap.servers": address})
    _create(admin, list(asdict(topics).values()))
    bench = Bench(address, topics, prefix, [])
    yield bench
    for process in bench.processes:
        if process.poll() is None:
            process.kill()
        process.communicate(timeout=10)


def told(topics: Topics, number: int, *, start: int, spread: int = 2 * MS) -> list[tuple[str, str, bytes]]:
    """Calls with two effects each, interleaved as they happen, over some workloads."""
    records = []
    for index in range(number):
        at, workload, call = start + index * spread, f"workload-{index % 7}", f"call-{index}"
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


def test_calls_are_joined_and_every_offset_is_committed_to_its_end(bench: Bench) -> None:
    records = told(bench.topics, 300, start=time.time_ns() - 2_000 * MS)
    bench.produce(records)
    worker = bench.worker()
    calls = bench.calls(300)
    assert len({call.event_id for call in calls}) == len(calls) == 300
    assert {(call.state, len(call.effects), call.binding) for call in calls} == {("complete", 2, "exact")}
    assert bench.commits(bench.topics.protocol, 600) == 600
    assert bench.commits(bench.topics.execution, 300) == 300
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(15) == 0


def test_a_malformed_record_becomes_a_dead_letter_and_holds_nothing_up(bench: Bench) -> None:
    good = told(bench.topics, 5, start=time.time_ns() - 2_000 * MS)
    cut = good[0][2][:-3]
    broken = [(bench.topics.protocol, "workload-1", cut), (bench.topics.execution, "x", b"junk")]
    bench.produce([*good, *broken])
    bench.worker()
    letters = [
        CODEC.decode(value, DeadLetter) for value in bench.read(bench.topics.deadletter, lambda read: len(read) >= 2)
    ]
    assert sorted((letter.topic, letter.code, letter.value) for letter in letters) == sorted(
        [(bench.topics.protocol, "W03", cut), (bench.topics.execution, "W01", b"junk")]
    )
    assert len({call.call_id for call in bench.calls(5)}) == 5
    assert bench.commits(bench.topics.protocol, 11) == 11


def test_kill_and_restart_miss_no_call_and_write_the_same_ids_again(bench: Bench) -> None:
    number = 1500
    records = told(bench.topics, number, start=time.time_ns() - 2_000 * MS)
    first = bench.worker()
    bench.produce(records[: len(records) // 2])
    bench.calls(50)
    first.kill()
    first.wait(10)
    bench.produce(records[len(records) // 2 :])
    bench.worker()
    calls = bench.calls(number)
    assert_all_there(calls, number)
    assert bench.commits(bench.topics.protocol, 2 * number) == 2 * number


@pytest.mark.parametrize("address", [pytest.param("apache", marks=pytest.mark.broker)], indirect=True)
def test_two_workers_of_which_one_is_killed_miss_no_call(bench: Bench) -> None:
    number = 1500
    records = told(bench.topics, number, start=time.time_ns() - 2_000 * MS)
    first, _ = bench.worker(), bench.worker()
    bench.produce(records[: len(records) // 2])
    bench.calls(50)
    first.kill()
    bench.produce(records[len(records) // 2 :])
    assert_all_there(bench.calls(number), number)
    assert bench.commits(bench.topics.execution, number) == number


def test_a_stage_that_fails_in_its_timing_ends_the_process_and_commits_nothing(bench: Bench) -> None:
    bench.produce(told(bench.topics, 20, start=time.time_ns() - 2_000 * MS))
    worker = bench.worker(broken=True)
    worker.communicate(timeout=40)
    assert worker.returncode not in (0, None)
    assert bench.committed(bench.topics.protocol) == 0


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


def test_all_stages_in_one_worker_raise_one_finding_and_one_incident_for_the_attack(bench: Bench) -> None:
    start = time.time_ns() - 3_000 * MS
    with stores.start(Redis(provider="embedded")) as store:
        worker = bench.worker(stages=("calls", "turns", "incidents"), redis_url=store.url, turn_gap_s=1.0)
        bench.produce([*told(bench.topics, 50, start=start), *attack(bench.topics, start)])
        assert bench.commits(bench.topics.calls, 52) == 52  # the attack is told early, and whole
        alerts = [CODEC.decode(value, Alert) for value in bench.read(bench.topics.alerts, lambda read: len(read) >= 2)]
        findings = [json.loads(value) for value in bench.read(bench.topics.alerts_ocsf, lambda read: len(read) >= 2)]
        incidents = [
            json.loads(value) for value in bench.read(bench.topics.incidents_ocsf, lambda read: len(read) >= 2)
        ]
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(15) == 0
    assert {(alert.finding_uid, alert.correlation_id) for alert in alerts} == {(alerts[0].finding_uid, "bad-turn")}
    assert "chain.credential-read-then-egress" in {hit.id for hit in alerts[0].rules}
    assert {finding["class_uid"] for finding in findings} == {2004}
    assert {incident["class_uid"] for incident in incidents} == {2005}
    assert len({incident["unmapped"]["mcp"]["incident"]["uid"] for incident in incidents}) == 1
    assert {one["uid"] for incident in incidents for one in incident["finding_info_list"]} == {alerts[0].finding_uid}


def test_a_dismissed_finding_is_closed_and_what_is_no_verdict_is_buried(bench: Bench) -> None:
    start = time.time_ns() - 3_000 * MS
    with stores.start(Redis(provider="embedded")) as store:
        worker = bench.worker(stages=("calls", "turns", "feedback"), redis_url=store.url, turn_gap_s=1.0)
        bench.produce([*told(bench.topics, 50, start=start), *attack(bench.topics, start)])
        alerts = [CODEC.decode(value, Alert) for value in bench.read(bench.topics.alerts, lambda read: len(read) >= 2)]
        uid = alerts[0].finding_uid
        said = render(uid, "false", "planned", by="ann", time_ms=start // MS)
        bench.produce([(bench.topics.verdicts, uid, said), (bench.topics.verdicts, "x", b"{}")])
        settled = bench.read(bench.topics.alerts, lambda read: b"verdict:false" in b"".join(read[2:]))
        (audit,) = bench.read(bench.topics.audit, lambda read: len(read) >= 1)
        (buried,) = bench.read(bench.topics.deadletter, lambda read: len(read) >= 1)
        assert bench.commits(bench.topics.verdicts, 2) == 2
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(15) == 0
    labelled = [alert for alert in (CODEC.decode(value, Alert) for value in settled) if "verdict:false" in alert.labels]
    assert {(alert.finding_uid, alert.activity) for alert in labelled} == {(uid, "update"), (uid, "close")}
    assert json.loads(audit)["entity"]["uid"] == uid
    letter = CODEC.decode(buried, DeadLetter)
    assert (letter.code, letter.stage, letter.value) == ("W05", "feedback", b"{}")


def test_without_a_broker_a_worker_says_so_and_ends(bench: Bench) -> None:
    worker = bench.worker(bootstrap="127.0.0.1:1")
    _, said = worker.communicate(timeout=40)
    assert worker.returncode == 1
    assert b"J02 no answer from 127.0.0.1:1" in said


def test_a_missing_topic_is_named_before_anything_starts(bench: Bench) -> None:
    worker = bench.worker(topics={**asdict(bench.topics), "execution": "no-such-topic"})
    _, said = worker.communicate(timeout=40)
    assert worker.returncode == 1
    assert b"C01 the broker has no topic no-such-topic" in said
