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
from .pins import Pin

__all__ = ["ROOM", "AwayError", "Headers", "Input", "Output", "Stage", "Step", "StoreAwayError"]

Headers = tuple[tuple[str, bytes], ...]
Input = LazyMessage | LazyBatch | AgentSpan | Call | Alert | Verdict
"""A record as a stage takes it."""
ROOM = 4
"""A stage counts as crowding from one part in so many of its bound on: much may be on its way to it already."""


class AwayError(TriptychError):
    """A part does not answer. The runner waits and asks again; nothing is acknowledged and nothing is dropped."""


class StoreAwayError(AwayError):
    """The store does not answer."""

    code = "J01"


@dataclass(slots=True)  # one for each call: a frozen one costs four times as much to make
class Output:
    """One record to send. An event is encoded by the runner; bytes are sent as they are."""

    topic: str
    key: str
    value: Event | LazyCall | bytes
    headers: Headers = ()


@dataclass(slots=True)
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

    def crowding(self) -> bool:
        """Whether room gets short, so that topics far ahead of their time should not be read on."""
