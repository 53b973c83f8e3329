"""A worker process against a broker: embedded always, Apache Kafka where it can be started."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Iterator
from dataclasses import asdict

import pytest
from patience import PATIENCE_S
from worker_bench import CODEC, MS, Bench, assert_all_there, attack, benched, told

from triptych.infra import brokers, stores
from triptych.infra.settings import Kafka, Redis
from triptych.infra.verdicts import render
from triptych.models.events import Alert, DeadLetter


@pytest.fixture(params=["embedded", pytest.param("apache", marks=pytest.mark.broker)])
def address(request: pytest.FixtureRequest) -> Iterator[str]:
    if request.param == "apache":
        yield request.getfixturevalue("kafka")
    else:
        with brokers.start(Kafka(provider="embedded")) as broker:
            yield broker.bootstrap


on_any = pytest.mark.parametrize("address", ["embedded"], indirect=True)
"""What does not depend on the broker is tried on the quick one."""
on_apache = pytest.mark.parametrize("address", [pytest.param("apache", marks=pytest.mark.broker)], indirect=True)


@pytest.fixture
def bench(address: str) -> Iterator[Bench]:
    with benched(address) as bench:
        yield bench


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
    assert worker.wait(PATIENCE_S) == 0


@on_any
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
    first.wait(PATIENCE_S)
    bench.produce(records[len(records) // 2 :])
    bench.worker()
    calls = bench.calls(number)
    assert_all_there(calls, number)
    assert bench.commits(bench.topics.protocol, 2 * number) == 2 * number


@on_apache
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


@on_any
def test_a_stage_that_fails_in_its_timing_ends_the_process_and_commits_nothing(bench: Bench) -> None:
    bench.produce(told(bench.topics, 20, start=time.time_ns() - 2_000 * MS))
    worker = bench.worker(broken=True)
    worker.communicate(timeout=PATIENCE_S)
    assert worker.returncode not in (0, None)
    assert bench.committed(bench.topics.protocol) == 0


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
        assert worker.wait(PATIENCE_S) == 0
    assert {(alert.finding_uid, alert.correlation_id) for alert in alerts} == {(alerts[0].finding_uid, "bad-turn")}
    assert "chain.credential-read-then-egress" in {hit.id for hit in alerts[0].rules}
    assert {finding["class_uid"] for finding in findings} == {2004}
    assert {incident["class_uid"] for incident in incidents} == {2005}
    assert len({incident["unmapped"]["mcp"]["incident"]["uid"] for incident in incidents}) == 1
    assert {one["uid"] for incident in incidents for one in incident["finding_info_list"]} == {alerts[0].finding_uid}


@on_any
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
        assert worker.wait(PATIENCE_S) == 0
    labelled = [alert for alert in (CODEC.decode(value, Alert) for value in settled) if "verdict:false" in alert.labels]
    assert {(alert.finding_uid, alert.activity) for alert in labelled} == {(uid, "update"), (uid, "close")}
    assert json.loads(audit)["entity"]["uid"] == uid
    letter = CODEC.decode(buried, DeadLetter)
    assert (letter.code, letter.stage, letter.value) == ("W05", "feedback", b"{}")


@on_any
def test_a_missing_topic_is_named_before_anything_starts(bench: Bench) -> None:
    worker = bench.worker(topics={**asdict(bench.topics), "execution": "no-such-topic"})
    _, said = worker.communicate(timeout=PATIENCE_S)
    assert worker.returncode == 1
    assert b"C01 the broker has no topic no-such-topic" in said
