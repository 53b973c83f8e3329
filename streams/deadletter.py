"""Dead letters: a record that could not be processed, with its reason and its bytes, under a deterministic id. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import uuid5

from ..models.events import DeadLetter
from .record import NAMESPACE

__all__ = ["MAX_VALUE", "RETRY", "Source", "dead_letter", "retried"]

MAX_VALUE = 750_000
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
    """`reason` must not hold content of the record. Bytes beyond 750,000 are cut, so that the letter itself arrives."""
    size = len(source.value)
    return DeadLetter(
        event_id=str(uuid5(NAMESPACE, f"{stage}/{source.place}")),
        topic=source.topic,
        partition=source.partition,
        offset=source.offset,
        wall_ns=source.timestamp_ms * 1_000_000,
        code=code,
        reason=reason if size <= MAX_VALUE else f"{reason}; {MAX_VALUE} of its {size} bytes are kept",
        stage=stage,
        key=source.key,
        value=source.value[:MAX_VALUE],
    )


def retried(headers: Iterable[tuple[str, bytes | None]]) -> tuple[tuple[str, bytes], ...]:
    """What a letter's headers keep of those of its record: how often it was sent again, so that no loop is endless."""
    return tuple((name, value) for name, value in headers if name == RETRY and value)
