"""What a runner works between: records and chunks from a Kafka client, where outputs and writes go, and its plan."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from ..models.errors import WireError
from ..models.wire import Codec
from .config import ClockTimes
from .stage import Headers, Input, Stage

__all__ = ["Chunk", "Plan", "Record", "Schemas", "Sink", "Store"]


def _nothing() -> None:
    pass


class Record(Protocol):
    """A record as a Kafka client hands it over. `timestamp` is in milliseconds, its type 1 when the broker set it."""

    @property
    def offset(self) -> int: ...

    @property
    def timestamp(self) -> int: ...

    @property
    def timestamp_type(self) -> int: ...

    @property
    def key(self) -> bytes | None: ...

    @property
    def value(self) -> bytes | None: ...

    @property
    def headers(self) -> Sequence[tuple[str, bytes | None]]: ...


@dataclass(frozen=True, slots=True)
class Chunk:
    """Consecutive records of one topic partition. `done` acknowledges all of them, `taken` tells that a stage has them.

    `generation` is that of the consumer group's assignment they were read under.
    """

    topic: str
    partition: int
    records: Sequence[Record]
    generation: int
    done: Callable[[], None]
    taken: Callable[[], None] = _nothing


class Sink(Protocol):
    """Sends a record; the inner awaitable ends when the broker has acknowledged it, or raises."""

    async def send(self, topic: str, key: bytes, value: bytes, headers: Headers) -> Awaitable[object]: ...


class Store(Protocol):
    """What a stage's `wanted` and `writes` are for. Raises StoreAwayError while it cannot be reached."""

    async def lookup(self, wanted: Any) -> Any: ...

    async def apply(self, writes: Sequence[Any]) -> None: ...


class Schemas(Protocol):
    """Where a codec learns the ids it does not know; answers why not, where a schema is no event.

    Raises AwayError while it cannot be reached.
    """

    async def teach(self, codec: Codec, ids: Collection[int]) -> Mapping[int, WireError]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What one runner runs. `sources` says which event each topic carries."""

    name: str
    sources: Mapping[str, type[Input]]
    new_stage: Callable[[], Stage]
    times: ClockTimes
    dead_letters: str
    max_bytes: int
