"""Dead letters: a record that could not be processed, with its reason and its bytes, under a deterministic id. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import uuid5

from ..models.events import DeadLetter
from .record import NAMESPACE

__all__ = ["MAX_VALUE", "Source", "dead_letter"]

MAX_VALUE = 750_000


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
