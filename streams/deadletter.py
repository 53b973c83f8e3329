"""Dead letters: a record that could not be processed, with its reason and its bytes, under a deterministic id. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ..models.events import DeadLetter
from .record import id_of

__all__ = ["MAX_KEY", "MAX_VALUE", "RETRY", "Source", "dead_letter", "retried"]

MAX_KEY, MAX_VALUE = 10_000, 750_000
"""Bytes of a record that a letter keeps, so that the letter itself arrives."""
RETRY = "triptych-retry"
"""The header of a record that was sent again after it was buried: the id of its letter, a slash, how often by now."""


@dataclass(frozen=True, slots=True)
class Source:
    """A record where it was found. `timestamp_ms` is the record's own."""

    topic: str
    partition: int
    offset: int
    timestamp_ms: int
    key: bytes | None
    value: bytes

    @property
    def place(self) -> str:
        return f"{self.topic}/{self.partition}/{self.offset}"


def dead_letter(source: Source, code: str, reason: str, stage: str) -> DeadLetter:
    """`reason` must not hold content of the record; where bytes are cut, it says how many."""
    key, value = source.key and source.key[:MAX_KEY], source.value[:MAX_VALUE]
    size, kept = (len(part or b"") + len(body) for part, body in ((source.key, source.value), (key, value)))
    return DeadLetter(
        event_id=id_of(f"{stage}/{source.place}"),
        topic=source.topic,
        partition=source.partition,
        offset=source.offset,
        wall_ns=source.timestamp_ms * 1_000_000,
        code=code,
        reason=reason if size == kept else f"{reason}; {kept} of its {size} bytes are kept",
        stage=stage,
        key=key,
        value=value,
    )


def retried(headers: Iterable[tuple[str, bytes | None]]) -> tuple[tuple[str, bytes], ...]:
    """What a letter's headers keep of those of its record: how often it was sent again, so that no loop is endless."""
    return tuple((name, value) for name, value in headers if name == RETRY and value)
