"""After a rebalance each partition is read from its committed offset, or its beginning where none is committed."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka.errors import IllegalStateError

from triptych.streams.chunks import _Thread


class Consumer:
    """Seeks as aiokafka does: nowhere, where nothing is committed."""

    def __init__(self, committed: dict[str, int | None]) -> None:
        self._committed = committed
        self.from_beginning: tuple[str, ...] = ()

    def assignment(self) -> set[str]:
        return set(self._committed)

    async def seek_to_committed(self) -> dict[str, int | None]:
        assert self._committed, "as aiokafka says where nothing is assigned"
        return self._committed

    async def seek_to_beginning(self, *partitions: str) -> None:
        self.from_beginning = partitions


async def test_a_partition_without_a_committed_offset_goes_back_to_its_beginning() -> None:
    consumer = Consumer({"read": 7, "new": None, "at the start": 0})
    thread: Any = SimpleNamespace(_ensure_consumer=lambda: consumer)
    assert await _Thread._seek_back(thread) == {"read": 7, "new": None, "at the start": 0}
    assert consumer.from_beginning == ("new", "at the start")


async def test_where_all_is_committed_nothing_else_is_sought() -> None:
    consumer = Consumer({"read": 7})
    thread: Any = SimpleNamespace(_ensure_consumer=lambda: consumer)
    await _Thread._seek_back(thread)
    assert consumer.from_beginning == ()


async def test_a_worker_without_a_partition_has_nowhere_to_go_back_to() -> None:
    consumer = Consumer({})
    thread: Any = SimpleNamespace(_ensure_consumer=lambda: consumer)
    assert await _Thread._seek_back(thread) == {}


class Losing(Consumer):
    """Loses a partition to another worker while it seeks, if it has one to lose."""

    def __init__(self, committed: dict[str, int | None], lost: str) -> None:
        super().__init__(committed)
        self._lost = lost

    async def seek_to_beginning(self, *partitions: str) -> None:
        if self._lost in partitions:
            self._committed.pop(self._lost, None)
            raise IllegalStateError(f"{self._lost} is not assigned")
        await super().seek_to_beginning(*partitions)


async def test_where_partitions_move_meanwhile_those_that_are_held_are_sought() -> None:
    consumer = Losing({"stays": None, "goes": None}, lost="goes")
    thread: Any = SimpleNamespace(_ensure_consumer=lambda: consumer)
    assert await _Thread._seek_back(thread) == {"stays": None}
    assert consumer.from_beginning == ("stays",)


async def test_a_refusal_where_nothing_moved_is_an_error() -> None:
    consumer = Losing({"stays": None}, lost="stays")
    consumer.assignment = lambda: {"stays"}  # type: ignore[method-assign]
    thread: Any = SimpleNamespace(_ensure_consumer=lambda: consumer)
    with pytest.raises(IllegalStateError):
        await _Thread._seek_back(thread)
