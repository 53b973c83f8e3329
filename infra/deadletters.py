"""Dead letters as the broker holds them: filtered, one in full, or sent again to where they came from.

A letter is sent again with the bytes it holds and a header that counts the rounds. Refuses letters whose bytes are not
whole, those that have come back too often, and those that were addressed to the dead letters themselves.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from confluent_kafka import KafkaException, Producer

from ..models import topics, wire
from ..models.errors import TriptychError, WireError
from ..models.events import DeadLetter
from ..models.text import clean
from ..streams.config import STAGES
from ..streams.deadletter import RETRY
from .errors import BrokerError
from .reading import Reader, Span
from .replay.recorded import FRAME, Recorded

__all__ = ["MOST_ROUNDS", "DeadLetterError", "Filter", "Letter", "Letters", "kind_of", "refusal", "resend"]

MOST_ROUNDS = 3

_ID = re.compile(r"[0-9a-f-]{4,36}")
_CUT = re.compile(r"; \d+ of its \d+ bytes are kept$")
_TIMEOUT_S = 20.0
_DIGITS = 10


class DeadLetterError(TriptychError):
    """Q01 no dead letter, or several, by this id; Q02 a letter that cannot be sent again."""

    code = "Q01"


@dataclass(frozen=True, slots=True)
class Letter:
    """One dead letter with its own place and time, how often its record was sent again already, and the id of the
    letter as which it came back, empty where it did not."""

    letter: DeadLetter
    partition: int
    offset: int
    timestamp: int
    rounds: int = 0
    back: str = ""


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
        """Those that `wanted` takes and whose record did not come back as another letter since. Raises BrokerError.

        Reads the whole topic first, whatever the span: a letter may have come back after it.
        """
        return (letter for letter in self._all(wanted, span) if not letter.back)

    def _all(self, wanted: Filter, span: Span | None = None) -> Iterator[Letter]:
        """Each once: a crash may bury a record twice, under one id."""
        back = self._returned()
        seen: set[str] = set()
        self.unreadable = 0
        for letter, record in self._decoded(span):
            if wanted.takes(letter) and letter.event_id not in seen:
                seen.add(letter.event_id)
                place = (record.partition, record.offset, record.timestamp)
                yield Letter(letter, *place, _round(record)[1], back.get(letter.event_id, ""))

    def _returned(self) -> dict[str, str]:
        """The letter as which a letter came back, id by id: the same record one round on, behind it in its partition.

        A header alone proves nothing: ids can be guessed, and any producer may name somebody else's.
        """
        known: dict[str, tuple[object, ...]] = {}
        back: dict[str, str] = {}
        for letter, record in self._decoded(None):
            if letter.event_id in known:
                continue
            before, rounds = _round(record)
            if before in known and known[before] == _content(letter, record.partition, rounds - 1):
                back[before] = letter.event_id
            known[letter.event_id] = _content(letter, record.partition, rounds)
        return back

    def _decoded(self, span: Span | None) -> Iterator[tuple[DeadLetter, Recorded]]:
        codec = wire.bundled()
        with Reader(self.client, (self.topic,), span) as reader:
            for record in reader.read():
                try:
                    yield codec.decode(record.value, DeadLetter), record
                except WireError:
                    self.unreadable += 1

    def one(self, identifier: str) -> Letter:
        """The letter whose id begins so. Raises DeadLetterError Q01."""
        if not _ID.fullmatch(identifier):
            raise DeadLetterError(f"{clean(identifier, 40)!r} is no id", "triptych deadletter list shows them")
        found = list(self._all(Filter(identifier=identifier)))
        if len(found) != 1:
            what = "begins several dead letters" if found else f"is no dead letter in {self.topic}"
            raise DeadLetterError(f"{identifier} {what}", "triptych deadletter list shows them")
        return found[0]


def kind_of(value: bytes) -> str:
    """What bytes look like, without a word of them."""
    if value[:1] == b"\0" and len(value) > FRAME:
        return f"framed, schema {int.from_bytes(value[1:FRAME])}"
    if value.lstrip()[:1] in (b"{", b"["):
        return "JSON" if _is_json(value) else "nearly JSON"
    return "text" if value and value.isascii() and value.decode().isprintable() else "bytes"


def _is_json(value: bytes) -> bool:
    try:
        orjson.loads(value)
    except ValueError:
        return False
    return True


def refusal(letter: Letter) -> str:
    """Why a letter cannot be sent again; empty where it can."""
    buried = letter.letter
    if buried.stage not in STAGES or buried.offset < 0:
        return "it was no record of a topic; where it came from it still is, or is told"
    if buried.topic == topics.DEADLETTER or not buried.topic:
        return "it was on its way to the dead letters"
    if _CUT.search(buried.reason):
        return "its bytes were cut"
    if letter.back:
        return f"it came back as {letter.back}"
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


def _content(letter: DeadLetter, partition: int, rounds: int) -> tuple[object, ...]:
    """What a record that is sent again has in common with itself: its key decides on the partition of its letter."""
    return partition, rounds, letter.topic, letter.key or b"", hashlib.sha256(letter.value).digest()


def _round(record: Recorded) -> tuple[str, int]:
    """The letter from which a letter's record was sent again, and how often by now; nothing for one that was not."""
    before, _, rounds = (dict(record.headers).get(RETRY) or b"").decode("ascii", "replace").rpartition("/")
    return (before, int(rounds)) if rounds.isdecimal() and len(rounds) < _DIGITS else ("", 0)
