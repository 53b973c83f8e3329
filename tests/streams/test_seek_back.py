"""After a rebalance each partition is read from its committed offset, or its beginning where none is committed."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from types import SimpleNamespace
from typing import Any

import pytest

from triptych.streams import chunks
from triptych.streams.chunks import _Thread


class Client:
    """A consumer that holds partitions, each with what is committed for it."""

    def __init__(self, committed: dict[str, int]) -> None:
        self.committed = committed
        self.sought: dict[str, int] = {}
        self.asked: Callable[[], object] = lambda: None
        self._subscription = SimpleNamespace(subscription=SimpleNamespace(assignment=None))
        self._coordinator = SimpleNamespace(fetch_committed_offsets=self._fetch)
        self._fetcher = SimpleNamespace(seek_to=self.sought.__setitem__)
        self.assign(*committed)

    def assign(self, *partitions: str) -> None:
        if (before := self._subscription.subscription.assignment) is not None:
            before.active = False
        self._subscription.subscription.assignment = SimpleNamespace(tps=partitions, active=True)

    def assignment(self) -> set[str]:
        return set(self._subscription.subscription.assignment.tps)

    async def _fetch(self, partitions: Iterable[str]) -> dict[str, Any]:
        self.asked()
        return {tp: SimpleNamespace(offset=self.committed[tp]) for tp in partitions if tp in self.committed}

    async def beginning_offsets(self, partitions: Iterable[str]) -> dict[str, int]:
        return dict.fromkeys(partitions, 3)

    @property
    def thread(self) -> Any:
        return SimpleNamespace(_ensure_consumer=lambda: self)


async def test_a_partition_without_a_committed_offset_goes_back_to_its_beginning() -> None:
    client = Client({"read": 7, "new": -1, "at the start": 0})
    places = {"read": 7, "new": 3, "at the start": 3}
    assert await _Thread._seek_back(client.thread) == client.sought == places


async def test_a_worker_without_a_partition_has_nowhere_to_go_back_to() -> None:
    assert await _Thread._seek_back(Client({}).thread) == {}


async def test_where_partitions_move_meanwhile_only_those_that_are_held_then_are_sought(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(chunks, "_MOVING_S", 0.0)
    client = Client({"stays": 7, "goes": 8})

    def move() -> None:
        client.asked = lambda: None
        client.assign("stays")

    client.asked = move
    assert await _Thread._seek_back(client.thread) == client.sought == {"stays": 7}


async def test_a_partition_that_moved_away_is_not_read_again_here() -> None:
    client = Client({"stays": 7})
    await _Thread._seek_one(client.thread, "goes", 5)
    await _Thread._seek_one(client.thread, "stays", 5)
    assert client.sought == {"stays": 5}
