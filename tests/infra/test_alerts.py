from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import orjson
import pytest
from confluent_kafka import Producer
from patience import PATIENCE_S
from typer.testing import CliRunner

from triptych.infra import alerts, brokers
from triptych.infra.cli.main import app
from triptych.infra.cli.options import Options
from triptych.infra.errors import BrokerError
from triptych.infra.settings import Kafka
from triptych.models import finding, testing, wire
from triptych.models.detections.engine import Rulebook
from triptych.models.events import Alert

CODEC = wire.bundled()


def stolen() -> Alert:
    effects = (testing.read("/home/ann/.aws/credentials", 0.2), testing.connect("203.0.113.7:443", 0.3))
    turn = testing.turn(testing.call("read_config", *effects))
    return finding.assemble(turn, Rulebook.load().evaluate(turn, {}).hits, None, {}, tenant="acme")


def numbered(index: int) -> Alert:
    return replace(stolen(), finding_uid=f"trp-{index:016x}", wall_ns=testing.START_NS + index)


@pytest.fixture
def broker() -> Iterator[brokers.Broker]:
    """A broker with nine findings on several partitions, two revisions of one of them, and one bad record."""
    with brokers.start(Kafka()) as started:
        producer = Producer(started.client())
        held = [*map(numbered, range(9)), replace(numbered(4), sequence=2, title="second revision")]
        for alert in held:
            producer.produce(alerts.TOPIC, CODEC.encode(alert), key=alert.finding_uid)
        producer.produce(alerts.TOPIC, b"no alert")
        assert producer.flush(PATIENCE_S) == 0
        yield started


def test_each_finding_of_all_partitions_comes_once_in_event_time(broker: brokers.Broker) -> None:
    inbox = alerts.Inbox(broker.client())
    held = list(inbox.read())
    assert [alert.wall_ns for alert in held] == sorted(alert.wall_ns for alert in held)
    assert [alert.finding_uid for alert in held] == [numbered(index).finding_uid for index in range(9)]
    assert [alert.sequence for alert in held] == [1, 1, 1, 1, 2, 1, 1, 1, 1]
    assert inbox.unreadable == 1


@pytest.mark.parametrize("last", [0, 1, 3])
def test_the_last_ones_are_the_newest(broker: brokers.Broker, last: int) -> None:
    found = [alert.finding_uid for alert in alerts.Inbox(broker.client()).read(last=last)]
    assert found == [numbered(index).finding_uid for index in range(9 - last, 9)]


def test_following_goes_on_where_the_topic_ended(broker: brokers.Broker) -> None:
    stream = alerts.Inbox(broker.client()).read(last=1, follow=True)
    assert next(stream).finding_uid == numbered(8).finding_uid
    producer = Producer(broker.client())
    producer.produce("mcp.alerts", CODEC.encode(replace(numbered(4), sequence=3)), key="new")
    producer.flush(PATIENCE_S)
    assert (next(stream).sequence) == 3
    stream.close()


def test_following_tells_of_every_revision(broker: brokers.Broker) -> None:
    stream = alerts.Inbox(broker.client()).read(last=1, follow=True)
    next(stream)
    producer = Producer(broker.client())
    coming = [replace(numbered(3), sequence=2, activity="update"), replace(numbered(3), sequence=3, activity="close")]
    for alert in coming:
        producer.produce("mcp.alerts", CODEC.encode(alert), key="same")
    producer.flush(PATIENCE_S)
    assert [next(stream).activity, next(stream).activity] == ["update", "close"]
    stream.close()


def test_a_finding_is_found_by_its_beginning_in_its_newest_revision(broker: brokers.Broker) -> None:
    found = alerts.find(alerts.Inbox(broker.client()), numbered(4).finding_uid)
    assert found.sequence >= 2
    with pytest.raises(alerts.AlertError, match="no finding trp-ffff") as missing:
        alerts.find(alerts.Inbox(broker.client()), "trp-ffff")
    with pytest.raises(alerts.AlertError, match="is the beginning of") as ambiguous:
        alerts.find(alerts.Inbox(broker.client()), "trp-0")
    assert (missing.value.code, ambiguous.value.code) == ("A01", "A02")


def run(broker: brokers.Broker, *words: str) -> str:
    options = ["--set", f"kafka.bootstrap={broker.bootstrap}", "alerts", *words]
    result = CliRunner().invoke(app, options, obj=Options(), catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_tail_prints_a_line_for_each_finding(broker: brokers.Broker) -> None:
    lines = run(broker, "tail", "--count", "2").splitlines()
    assert [line.split()[3] for line in lines] == [numbered(7).finding_uid, numbered(8).finding_uid]
    assert all(len(line) < 100 for line in lines)


def test_tail_prints_a_finding_of_two_revisions_once(broker: brokers.Broker) -> None:
    lines = run(broker, "tail", "--from-beginning").splitlines()
    assert [line.split()[3] for line in lines] == [numbered(index).finding_uid for index in range(9)]


def test_tail_as_json_is_one_object_a_line(broker: brokers.Broker) -> None:
    objects = [orjson.loads(line) for line in run(broker, "tail", "-n", "2", "--json").splitlines()]
    assert [alert["finding_uid"] for alert in objects] == [numbered(7).finding_uid, numbered(8).finding_uid]


def test_explain_shows_the_whole_finding(broker: brokers.Broker) -> None:
    text = run(broker, "explain", numbered(8).finding_uid)
    assert "What happened" in text
    assert numbered(8).finding_uid in text


def test_a_topic_that_is_not_there_is_said_with_the_next_step(broker: brokers.Broker) -> None:
    with pytest.raises(BrokerError, match=r"mcp\.nothing") as refusal:
        list(alerts.Inbox(broker.client(), "mcp.nothing").read())
    assert refusal.value.code == "K13"
