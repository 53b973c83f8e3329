"""Each recipe of infra/examples runs against a real Kafka and reads what stands there."""

from __future__ import annotations

import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import aclosing, contextmanager
from pathlib import Path

import pytest
from confluent_kafka import Consumer, Producer
from patience import PATIENCE_S, eventually

from triptych.models import topics
from triptych.models.emitting import finding_about, records_of
from triptych.models.events import Call
from triptych.models.testing import call, read
from triptych.models.wire import bundled
from triptych.streams.reading import calls

pytestmark = pytest.mark.broker

CODEC = bundled()
EXAMPLES = Path(__file__).resolve().parents[2] / "infra" / "examples"


def about(name: str, **values: bool) -> Call:
    """A call that no other test makes."""
    return call("report", read(f"/srv/payroll/{name}"), call_id=str(uuid.uuid4()), conversation=name, **values)


@pytest.fixture
def producer(kafka: str) -> Producer:
    return Producer({"bootstrap.servers": kafka, "partitioner": "murmur2_random"})


@contextmanager
def running(*command: str, **environment: str) -> Iterator[Iterator[str]]:
    """A program, and its lines as they come."""
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env={**os.environ, **environment}
    )
    assert process.stdout is not None
    try:
        yield iter(process.stdout.readline, "")
    finally:
        process.kill()
        process.wait(PATIENCE_S)


def until(lines: Iterator[str], wanted: str) -> str:
    seen = []
    for line in lines:
        seen.append(line)
        if wanted in line:
            return line
    raise AssertionError(f"{wanted!r} never came, only: {''.join(seen)[-2000:]}")


def send_finding(producer: Producer, name: str) -> str:
    alert = finding_about(about(name), rule="payroll", title="The payroll was read", severity="high", dedup=name)
    for topic, key, value, headers in records_of(alert, CODEC):
        producer.produce(topic, value, key, headers=list(headers))
    assert producer.flush(PATIENCE_S) == 0
    return alert.finding_uid


def test_the_helper_reads_calls_and_sends_findings_back(kafka: str, producer: Producer) -> None:
    one = about(uuid.uuid4().hex)
    producer.produce(topics.CALLS, b"no call at all", b"k")
    producer.produce(topics.CALLS, CODEC.encode(one), b"k")
    assert producer.flush(PATIENCE_S) == 0
    wanted = finding_about(one, rule="payroll", title="The payroll was read", severity="high").finding_uid
    with running(sys.executable, "-m", "triptych.infra.examples.helper_rule", kafka) as lines:
        until(lines, wanted)
    finding_arrives(kafka, wanted)


def test_confluent_kafka_reads_findings(kafka: str, producer: Producer) -> None:
    uid = send_finding(producer, uuid.uuid4().hex)
    with running(sys.executable, str(EXAMPLES / "confluent_findings.py"), kafka) as lines:
        assert until(lines, uid).split()[1] == "High"


def test_faust_reads_calls(kafka: str, producer: Producer) -> None:
    producer.produce(topics.CALLS, CODEC.encode(about(uuid.uuid4().hex, is_error=True)), b"k")
    assert producer.flush(PATIENCE_S) == 0
    worker = (sys.executable, "-m", "faust", "-A", "triptych.infra.examples.faust_calls", "worker", "-l", "warn")
    with running(*worker, FAUST_BROKER=f"kafka://{kafka}") as lines:
        until(lines, "files ")


async def test_a_reader_goes_on_behind_what_was_done_when_it_ended(kafka: str, producer: Producer) -> None:
    name, group = uuid.uuid4().hex, uuid.uuid4().hex
    for _ in range(300):
        producer.produce(topics.CALLS, CODEC.encode(about(name)), b"k")
    assert producer.flush(PATIENCE_S) == 0

    async def ours(most: int) -> list[str]:
        found: list[str] = []
        async with aclosing(calls(kafka, group=group)) as read_calls:
            async for one in read_calls:
                found += [one.call_id] if one.conversation == name else []
                if len(found) == most:
                    break
        return found

    first, second = await ours(200), await ours(101)
    assert len(set(first) | set(second)) == 300
    assert second[0] == first[-1], "only what was in hand at the end comes twice"


def finding_arrives(kafka: str, uid: str) -> None:
    """Where SIEMs read."""
    consumer = Consumer({"bootstrap.servers": kafka, "group.id": uuid.uuid4().hex, "auto.offset.reset": "earliest"})
    consumer.subscribe([topics.ALERTS_OCSF])
    eventually(lambda: uid in {one.key().decode() for one in consumer.consume(100, 0.5) if one.error() is None})
    consumer.close()
