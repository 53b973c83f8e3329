"""Record, replay and retry against a real Apache Kafka, and a run whose recording finds what the run found."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Producer
from patience import PATIENCE_S
from worker_bench import create

from triptych.infra.deadletters import Filter, Letters
from triptych.infra.errors import BrokerError
from triptych.infra.loading import load, set_flags
from triptych.infra.reading import Reader, Span
from triptych.infra.replay.folder import Folder
from triptych.infra.replay.recorder import record
from triptych.infra.replay.recording import Recording
from triptych.infra.replay.replaying import History, Judges, replay
from triptych.models.events import Alert, CallRef, ExecutionBatch, ExecutionEvent, ProtocolEvent, Server
from triptych.models.wire import bundled
from triptych.streams.config import Topics

pytestmark = pytest.mark.broker

START_MS = 1_700_000_000_000
MS = 1_000_000
CODEC = bundled()


@pytest.fixture
def topic(kafka: str, request: pytest.FixtureRequest) -> str:
    """A topic with three partitions and thirty records, ten seconds apart, the one after the other."""
    name = f"recorded-{time.time_ns()}"
    create(kafka, {name: 3})
    producer = Producer({"bootstrap.servers": kafka})
    for number in range(30):
        producer.produce(
            name, f"v{number}", f"k{number}", partition=number % 3, timestamp=START_MS + number * 10_000,
            headers=[("n", str(number))],
        )  # fmt: skip
    assert producer.flush(PATIENCE_S) == 0
    return name


def test_a_recording_holds_key_value_time_place_and_headers(kafka: str, topic: str, tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    with_progress: Any = lambda done, total: told.append((done, total))  # noqa: E731
    record({"bootstrap.servers": kafka}, (topic,), Folder(tmp_path / "r"), Span(), tell=with_progress)
    held = list(Recording(tmp_path / "r").records((topic,)))
    assert [one.value for one in held] == [f"v{number}".encode() for number in range(30)]
    assert [(one.partition, one.offset) for one in held] == [(number % 3, number // 3) for number in range(30)]
    assert (held[7].key, held[7].headers, held[7].timestamp) == (b"k7", (("n", b"7"),), START_MS + 70_000)
    assert told[-1] == (30, 30)


@pytest.mark.parametrize(
    ("span", "numbers"),
    [
        (Span(START_MS + 100_000), range(10, 30)),
        (Span(None, START_MS + 100_000), range(10)),
        (Span(START_MS + 55_000, START_MS + 100_000), range(6, 10)),
        (Span(START_MS + 10**9), range(0)),
    ],
)
def test_a_span_reads_what_lies_in_it(kafka: str, topic: str, span: Span, numbers: range) -> None:
    with Reader({"bootstrap.servers": kafka}, (topic,), span) as reader:
        assert sorted(int(one.value[1:]) for one in reader.read()) == list(numbers)


def test_following_goes_on_with_what_comes(kafka: str, topic: str) -> None:
    with Reader({"bootstrap.servers": kafka}, (topic,)) as reader:
        stream = reader.read(follow=True)
        held = [next(stream) for _ in range(30)]
        producer = Producer({"bootstrap.servers": kafka})
        producer.produce(topic, b"late")
        producer.flush(PATIENCE_S)
        assert (len(held), next(stream).value) == (30, b"late")
        stream.close()


def test_a_topic_that_is_not_there_is_named(kafka: str) -> None:
    with pytest.raises(BrokerError, match="no-such"), Reader({"bootstrap.servers": kafka}, ("no-such",)):
        pass


def test_dead_letters_are_found_by_when_they_were_buried(kafka: str, topic: str) -> None:
    letters = Letters({"bootstrap.servers": kafka}, topic)
    assert list(letters.read(Filter(), Span(START_MS + 200_000))) == []
    assert letters.unreadable == 10


def call(number: int, at: int, *, theft: bool) -> list[tuple[str, Any]]:
    """Request, effects and reply of one call, each on a server of its own: the same theft on the same server would be
    told once. A theft reads credentials and reaches outside."""
    known: dict[str, Any] = {"workload": f"w{number % 3}", "call_id": f"call-{number}", "lease": "granted"}
    known |= {"correlation_id": f"turn-{number}", "tool": "read_config", "method": "tools/call"}
    known |= {"server": Server(id=f"files-{number}"), "boot_id": "b"}
    stamp: dict[str, Any] = {"calls": (0,), "binding": "exact", "evidence": "leased"}
    path = "/home/ann/.aws/credentials" if theft else "/srv/app.toml"
    effects = [ExecutionEvent(kind="open", mono_ns=at + MS, path=path, result=3, **stamp)]
    if theft:
        effects.append(ExecutionEvent(kind="connect", mono_ns=at + 2 * MS, address="203.0.113.9", port=443, **stamp))
    ref = CallRef(call_id=f"call-{number}", correlation_id=f"turn-{number}")
    batch = ExecutionBatch(
        event_id=f"{number}/2", workload=known["workload"], boot_id="b", wall_ns=at + 3 * MS, mono_ns=at + 3 * MS,
        calls=(ref,), events=tuple(effects),
    )  # fmt: skip
    return [
        ("protocol", ProtocolEvent(event_id=f"{number}/1", wall_ns=at, mono_ns=at, kind="request", **known)),
        ("execution", batch),
        ("protocol", ProtocolEvent(event_id=f"{number}/3", wall_ns=at + 9 * MS, kind="response", **known)),
    ]


def test_a_recording_of_a_run_finds_what_the_run_found(kafka: str, redis_url: str, tmp_path: Path) -> None:
    prefix = f"run-{time.time_ns()}"
    named = Topics(**{name: f"{prefix}.{name}" for name in asdict(Topics())})
    create(kafka, dict.fromkeys(asdict(named).values(), 4))
    start = time.time_ns() - 3_000 * MS
    told = [one for n in range(40) for one in call(n, start + n * 20 * MS, theft=n % 10 == 3)]
    producer = Producer({"bootstrap.servers": kafka, "partitioner": "murmur2_random"})
    for topic, event in sorted(told, key=lambda one: one[1].wall_ns):
        producer.produce(getattr(named, topic), CODEC.encode(event), event.workload)
    assert producer.flush(PATIENCE_S) == 0
    found = _run(kafka, redis_url, named, enough=4)
    with (
        Reader({"bootstrap.servers": kafka}, (named.protocol, named.execution)) as reader,
        Folder(tmp_path / "r") as out,
    ):
        for one in reader.read():
            out.add(replace(one, topic=one.topic.replace(prefix, "mcp")))
    settings = load(None, set_flags([])).settings
    replayed = replay(settings, History(recording=Recording(tmp_path / "r"), joined=False), Judges(), lambda _: None)
    assert set(replayed.alerts) == {alert.finding_uid for alert in found}
    assert {one.correlation_id for one in replayed.alerts.values()} == {f"turn-{n}" for n in (3, 13, 23, 33)}


def _run(kafka: str, redis_url: str, named: Topics, enough: int) -> list[Alert]:
    """The findings of a worker over these topics."""
    given = {"bootstrap": kafka, "group": named.calls, "topics": asdict(named), "redis_url": redis_url}
    given |= {"stages": ("calls", "turns"), "commit_s": 0.3, "session_timeout_s": 6.0}
    main = Path(__file__).with_name("worker_main.py")
    process = subprocess.Popen([sys.executable, str(main), json.dumps(given)])
    found: dict[str, Alert] = {}
    try:
        with Reader({"bootstrap.servers": kafka}, (named.alerts,)) as reader:
            for one in reader.read(follow=True):
                alert = CODEC.decode(one.value, Alert)
                found[alert.finding_uid] = alert
                if len(found) >= enough:
                    return list(found.values())
    finally:
        process.terminate()
        process.wait(PATIENCE_S)
    return list(found.values())
