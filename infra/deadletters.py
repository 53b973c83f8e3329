"""Dead letters as the broker holds them: filtered, one in full, or sent again to where they came from.

A letter is sent again with the bytes it holds and a header that counts the rounds. Refuses letters whose bytes are not
whole, those that have come back too often, and those that were addressed to the dead letters themselves.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from confluent_kafka import KafkaException, Producer

from ..models import topics, wire
from ..models.errors import TriptychError, WireError
from ..models.events import DeadLetter
from ..models.text import clean
from ..streams.config import STAGES
from ..streams.deadletter import RETRY
from .errors import BrokerError
from .reading import Reader, Span
from .replay.recorded import Recorded

__all__ = ["MOST_ROUNDS", "DeadLetterError", "Filter", "Letter", "Letters", "refusal", "resend"]

MOST_ROUNDS = 3

_ID = re.compile(r"[0-9a-f-]{4,36}")
_CUT = re.compile(r"; \d+ of its \d+ bytes are kept$")
_TIMEOUT_S = 20.0


class DeadLetterError(TriptychError):
    """Q01 no dead letter, or several, by this id; Q02 a letter that cannot be sent again."""

    code = "Q01"


@dataclass(frozen=True, slots=True)
class Letter:
    """One dead letter with its own place and time, and how often its record was sent again already."""

    letter: DeadLetter
    partition: int
    offset: int
    timestamp: int
    rounds: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Which letters; empty takes all. `codes` and `origins` (topics of the records) are alternatives."""

    codes: Sequence[str] = ()
    origins: Sequence[str] = ()
    stages: Sequence[str] = ()
    identifier: str = ""

    def takes(self, letter: DeadLetter) -> bool:
        return (
            (not self.codes or letter.code in self.codes)
            and (not self.origins or letter.topic in self.origins)
            and (not self.stages or letter.stage in self.stages)
            and letter.event_id.startswith(self.identifier)
        )


@dataclass
class Letters:
    """The dead letters of one broker. `unreadable` counts records of the topic that are none."""

    client: Mapping[str, Any]
    topic: str = topics.DEADLETTER
    unreadable: int = 0

    def read(self, wanted: Filter, span: Span | None = None) -> Iterator[Letter]:
        """Those that `wanted` takes, each once: a crash may bury a record twice, under one id. Raises BrokerError."""
        seen: set[str] = set()
        codec = wire.bundled()
        with Reader(self.client, (self.topic,), span) as reader:
            for record in reader.read():
                try:
                    letter = codec.decode(record.value, DeadLetter)
                except WireError:
                    self.unreadable += 1
                    continue
                if wanted.takes(letter) and letter.event_id not in seen:
                    seen.add(letter.event_id)
                    yield _letter(letter, record)

    def one(self, identifier: str) -> Letter:
        """The letter whose id begins so. Raises DeadLetterError Q01."""
        if not _ID.fullmatch(identifier):
            raise DeadLetterError(f"{clean(identifier, 40)!r} is no id", "triptych deadletter list shows them")
        found = list(self.read(Filter(identifier=identifier)))
        if len(found) != 1:
            what = "begins several dead letters" if found else f"is no dead letter in {self.topic}"
            raise DeadLetterError(f"{identifier} {what}", "triptych deadletter list shows them")
        return found[0]


def refusal(letter: Letter) -> str:
    """Why a letter cannot be sent again; empty where it can."""
    buried = letter.letter
    if buried.stage not in STAGES or buried.offset < 0:
        return "it was no record of a topic; where it came from it still is, or is told"
    if buried.topic == topics.DEADLETTER or not buried.topic:
        return "it was on its way to the dead letters"
    if _CUT.search(buried.reason):
        return "its bytes were cut"
    if letter.rounds >= MOST_ROUNDS:
        return f"it came back {letter.rounds} times"
    return ""


def resend(client: Mapping[str, Any], letters: Iterable[Letter]) -> int:
    """Send the records of letters to their topics again, and how many the broker took.

    Raises DeadLetterError Q02 for a letter that `refusal` refuses, BrokerError K13 where the broker does not take one.
    """
    producer = Producer({**client, "partitioner": "murmur2_random", "enable.idempotence": True, "log_level": 0})
    failed: list[str] = []
    sent = 0
    for letter in letters:
        if why := refusal(letter):
            raise DeadLetterError(f"{letter.letter.event_id} cannot be sent again: {why}", code="Q02")
        _produce(producer, letter, failed)
        sent += 1
    left = producer.flush(_TIMEOUT_S)
    if failed or left:
        why = failed[0] if failed else f"{left} records were not acknowledged in {_TIMEOUT_S:.0f} s"
        raise BrokerError(f"not all were taken: {why}", "the rest can be sent again: ids stay the same", code="K13")
    return sent


def _produce(producer: Producer, letter: Letter, failed: list[str]) -> None:
    def report(error: Any, message: Any) -> None:
        if error is not None:
            failed.append(error.str())

    buried = letter.letter
    headers: list[tuple[str, str | bytes | None]] = [(RETRY, f"{buried.event_id}/{letter.rounds + 1}")]
    try:
        producer.produce(buried.topic, buried.value, buried.key, headers=headers, on_delivery=report)
        producer.poll(0)
    except (BufferError, KafkaException) as error:
        failed.append(str(error))


def _letter(letter: DeadLetter, record: Recorded) -> Letter:
    told = dict(record.headers).get(RETRY) or b""
    rounds = told.rpartition(b"/")[2]
    return Letter(letter, record.partition, record.offset, record.timestamp, int(rounds) if rounds.isdigit() else 0)
