from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from patience import PATIENCE_S
from typer.testing import CliRunner

from triptych.infra import brokers
from triptych.infra.cli.main import app
from triptych.infra.cli.options import Options
from triptych.infra.deadletters import MOST_ROUNDS, DeadLetterError, Filter, Letter, Letters, kind_of, refusal, resend
from triptych.infra.settings import Kafka
from triptych.models import topics, wire
from triptych.models.errors import ConfigError
from triptych.models.events import DeadLetter
from triptych.streams.deadletter import MAX_VALUE, RETRY, Source, dead_letter

CODEC = wire.bundled()
NASTY = b"\x1b[31mred\x00\xff"


def buried(
    offset: int, code: str = "W02", *, topic: str = topics.PROTOCOL, stage: str = "calls", value: bytes = NASTY
) -> DeadLetter:
    source = Source(topic, 1, offset, 1_700_000_000_000, b"w", value)
    return dead_letter(source, code, f"reason {code}", stage)


HELD = [buried(1), buried(2, "W03"), buried(3, topic=topics.CALLS, stage="turns"), buried(1)]


@pytest.fixture
def broker() -> Iterator[brokers.Broker]:
    """A broker with three dead letters, one of them twice, and one record that is none."""
    with brokers.start(Kafka()) as started:
        producer = Producer(started.client())
        for letter in HELD:
            producer.produce(topics.DEADLETTER, CODEC.encode(letter), key="w")
        producer.produce(topics.DEADLETTER, b"junk", key="w")
        producer.produce(topics.DEADLETTER, CODEC.encode(buried(9, "J04")), key="w", headers=[(RETRY, "x/3")])
        assert producer.flush(PATIENCE_S) == 0
        yield started


@pytest.fixture
def letters(broker: brokers.Broker) -> Letters:
    return Letters(broker.client())


def test_each_letter_is_read_once_however_often_it_was_buried(letters: Letters) -> None:
    found = [one.letter for one in letters.read(Filter())]
    assert found == [*HELD[:3], buried(9, "J04")]
    assert letters.unreadable == 1


@pytest.mark.parametrize(
    ("wanted", "offsets"),
    [
        (Filter(codes=("W02",)), [1, 3]),
        (Filter(codes=("W03", "J04")), [2, 9]),
        (Filter(origins=(topics.CALLS,)), [3]),
        (Filter(stages=("calls",), codes=("W02",)), [1]),
        (Filter(codes=("W09",)), []),
    ],
)
def test_filters_take_what_meets_all_of_them(letters: Letters, wanted: Filter, offsets: list[int]) -> None:
    assert [one.letter.offset for one in letters.read(wanted)] == offsets


def test_one_letter_is_found_by_the_beginning_of_its_id(letters: Letters) -> None:
    assert letters.one(HELD[1].event_id[:12]).letter == HELD[1]
    for odd in ("0000", "*", "ab"):
        with pytest.raises(DeadLetterError):
            letters.one(odd)


def letter(rounds: int = 0, **facts: Any) -> Letter:
    values: dict[str, Any] = {"topic": topics.PROTOCOL, "offset": 3, "stage": "calls", "reason": "r", "value": b"x"}
    return Letter(DeadLetter(**{**values, **facts}), 0, 0, 0, rounds)


@pytest.mark.parametrize(
    ("refused", "why"),
    [
        (letter(topic=topics.DEADLETTER), "on its way to the dead letters"),
        (letter(offset=-1), "no record of a topic"),
        (letter(stage="gateway.ship"), "no record of a topic"),
        (letter(rounds=MOST_ROUNDS), "came back 3 times"),
        (Letter(dead_letter(Source("t", 0, 1, 0, None, bytes(MAX_VALUE + 1)), "W01", "r", "calls"), 0, 0, 0), "cut"),
    ],
)
def test_what_would_loop_or_is_not_whole_is_not_sent_again(broker: brokers.Broker, refused: Letter, why: str) -> None:
    assert why in refusal(refused)
    with pytest.raises(DeadLetterError, match=why):
        resend(broker.client(), [refused])


def sent_again(broker: brokers.Broker, number: int) -> list[Any]:
    consumer = Consumer({**broker.client(), "group.id": "t", "enable.auto.commit": False})
    consumer.assign([TopicPartition(topics.PROTOCOL, partition, 0) for partition in range(4)])
    found: list[Any] = []
    while len(found) < number:
        found += consumer.consume(number - len(found), 5.0)
    consumer.close()
    return found


def test_a_record_is_sent_again_as_it_was_with_a_header_that_counts(broker: brokers.Broker) -> None:
    assert resend(broker.client(), [letter(rounds=1, event_id="abc", key=b"w", value=NASTY)]) == 1
    message = sent_again(broker, 1)[-1]
    assert (message.key(), message.value(), message.headers()) == (b"w", NASTY, [(RETRY, b"abc/2")])


@pytest.fixture
def run(broker: brokers.Broker) -> Any:
    def command(*words: str) -> Any:
        result = CliRunner().invoke(
            app, ["--set", f"kafka.bootstrap={broker.bootstrap}", "deadletter", *words], obj=Options()
        )
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return command


def test_the_list_tells_when_why_and_from_where(run: Any) -> None:
    rows = json.loads(run("list", "--code", "W03", "--json").stdout)
    assert [(row["code"], row["from"], row["reason"]) for row in rows] == [("W03", "mcp.protocol/1/2", "reason W03")]


def test_what_a_record_holds_is_shown_on_request_only(run: Any) -> None:
    plain, told = run("show", HELD[0].event_id), json.loads(run("show", HELD[0].event_id, "--json").stdout)
    assert ("red" in plain.output, NASTY.hex(" ") in plain.output, "--bytes" in plain.stderr) == (False, False, True)
    assert ("key" in told, "value" in told, told["bytes"]) == (False, False, len(NASTY))


@pytest.mark.parametrize("option", ["--bytes", "--whole"])
def test_bytes_of_strangers_are_shown_as_hex_and_never_as_they_are(run: Any, option: str) -> None:
    shown = run("show", HELD[0].event_id, option).stdout
    assert NASTY.hex(" ") in shown
    assert "\x1b" not in shown
    assert json.loads(run("show", HELD[0].event_id, option, "--json").stdout)["value"] == NASTY.hex()


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (b"\0\0\0\xff\xffsecret", "framed, schema 65535"),
        (b' {"password": "secret"}', "JSON"),
        (b'{"password": "secret', "nearly JSON"),
        (b"a secret", "text"),
        (NASTY, "bytes"),
        (b"", "bytes"),
        (b"\0", "bytes"),
    ],
)
def test_what_a_record_looks_like_is_told_without_a_word_of_it(value: bytes, kind: str) -> None:
    assert kind_of(value) == kind


def test_a_retry_sends_nothing_unless_it_is_told_to(run: Any, broker: brokers.Broker) -> None:
    dry = run("retry", "--code", "W03")
    assert (dry.exit_code, "would be sent" in dry.stdout) == (0, True)
    done = run("retry", "--code", "W03", "--send", "--json")
    assert json.loads(done.stdout)["sent"] == 1
    assert [(RETRY, f"{HELD[1].event_id}/1".encode())] in [one.headers() for one in sent_again(broker, 1)]


def test_a_retry_of_what_cannot_go_again_ends_with_1_and_says_why(run: Any) -> None:
    result = run("retry", "--code", "J04", "--send")
    assert (result.exit_code, "came back 3 times" in result.stdout) == (1, True)


def test_a_record_that_came_back_is_sent_again_from_its_newest_letter_alone(run: Any, broker: brokers.Broker) -> None:
    first, second = buried(71, "J06"), buried(72, "J06")
    producer = Producer(broker.client())
    producer.produce(topics.DEADLETTER, CODEC.encode(first), key="w")
    producer.produce(
        topics.DEADLETTER, CODEC.encode(second), key="w", headers=[(RETRY, f"{first.event_id}/1".encode())]
    )
    assert producer.flush(PATIENCE_S) == 0
    (row,) = json.loads(run("list", "--code", "J06", "--json").stdout)
    assert row["id"] == second.event_id
    assert json.loads(run("retry", "--code", "J06", "--send", "--json").stdout)["sent"] == 1
    assert run("show", first.event_id).exit_code == 0
    refused = run("retry", first.event_id, "--send")
    assert (refused.exit_code, f"came back as {second.event_id}" in refused.stdout) == (1, True)


def listed(broker: brokers.Broker, code: str, *held: tuple[DeadLetter, str]) -> list[int]:
    """Bury these, each with the header of its record, and where the records of those that are listed stood."""
    producer = Producer(broker.client())
    for one, header in held:
        producer.produce(topics.DEADLETTER, CODEC.encode(one), key="w", headers=[(RETRY, header.encode())])
    assert producer.flush(PATIENCE_S) == 0
    return [one.letter.offset for one in Letters(broker.client()).read(Filter(codes=(code,)))]


def test_records_that_name_each_other_hide_nobody(broker: brokers.Broker) -> None:
    first, second = buried(201, "X01"), buried(202, "X01")
    assert listed(broker, "X01", (first, f"{second.event_id}/1"), (second, f"{first.event_id}/1")) == [201, 202]


@pytest.mark.parametrize(
    "other", [{"value": b"other bytes"}, {"topic": topics.CALLS}], ids=["other bytes", "another topic"]
)
def test_another_record_hides_nobodys_letter_by_naming_it(broker: brokers.Broker, other: dict[str, Any]) -> None:
    code = f"X{len(other.get('value', b''))}"
    victim, bad = buried(211, code), buried(212, code, **other)
    assert listed(broker, code, (victim, ""), (bad, f"{victim.event_id}/1")) == [211, 212]
    assert Letters(broker.client()).one(victim.event_id).back == ""


@pytest.mark.parametrize("header", ["{}/3", "{}/0"])
def test_a_round_that_was_never_begun_hides_nothing(broker: brokers.Broker, header: str) -> None:
    code, at = f"Y{header[-1]}", 220 + int(header[-1])
    victim, bad = buried(at, code), buried(at + 10, code)
    assert listed(broker, code, (victim, ""), (bad, header.format(victim.event_id))) == [at, at + 10]


def test_a_letter_cannot_have_come_back_before_it_was_buried(broker: brokers.Broker) -> None:
    early, late = buried(241, "X41"), buried(242, "X41")
    named = (early, f"{late.event_id}/1")
    assert listed(broker, "X41", named, (late, ""), named) == [241, 242]  # a crash buries twice


@pytest.mark.parametrize("header", [b"", b"/", b"x/y", b"x/\xc2\xb2", b"x/-1", b"x/" + b"9" * 5_000, b"\xff\xfe/1"])
def test_a_header_of_somebody_else_breaks_nothing(broker: brokers.Broker, header: bytes) -> None:
    alien = buried(90, "X99")
    producer = Producer(broker.client())
    producer.produce(topics.DEADLETTER, CODEC.encode(alien), key="w", headers=[(RETRY, header)])
    assert producer.flush(PATIENCE_S) == 0
    assert len(list(Letters(broker.client()).read(Filter(codes=("X99",))))) == 1


def test_everything_at_once_is_never_sent(run: Any) -> None:
    with pytest.raises(ConfigError, match="ids or a filter"):
        run("retry", "--send")
