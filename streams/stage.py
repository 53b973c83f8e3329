"""What a stage is: the pure state of one co-partition, and the steps it answers with.

A stage sees records and event time, never a clock, a broker or a store. The runner (runner.py) carries a step out in
this order: every output acknowledged by the broker, then the writes applied to the store, then the pins released. Each
part of that order may happen twice after a crash, so outputs have deterministic ids and writes are idempotent.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from ..models.errors import TriptychError
from ..models.events import AgentSpan, Alert, Call, Event
from ..models.feedback import Verdict
from ..models.lazy import LazyBatch, LazyCall, LazyMessage

__all__ = ["AwayError", "Headers", "Input", "Output", "Pin", "Stage", "Step", "StoreAwayError"]

Headers = tuple[tuple[str, bytes], ...]
Input = LazyMessage | LazyBatch | AgentSpan | Call | Alert | Verdict
"""A record as a stage takes it."""


class AwayError(TriptychError):
    """A part does not answer. The runner waits and asks again; nothing is acknowledged and nothing is dropped."""


class StoreAwayError(AwayError):
    """The store does not answer."""

    code = "J01"


class Pin:
    """One source chunk. Its offset may be committed once nothing holds it; every hold needs its own release."""

    __slots__ = ("_behind", "_committed", "_holds", "_topic")

    def __init__(self, topic: str = "") -> None:
        self._topic = topic
        self._holds = 0
        self._committed = False
        self._behind: list[Pin] = []

    @property
    def held(self) -> bool:
        return self._holds > 0

    def hold(self) -> None:
        self._holds += 1

    def release(self) -> None:
        """Give one hold back. Raises ValueError when nobody holds the pin: a second release would lose records."""
        if not self._holds:
            raise ValueError("a pin was released more often than it was held")
        self._holds -= 1

    def lead(self, other: Pin) -> None:
        """Let `other` be committed no sooner than this one, for whoever reads this chunk again needs that one too.
        Chunks of one topic are committed in their order anyway."""
        if other._topic != self._topic and not self._committed:
            other.hold()
            self._behind.append(other)

    def commit(self) -> None:
        """The chunk was acknowledged: what it led is free of it."""
        self._committed = True
        for other in self._behind:
            other.release()
        self._behind.clear()


@dataclass(frozen=True, slots=True)
class Output:
    """One record to send. An event is encoded by the runner; bytes are sent as they are."""

    topic: str
    key: str
    value: Event | LazyCall | bytes
    headers: Headers = ()


@dataclass(frozen=True, slots=True)
class Step:
    """What follows from a record or from time: records to send, store writes, and pins to release after both."""

    outputs: tuple[Output, ...] = ()
    writes: tuple[Any, ...] = ()
    releases: tuple[Pin, ...] = ()


class Stage(Protocol):
    """The state of one co-partition.

    The runner holds the chunk's pin itself while it adds the chunk; a stage calls `pin.hold()` once for each thing it
    keeps that needs the record again after a crash, and lists the pin in `Step.releases` once for each such hold.
    """

    def wanted(self, records: Sequence[Input]) -> Any:
        """What the store must answer before these records are added, in the store's own terms; None for nothing."""

    def add(self, record: Input, pin: Pin, known: Any) -> Step:
        """Take one record. `known` is the store's answer to `wanted` for the chunk it came in."""

    def advance(self, watermark_ns: int) -> Step:
        """Event time moved: no record older than `watermark_ns` is expected any more (Unix epoch, nanoseconds)."""

    def next_deadline(self) -> int | None:
        """The watermark at which `advance` has something to do; None while nothing waits."""
