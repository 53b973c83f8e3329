"""After a rebalance each partition is read from its committed offset, or its beginning where none is committed."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

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
